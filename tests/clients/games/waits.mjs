/** A service that asks for patience, and a game's own function that fails: calls end, and what is kept is sent. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { GameServer, Problem, Queue, memoryStore } from "gamification-client";

let retryAfter = "3600";
let asked = 0;
const taken = [];
const service = createServer(async (request, response) => {
  asked += 1;
  let text = "";
  for await (const part of request) text += part;
  if (request.method === "GET") {
    response.writeHead(503, { "Retry-After": retryAfter }).end('{"code": "unavailable"}');
    return;
  }
  const { events } = JSON.parse(text);
  taken.push(...events.map(({ id }) => id));
  const rejected = events.flatMap(({ id }, index) => (id === "bad" ? [{ index, code: "invalid", detail: "It is bad." }] : []));
  response.writeHead(202).end(JSON.stringify({ accepted: 1, duplicates: 0, rejected }));
});
await new Promise((resolve) => service.listen(0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${service.address().port}`;
const errors = [];
console.error = (...said) => errors.push(said);

// Whoever is asked to wait for an hour is told so at once, be it in seconds or by a date.
const game = new GameServer({ service: address, key: "key", onRejected: () => mistake(), onTrouble: (problem) => errors.push(problem) });
for (const [said, least] of [["3600", 3_600_000], [new Date(Date.now() + 3_600_000).toUTCString(), 3_500_000], ["9".repeat(9), 1]]) {
  retryAfter = said;
  const before = asked;
  const problem = await game.wallet("ann").catch((each) => each);
  assert.ok(problem instanceof Problem && problem.retryAfter >= least, `${said}: ${problem} ${problem.retryAfter}`);
  assert.equal(asked, before + 1);
}

// What makes no sense says nothing: it is tried again, and soon.
retryAfter = "Infinity";
const tried = asked;
assert.equal((await game.wallet("ann").catch((each) => each)).retryAfter, null);
assert.equal(asked, tried + 4);

// A wait ends with the signal, and with the client.
retryAfter = "20";
const cut = new AbortController();
const facts = (async () => { for await (const _ of game.facts({ signal: cut.signal })); })();
const waiting = game.wallet("ann").catch((each) => each);
await until(() => asked === tried + 6);
const began = Date.now();
cut.abort();
await facts;

// A number that JSON has not is a mistake of whoever calls, and of nobody later.
for (const value of [NaN, Infinity, -Infinity]) {
  await assert.rejects(game.track("ann", "foe.beaten", { deep: [{ damage: value }] }), RangeError);
}

// The game's own function fails when it hears of a refusal: the events behind are sent, and nothing is sent twice.
await game.track("ann", "foe.beaten", {}, { id: "bad" });
await game.flush();
await game.track("ann", "foe.beaten", {}, { id: "good" });
await game.flush();
assert.deepEqual(taken, ["bad", "good"]);
assert.equal(errors.length, 1);
assert.match(`${errors[0]}`, /onRejected failed.*a mistake/);

await game.close();
assert.equal((await waiting).status, 503);
assert.ok(Date.now() - began < 5_000);

// However long a queue is asked to be left alone, it goes on by itself: a timer of more than 24 days would fire at once.
let tries = 0;
const queue = new Queue({
  store: memoryStore(),
  send: async () => {
    tries += 1;
    throw new Problem(503, {}, 999_999_999_000);
  },
});
await queue.add(1);
await assert.rejects(queue.flush(), Problem);
await new Promise((resolve) => setTimeout(resolve, 300));
assert.equal(tries, 1);
await queue.close();
service.close();

function mistake() {
  throw new TypeError("a mistake of the game's");
}

async function until(holds) {
  const end = Date.now() + 8_000;
  while (!holds()) {
    assert.ok(Date.now() < end, holds.toString());
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
