// @ts-check
/**
 * A game's server at the gamification service: it says what happened, and asks what it came to.
 *
 *     const game = new GameServer({ service: "http://127.0.0.1:3000", key, store: fileStore("events") });
 *     await game.track("mara", "foe.beaten", { weapon: "kettle" });
 *
 * A key belongs on a server of yours. A player's own device uses `Gamification`, with a token.
 */

import { memoryStore, Queue } from "./queue.js";
import { json, originOf, part, pause, Rest, uuid7 } from "./rest.js";

/**
 * @typedef {import("../types/schema.d.ts").components["schemas"]} Schemas
 * @typedef {Schemas["GameEvent"]} GameEvent
 * @typedef {{ code: string, detail: string }} Why
 *
 * @typedef {object} ServerOptions
 * @property {string} service where it is: `https://play.example`
 * @property {string} key `<prefix>.<secret>`, with the scopes of what is asked of it
 * @property {import("./queue.js").Store<GameEvent>} [store] where events are kept until the service has taken them:
 *   `fileStore("folder")`; by default they last as long as the process
 * @property {(event: GameEvent, why: Why) => void} [onRejected] the service refused it; by default a warning
 * @property {(problem: unknown) => void} [onTrouble] events could not be sent, and will be tried again
 */

const LOOK_AGAIN = 1_000; // milliseconds at the end of the log

export class GameServer {
  #rest;
  #queue;

