"""A page with twenty objects; writes what was asked for to the file `requests`."""
import http.server, os, struct, sys, zlib

def square(number):
    """A picture of 60 by 60 points in one colour, as PNG, and 20 kB of comment."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    colour = bytes([number * 12 % 256, number * 53 % 256, number * 101 % 256])
    rows = b"".join(b"\0" + colour * 60 for _ in range(60))
    head = struct.pack(">IIBBBBB", 60, 60, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"tEXt", b"Comment\0" + b"x" * 20000)
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))

PAGE = "<!doctype html><title>squares</title><body style='margin:0;background:white'>" + "".join(
    f"<img src='/square{number}.png' style='position:absolute;left:{number % 5 * 100}px;top:{number // 5 * 100}px'>"
    for number in range(20))

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with open("requests", "a") as log:
            log.write(f"GET {self.path}\n")
        if self.path == "/":
            kind, body = "text/html", PAGE.encode()
        elif self.path.startswith("/square"):
            kind, body = "image/png", square(int(self.path[7:-4]))
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64

Server(("0.0.0.0", 8000), Handler).serve_forever()
