// A game server in Node, over RabbitMQ: it reports what happened and hears what it came to.
//
//   npm ci
//   RABBITMQ_URL=amqp://localhost node game-server.mjs --player ada --type enemy.killed --count 250 \
//     --until achievement.completed
//
// It prints a line of JSON for each fact about the player, and ends when the awaited one has come.
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import amqp from "amqplib";

const { values: wanted } = parseArgs({
  options: {
    player: { type: "string", default: "ada" },
    type: { type: "string", default: "enemy.killed" },
    data: { type: "string", default: "{}" },
    count: { type: "string", default: "1" },
    until: { type: "string", default: "achievement.completed" },
    seconds: { type: "string", default: "30" },
  },
});
const facts = process.env.RABBITMQ_EXCHANGE || "gamification"; // what the service states
const events = `${facts}.in`; // what it wants to know
const EVENTS_A_MESSAGE = 100; // up to 1,000; one message is one confirm

// Without noDelay each confirmed publish waits 40 ms for TCP.
const connection = await amqp.connect(process.env.RABBITMQ_URL || "amqp://localhost", { noDelay: true });
const channel = await connection.createConfirmChannel();

// The exchanges are the service's: we look whether they are there. A game's key may not make any.
channel.on("error", () => {}); // it is in the answer, too
for (const name of [facts, events]) {
  await channel.checkExchange(name).catch((missing) => {
    throw new Error(`there is no exchange ${name}: does the service run with this broker?`, { cause: missing });
  });
}

// Facts: a queue of our own, bound to what we want to hear. One that must outlive this process is durable and has a
// name: { durable: true, arguments: { "x-queue-type": "quorum" } }.
const { queue } = await channel.assertQueue("", { exclusive: true });
for (const key of ["achievement.*", "quest.*", "reward.*", "level.*", "event.*"]) {
  await channel.bindQueue(queue, facts, key);
}

const heard = new Set(); // a fact may come twice, with the same id
const awaited = new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error(`no ${wanted.until} within ${wanted.seconds} s`)), 1000 * wanted.seconds).unref();
  channel.consume(queue, (message) => {
    const fact = JSON.parse(message.content); // a CloudEvent: { id, type, subject: the player, time, data, … }
    if (fact.subject === wanted.player && !heard.has(fact.id)) {
      heard.add(fact.id);
      console.log(JSON.stringify(fact));
      if (fact.type === wanted.until) resolve();
    }
    channel.ack(message); // when what follows from it is done, not before
  });
});

// Events: an id is made when the event happens, before the first attempt to send it, so that sending again is safe.
const happened = Array.from({ length: Number(wanted.count) }, () => ({
  id: uuid7(),
  player_id: wanted.player,
  type: wanted.type,
  data: JSON.parse(wanted.data),
  timestamp: new Date().toISOString(),
}));
for (let start = 0; start < happened.length; start += EVENTS_A_MESSAGE) {
  await publish(happened.slice(start, start + EVENTS_A_MESSAGE));
}

await awaited;
await connection.close();

// Until the broker has confirmed.
async function publish(batch, attempts = 5) {
  const body = Buffer.from(JSON.stringify(batch));
  const options = { persistent: true, mandatory: true, contentType: "application/json" };
  for (let attempt = 1; ; attempt += 1) {
    let returned = false;
    const giveBack = () => (returned = true);
    channel.once("return", giveBack);
    try {
      await new Promise((resolve, reject) => {
        channel.publish(events, "game.event", body, options, (refused) => (refused ? reject(refused) : resolve()));
      });
      if (!returned) return;
    } catch (refused) {
      console.error(`not taken: ${refused.message}`);
    } finally {
      channel.off("return", giveBack);
    }
    if (attempt === attempts) throw new Error("the events were not taken: does the service run with this broker?");
    await new Promise((resolve) => setTimeout(resolve, 200 * 2 ** attempt)); // then the same ids again
  }
}

function uuid7() {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
