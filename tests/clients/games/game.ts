// A game's server and a player's device, in TypeScript against our package: what it says has to compile, and to be so.
import { GameServer, Gamification, Problem, Queue, memoryStore, uuid7, type Schemas } from "gamification-client";
import { fileStore } from "gamification-client/file-store";
import WebSocket from "ws";

const [, , service, key, folder] = process.argv as [string, string, string, string, string];

function expect(said: boolean, what: string): asserts said {
  if (!said) throw new Error(what);
}

const rejected: string[] = [];
const game = new GameServer({
  service,
  key,
  store: fileStore(folder),
  onRejected: (event, { code }) => rejected.push(`${event.id} ${code}`),
});

// Events: kept, sent, and what they came to.
for (let n = 0; n < 3; n += 1) await game.track("typed", "enemy.killed", { damage: n });
await game.track("typed", "enemy.killed", {}, { id: "early", timestamp: new Date(Date.now() + 86_400_000) });
await game.track("typed", "enemy.killed", { word: "half a pair \ud83d" }, { id: "half" }); // spoils its whole request
await game.flush();
expect(rejected.join() === "early from_the_future,half bad_json", rejected.join());
const event: Schemas["GameEvent"] = {
  id: uuid7(),
  player_id: "typed",
  type: "enemy.killed",
  data: { damage: 3 },
  timestamp: new Date().toISOString(),
};
const sent = await game.send([event]);
expect(sent.results["typed"]?.metrics["kills"]?.count === 4, `four kills: ${JSON.stringify(sent)}`);
const again = await game.send([event]);
expect(again.duplicates === 1, "and it counts once");

// Rows, a secret one among them, for the player alone.
const me = new Gamification({ getToken: () => game.token("typed"), service, webSocket: WebSocket });
const titles: string[] = [];
const secret: string[] = [];
for (const row of await me.achievements()) {
  if ("title" in row) titles.push(row.title);
  else secret.push(row.id);
}
expect(titles.includes("Hunter") && secret.join() === "s-1", `${titles} ${secret}`);
const [pending] = await game.distributions("typed", "PENDING");
expect(pending !== undefined, "something is to be claimed");

// The feed, from the beginning, and a claim that comes through it.
const claimed = new Promise<number>((resolve) => {
  me.addEventListener("reward.claimed", ({ detail }) => {
    if (detail.data.reward_id === pending.reward_id) resolve(detail.seq);
  });
});
const unlocked = new Promise<string>((resolve) => {
  me.addEventListener("achievement.completed", ({ detail: { data } }) => resolve(`${data.title} ${data.points}`));
});
me.after = 0;
me.connect();
expect((await unlocked) === "Hunter 10", "told by the feed");
const given: Schemas["Distribution"] = await me.claim(pending.id);
expect(given.status === "CLAIMED", "claimed");
expect((await claimed) > 0, "numbered");
me.disconnect();

// Money, once for a key; a refusal has a code.
const [before] = await game.wallet("typed");
expect(before?.currency === "gold", "gold");
for (let n = 0; n < 2; n += 1) {
  const spent = await game.spend("typed", "gold", 5, { reason: "a lantern", key: "order-1" });
  expect(spent.transfer.amount === 5, "spent");
}
expect((await game.wallet("typed"))[0]?.balance === before.balance - 5, "once");
const refused = await game.spend("typed", "gold", 1_000_000).catch((problem: unknown) => problem);
expect(refused instanceof Problem && refused.status === 409 && refused.code !== "", `${refused}`);

// Quests, and what a player reports.
const started = await game.startQuest("typed", "trail");
expect(started.active_steps.includes("hunt"), JSON.stringify(started));
await me.report("walker", { steps: 5 });
await me.flush();
expect((await game.get("players/typed/metrics")).results.some((row: Schemas["Tally"]) => row.metric === "steps"), "steps");

// The log of facts, until there is one of ours.
for await (const fact of game.facts({ types: ["achievement.completed"], player: "typed" })) {
  expect(fact.player_id === "typed", "of the player");
  break;
}

// A queue of one's own.
const taken: number[] = [];
const queue = new Queue<number>({ store: memoryStore(), send: async (numbers) => void taken.push(...numbers) });
await queue.add(1);
await queue.add(2);
await queue.close();
expect(taken.join() === "1,2", "in order");

await game.close();
