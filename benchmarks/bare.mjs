// The other side of the comparison: a bare `ws` server, a Map of player → sockets, one Redis subscription.
// node bare.mjs PORT REDIS_HOST REDIS_PORT CHANNEL, with `ws` to be found by NODE_PATH's sibling (see sockets.py).
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { connect } from "node:net";

const [port, redisHost, redisPort, channel, modules] = process.argv.slice(2);
const { WebSocketServer } = createRequire(modules)("ws");

const players = new Map();
const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on("connection", (socket, request) => {
  const player = request.headers["x-player"];
  let own = players.get(player);
  if (!own) players.set(player, (own = new Set()));
  own.add(socket);
  socket.on("close", () => own.delete(socket));
  socket.send('{"type":"hello","data":{"last_seq":0}}');
});

// What Redis pushes to a subscriber: *3, "message", channel, payload; each a $length, a line, and that many bytes.
const redis = connect(Number(redisPort), redisHost, () => redis.write(`SUBSCRIBE ${channel}\r\n`));
let rest = Buffer.alloc(0);
redis.on("data", (data) => {
  rest = rest.length ? Buffer.concat([rest, data]) : data;
  for (;;) {
    const parts = [];
    let at = rest.indexOf("\r\n") + 2;
    if (at < 2) return;
    while (parts.length < 3) {
      const end = rest.indexOf("\r\n", at);
      if (end < 0) return;
      const kind = rest[at];
      if (kind === 58) { parts.push(null); at = end + 2; continue; } // ":1", the answer to SUBSCRIBE
      const length = Number(rest.toString("latin1", at + 1, end));
      if (rest.length < end + 4 + length) return;
      parts.push(rest.toString("utf8", end + 2, end + 2 + length));
      at = end + 4 + length;
    }
    rest = rest.subarray(at);
    if (parts[0] !== "message") continue;
    for (const [player, text] of JSON.parse(parts[2])) {
      for (const socket of players.get(player) ?? []) socket.send(text);
    }
  }
});

server.listen(Number(port), "127.0.0.1", 2048, () => console.log("ready"));
