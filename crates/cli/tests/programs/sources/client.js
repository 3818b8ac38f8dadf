// Fifty pages and fifty echoes at once, datagrams, a refused connection.
const assert = require("assert");
const server = process.argv[2];

const page = () =>
  new Promise((resolve, reject) => {
    require("http")
      .get({ host: server, port: 8000, agent: false }, (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part)).on("error", reject);
        response.on("end", () => resolve(Buffer.concat(parts)));
      })
      .on("error", reject);
  });

const echo = (number) =>
  new Promise((resolve, reject) => {
    const data = Buffer.alloc(100_000, number);
    const parts = [];
    const socket = require("net").connect({ host: server, port: 7000, allowHalfOpen: true }, () => socket.end(data));
    socket.on("data", (part) => parts.push(part)).on("error", reject);
    socket.on("end", () => resolve(Buffer.concat(parts).equals(data)));
  });

const datagram = () =>
  new Promise((resolve) => {
    const socket = require("dgram").createSocket("udp4");
    const done = (answered) => (clearTimeout(timer), socket.close(), resolve(answered));
    const timer = setTimeout(() => done(false), 2000);
    socket.on("message", (data, peer) => done(data.toString() === "datagram" && peer.port === 7001));
    socket.send("datagram", 7001, server);
  });

const refused = () =>
  new Promise((resolve) => {
    const socket = require("net").connect(7099, server, () => resolve("connected"));
    socket.on("error", (error) => resolve(error.code));
  });

(async () => {
  const fifty = [...Array(50).keys()];
  const pages = await Promise.all(fifty.map(page));
  assert(pages.every((got) => got.equals(Buffer.alloc(1_000_000, "page"))), "another page");
  assert((await Promise.all(fifty.map(echo))).every((right) => right), "another echo");
  // A datagram may be lost.
  assert((await datagram()) || (await datagram()) || (await datagram()), "no answer over UDP");
  assert.strictEqual(await refused(), "ECONNREFUSED");
  process.exit(0);
})();
