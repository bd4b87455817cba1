/** Tokens that end while several requests and a feed bear them, from a game's server that gives the same one for a while. */

import assert from "node:assert/strict";
import { Gamification } from "gamification-client";

const service = "http://play.example";
let given = "T1";
let slow = 0;
const borne = [];
globalThis.fetch = async (_url, { headers }) => {
  borne.push(headers.Authorization);
  await new Promise((resolve) => setTimeout(resolve, 30 * slow++)); // the answers come one after the other
  const status = headers.Authorization === "Bearer T1" ? 401 : 200;
  return new Response(JSON.stringify(status === 200 ? {} : { code: "revoked_token" }), { status });
};
const sockets = [];
class WebSocket {
  readyState = 1;
  constructor(_address, [, bearer]) {
    if (bearer.includes("<")) throw new SyntaxError("no subprotocol");
    sockets.push({ socket: this, bearer });
  }
  close() {}
  send() {}
}

// Three requests are refused one after the other: the token that followed at the first refusal stays.
const me = new Gamification({ service, getToken: () => given, webSocket: WebSocket });
await me.token();
given = "T2";
await Promise.all([me.get("one"), me.get("two"), me.get("three")]);
assert.deepEqual(borne.slice(3), ["Bearer T2", "Bearer T2", "Bearer T2"]);

// A feed ends with the token that it was opened with, long after requests have another.
const other = new Gamification({ service, getToken: () => given, webSocket: WebSocket });
given = "<html>502</html>"; // and an error's page is no token: it is asked again
other.connect();
await until(() => other.state === "waiting");
given = "T1";
await until(() => sockets.length === 1);
given = "T2";
await other.get("one"); // refused, and renewed
sockets[0].socket.onclose({ code: 4401, reason: "expired_token" });
await until(() => sockets.length === 2);
assert.equal(sockets[1].bearer, "bearer.T2");
other.disconnect();

async function until(holds) {
  const end = Date.now() + 8_000;
  while (!holds()) {
    assert.ok(Date.now() < end, holds.toString());
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
