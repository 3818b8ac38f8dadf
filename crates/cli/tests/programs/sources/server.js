// A page over HTTP, an echo over TCP and over UDP.
const page = Buffer.alloc(1_000_000, "page");
const http = require("http").createServer((request, response) => response.end(page));
const echo = require("net").createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
const datagrams = require("dgram").createSocket("udp4");
datagrams.on("message", (data, peer) => datagrams.send(data, peer.port, peer.address));
datagrams.bind(7001, "0.0.0.0", () =>
  echo.listen(7000, "0.0.0.0", 200, () => http.listen(8000, "0.0.0.0", 200, () => console.log("ready"))),
);
