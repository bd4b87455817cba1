// A game against the functions that @hey-api/openapi-ts makes of the schema: what it says has to compile, and to be so.
import { createClient, createConfig } from "./client/client/index.js";
import {
  achievementsRead, factsList, playersAchievementsList, playersDistributionsList, playersWalletSpend, rewardsClaim,
} from "./client/index.js";

declare const process: { argv: [string, string, string, string, string] };

const [, , baseUrl, key, token] = process.argv;
const server = createClient(createConfig({ baseUrl, headers: { Authorization: `Api-Key ${key}` } }));
const player = createClient(createConfig({ baseUrl, headers: { Authorization: `Bearer ${token}` } }));

function expect(said: boolean, what: string): asserts said {
  if (!said) throw new Error(what);
}

let cursor: string | undefined;
let rows = 0;
let hidden = 0;
do {
  const page = await playersAchievementsList({
    client: player,
    path: { player_id: "me" },
    query: { page_size: 1, ...(cursor === undefined ? {} : { cursor }) },
  });
  expect(page.data !== undefined, "a page was read");
  for (const row of page.data.results) {
    rows += 1;
    if (!("title" in row)) hidden += 1;
  }
  cursor = page.data.next === null ? undefined : new URL(page.data.next).searchParams.get("cursor") ?? undefined;
} while (cursor !== undefined);
expect(rows > 1 && hidden === 1, "every row was read once, one of them secret");

const once = { client: server, path: { player_id: "ann", currency: "gold" }, headers: { "Idempotency-Key": "hey" } };
const spent = await playersWalletSpend({ ...once, body: { amount: 1 } });
expect(spent.data?.transfer.amount === 1, "spent");
const poor = await playersWalletSpend({ ...once, headers: { "Idempotency-Key": "poor" }, body: { amount: 1_000_000 } });
expect(poor.error?.code === "insufficient_balance", "too little is a problem");

const pending = await playersDistributionsList({ client: player, path: { player_id: "me" }, query: { state: "PENDING" } });
const chest = pending.data?.results.find(({ reward_id }) => reward_id === "chest");
expect(chest !== undefined, "one is to be claimed");
const claimed = await rewardsClaim({ client: player, path: { distribution_id: chest.id }, body: {} });
expect(claimed.data?.status === "CLAIMED", "claimed");

const nobody = await rewardsClaim({ client: player, path: { distribution_id: "nothing" }, body: {} });
expect(nobody.error?.code === "not_found", "an unknown distribution");
const refused = await achievementsRead({ client: server, path: { id: "nobody" } });
expect(refused.response?.status === 404 && refused.error?.code === "not_found", "a refusal is a problem");

const facts = await factsList({ client: server, query: { types: "currency.spent" } });
for (const fact of facts.data?.results ?? []) {
  if (fact.type === "currency.spent") expect(typeof fact.data.amount === "number", "facts are told apart by type");
}
