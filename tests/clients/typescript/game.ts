// A game against the types that openapi-typescript makes of the schema: what it says here has to compile, and to be so.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: [string, string, string, string, string] };

type Shapes = components["schemas"];

const [, , baseUrl, key, token] = process.argv;
const server = createClient<paths>({ baseUrl, headers: { Authorization: `Api-Key ${key}` } });
const player = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });

function expect(said: boolean, what: string): asserts said {
  if (!said) throw new Error(what);
}

const event: Shapes["GameEvent"] = {
  id: "typed",
  player_id: "ann",
  type: "enemy.killed",
  data: { weapon: "bow", damage: 3, marks: ["head", null] },
  timestamp: new Date().toISOString(),
};
const sent = await server.POST("/api/v1/events", {
  params: { header: { Prefer: "wait" } },
  body: { events: [event] },
});
expect(sent.data !== undefined && "results" in sent.data, "the events were processed");
expect(sent.data.results["ann"]?.metrics["kills"]?.count === 4, "four kills");

const list = await player.GET("/api/v1/players/{player_id}/achievements", {
  params: { path: { player_id: "me" }, query: { page_size: 200 } },
});
expect(list.data !== undefined, "the list was read");
const secret: Shapes["SecretAchievement"][] = [];
const titles: string[] = [];
for (const row of list.data.results) {
  if ("title" in row) titles.push(row.title);
  else secret.push(row);
}
expect(secret.length === 1 && secret[0]?.id === "s-1", "one is secret");
expect(titles.includes("Hunter"), "the others have titles");

const quests = await player.GET("/api/v1/players/{player_id}/quests", { params: { path: { player_id: "me" } } });
const step = quests.data?.results.find((quest) => quest.id === "trail")?.steps[0];
expect(step?.requirements[0]?.threshold === 5, "steps are typed");

const content = await server.GET("/api/v1/achievements", { params: { query: { type: "SECRET" } } });
expect(content.data?.results.length === 1, "content is typed");

const spent = await server.POST("/api/v1/players/{player_id}/wallet/{currency}/spend", {
  params: { path: { player_id: "ann", currency: "gold" }, header: { "Idempotency-Key": "once" } },
  body: { amount: 1 },
});
expect(spent.data?.transfer.amount === 1, "spent");

const given = await player.GET("/api/v1/players/{player_id}/distributions", {
  params: { path: { player_id: "me" }, query: { state: "PENDING" } },
});
const chest = given.data?.results.find(({ reward_id }) => reward_id === "chest");
expect(chest !== undefined, "one is to be claimed");
for (let n = 0; n < 2; n += 1) {
  const claimed = await player.POST("/api/v1/rewards/{distribution_id}/claim", {
    params: { path: { distribution_id: chest.id } },
    body: {},
  });
  expect(claimed.data?.status === "CLAIMED", "claimed, also when it was before");
}

const condition: Shapes["ConditionRequest"] = { field: "weapon", op: "eq", value: null };
const created = await server.POST("/api/v1/metrics", {
  body: { id: "typed", event_type: "enemy.killed", conditions: [condition] },
});
expect(created.data?.conditions[0]?.value === null, "null is a value like any other");

const refused = await server.GET("/api/v1/achievements/{id}", { params: { path: { id: "nobody" } } });
expect(refused.error?.code === "not_found", "a refusal is a problem");