  /** @param {ServerOptions} options */
  constructor({ service, key, store = memoryStore(), onRejected, onTrouble }) {
    this.service = originOf(service);
    this.#rest = new Rest(this.service, { authorize: () => `Api-Key ${key}` });
    this.#queue = new Queue({
      store,
      // Without an idempotency key, which the service would have to keep: the events' own ids are enough.
      send: (events) => this.#rest.request("POST", "events", { body: { events }, key: "", tries: 1 }),
      ...(onRejected && { onRejected }),
      ...(onTrouble && { onTrouble }),
    });
  }

  // -- events ---------------------------------------------------------------------------------------------------------

  /**
   * Something happened. Once this has resolved the event is kept, and will be sent until the service has it; it counts
   * once. Answers the event.
   *
   * @param {string} player
   * @param {string} type such as `foe.beaten`
   * @param {Record<string, unknown>} [data]
   * @param {{ id?: string, timestamp?: string | Date }} [known] by default a new id, and now
   * @returns {Promise<GameEvent>}
   */
  async track(player, type, data = {}, { id = uuid7(), timestamp = new Date() } = {}) {
    const at = typeof timestamp === "string" ? timestamp : timestamp.toISOString();
    const event = { id, player_id: player, type, data, timestamp: at };
    json(data); // throws for what JSON cannot say, here where it is meant
    await this.#queue.add(event);
    return event;
  }

  /** Sends what is kept, now. Throws Problem, and then it stays kept. */
  flush() {
    return this.#queue.flush();
  }

  /** Sends what is kept, if that can be done at once, and lets go of the store. */
  async close() {
    await this.#queue.close();
    this.#rest.close();
  }

  /**
   * Sends these now, past what is kept, and answers what they came to. At most 1,000; when it throws, send the same
   * again, with the same ids.
   *
   * @param {GameEvent[]} events
   * @returns {Promise<Schemas["Settled"]>}
   */
  send(events) {
    return this.#rest.request("POST", "events", { body: { events }, headers: { Prefer: "wait" } });
  }

  // -- players --------------------------------------------------------------------------------------------------------

  /**
   * What the player's own device signs with: hand it to whoever has signed in as that player.
   *
   * @param {string} player
   * @returns {Promise<Schemas["Token"]>}
   */
  token = (player) => this.post(`players/${part(player)}/token`);
  /**
   * @param {string} player
   * @returns {Promise<Schemas["Profile"]>}
   */
  profile = (player) => this.get(`players/${part(player)}`);
  /**
   * @param {string} player
   * @param {Schemas["PatchedProfileChangesRequest"]} changes such as `{ display_name: "Mara", is_test: true }`
   * @returns {Promise<Schemas["Profile"]>}
   */
  update = (player, changes) => this.#rest.request("PATCH", `players/${part(player)}`, { body: changes });
  /**
   * @param {string} player
   * @param {"LOCKED" | "IN_PROGRESS" | "COMPLETED"} [state]
   * @returns {Promise<Schemas["AchievementStanding"][]>}
   */
  achievements = (player, state) => this.list(`players/${part(player)}/achievements`, { state });
  /**
   * @param {string} player
   * @param {Schemas["QuestStatusEnum"]} [state]
   * @returns {Promise<Schemas["QuestStanding"][]>}
   */
  quests = (player, state) => this.list(`players/${part(player)}/quests`, { state });
  /**
   * @param {string} player
   * @param {Schemas["DistributionStatusEnum"]} [state]
   * @returns {Promise<Schemas["Distribution"][]>}
   */
  distributions = (player, state) => this.list(`players/${part(player)}/distributions`, { state });
  /**
   * @param {string} player
   * @returns {Promise<Schemas["Wallet"][]>}
   */
  wallet = (player) => this.list(`players/${part(player)}/wallet`);
  /**
   * @param {string} player
   * @returns {Promise<Schemas["Stack"][]>}
   */
  inventory = (player) => this.list(`players/${part(player)}/inventory`);

  // -- acts -----------------------------------------------------------------------------------------------------------

  /**
   * @param {string} player
   * @param {string} distribution
   * @returns {Promise<Schemas["Distribution"]>}
   */
  claim = (player, distribution) => this.post(`rewards/${part(distribution)}/claim`, { player_id: player });
  /**
   * @param {string} player
   * @param {string} quest
   * @returns {Promise<Schemas["QuestProgress"]>}
   */
  startQuest = (player, quest) => this.post(`quests/${part(quest)}/start`, { player_id: player });
  /**
   * @param {string} player
   * @param {string} quest
   * @returns {Promise<Schemas["QuestProgress"]>}
   */
  abandonQuest = (player, quest) => this.post(`quests/${part(quest)}/abandon`, { player_id: player });
  /**
   * @param {string} player
   * @param {string} quest
   * @param {string} step
   * @returns {Promise<Schemas["QuestProgress"]>}
   */
  completeStep = (player, quest, step) =>
    this.post(`quests/${part(quest)}/steps/${part(step)}/complete`, { player_id: player });
  /**
   * Takes money once for that key: name one that you make of the purchase, and try again with the same.
   *
   * @param {string} player
   * @param {string} currency
   * @param {number} amount
   * @param {{ reason?: string, key?: string }} [why]
   * @returns {Promise<Schemas["Spent"]>}
   */
  spend = (player, currency, amount, { reason, key } = {}) =>
    this.post(`players/${part(player)}/wallet/${part(currency)}/spend`, { amount, ...(reason && { reason }) }, key);
  /**
   * Gives a reward by hand.
   *
   * @param {string} player
   * @param {string} reward
   * @param {string} reason
   * @param {{ key?: string }} [once]
   * @returns {Promise<Schemas["Distribution"]>}
   */
  grant = (player, reward, reason, { key } = {}) =>
    this.post(`rewards/${part(reward)}/distribute`, { player_id: player, reason }, key);

  // -- the log of facts -----------------------------------------------------------------------------------------------

  /**
   * What the service states, each once and in order, and for ever: at its end it waits for what comes. Keep the
   * `position` of the last one that you have dealt with, and begin `after` it the next time. `signal` ends it.
   *
   * @param {{ after?: number, types?: string[], player?: string, share?: number, signal?: AbortSignal }} [wanted]
   * @returns {AsyncGenerator<Schemas["Fact"], void, undefined>}
   */
  async *facts({ after, types, player, share, signal } = {}) {
    const filters = { types: types?.join(","), player_id: player, share, page_size: 200 };
    while (!signal?.aborted) {
      /** @type {Schemas["FactsPage"]} */
      let page;
      try {
        page = await this.#rest.request("GET", "facts", { query: { ...filters, after }, ...(signal && { signal }) });
      } catch (problem) {
        if (signal?.aborted) return;
        throw problem;
      }
      yield* page.results;
      after = page.after;
      if (!page.next && !signal?.aborted) await pause(LOOK_AGAIN, signal);
    }
  }

  // -- anything else --------------------------------------------------------------------------------------------------

  /**
   * @param {string} path under `/api/v1/`
   * @param {import("./rest.js").Query} [query]
   * @returns {Promise<any>}
   */
  get(path, query) {
    return this.#rest.request("GET", path, query ? { query } : {});
  }

  /**
   * @param {string} path
   * @param {object} [body]
   * @param {string} [key] the `Idempotency-Key`, by default a random one for all tries of this call
   * @returns {Promise<any>}
   */
  post(path, body, key) {
    return this.#rest.request("POST", path, key === undefined ? { body } : { body, key });
  }

  /**
   * @param {string} path
   * @param {import("./rest.js").Query} [query]
   * @returns {Promise<any[]>} all rows, over all pages
   */
  list(path, query) {
    return this.#rest.list(path, query);
  }
}
