"""Whether a screenshot (PNG) has the twenty squares of page_server.py where they belong; prints a
sum of all its points."""
import sys, struct, zlib

data = open(sys.argv[1], "rb").read()
assert data[:8] == b"\x89PNG\r\n\x1a\n"
at, packed = 8, b""
while at < len(data):
    length, kind = struct.unpack(">I4s", data[at:at + 8])
    body = data[at + 8:at + 8 + length]
    if kind == b"IHDR":
        width, height, depth, colours = struct.unpack(">IIBB", body[:10])
        assert depth == 8 and colours in (2, 6), (depth, colours)
        step = 3 if colours == 2 else 4
    elif kind == b"IDAT":
        packed += body
    at += 12 + length
raw = zlib.decompress(packed)
rows, before = [], bytearray(width * step)
for y in range(height):
    line = y * (width * step + 1)
    kind, row = raw[line], bytearray(raw[line + 1:line + 1 + width * step])
    for i in range(len(row)):
        left = row[i - step] if i >= step else 0
        up = before[i]
        corner = before[i - step] if i >= step else 0
        if kind == 1:
            add = left
        elif kind == 2:
            add = up
        elif kind == 3:
            add = (left + up) // 2
        elif kind == 4:
            p = left + up - corner
            add = min((abs(p - left), 0, left), (abs(p - up), 1, up), (abs(p - corner), 2, corner))[2]
        else:
            add = 0
        row[i] = (row[i] + add) & 255
    rows.append(row)
    before = row

def point(x, y):
    return tuple(rows[y][x * step:x * step + 3])

wrong = []
for y in range(0, height):
    for x in range(0, width):
        number = y // 100 * 5 + x // 100
        inside = x < 500 and y < 400 and x % 100 < 60 and y % 100 < 60
        expected = (number * 12 % 256, number * 53 % 256, number * 101 % 256) if inside else (255, 255, 255)
        if point(x, y) != expected:
            wrong.append((x, y, point(x, y), expected))
print(width, height, zlib.crc32(b"".join(bytes(row) for row in rows)))
assert (width, height) == (800, 600), (width, height)
assert not wrong, (len(wrong), wrong[:5])
