import { GameServer, Gamification } from "gamification-client";
import { fileStore } from "gamification-client/file-store";

const service = process.env.SERVICE ?? "http://127.0.0.1:3000";
const game = new GameServer({ service, key: process.env.KEY, store: fileStore("events") });

// On the server: it is in a file before `track` is done, and sent in the background. `flush` waits for that.
await game.track("node-player", "session.started", { platform: "desktop" });
await game.flush();
for (const row of await game.achievements("node-player", "COMPLETED")) console.log(`${row.title}: ${row.points} points`);

// On the player's device, with a token that your server gave it: what happens is pushed, each message once.
const me = new Gamification({ service, getToken: () => game.token("node-player"), after: 0, webSocket: await webSocket() });
me.addEventListener("reward.claimed", ({ detail }) => console.log(`${detail.seq}: ${detail.data.reward_id}`));
await new Promise((resolve) => me.addEventListener("reward.claimed", resolve) ?? me.connect());
me.disconnect();
await game.close();

async function webSocket() {
  return globalThis.WebSocket ?? (await import("ws")).default; // Node before 22
}
