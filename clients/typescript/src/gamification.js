// @ts-check
/**
 * A player's connection to the gamification service: the live feed, and what the player may read and do over REST.
 * No dependency, no build step. A game imports this one file, which needs connection.js, queue.js and rest.js beside it,
 * or the package `gamification-client`, which is the same:
 *
 *     import { Gamification } from "https://play.example/static/play/gamification.js";
 *
 *     const me = new Gamification({ getToken: () => fetch("/my-token").then((answer) => answer.text()) });
 *     me.addEventListener("achievement.completed", (event) => celebrate(event.detail.data.title));
 *     me.addEventListener("resync", () => readEverythingAnew());
 *     me.connect();
 *     const { results } = await me.get("players/me/wallet");
 *
 * Every kept message is numbered. Each is given to listeners once and in order, across lost connections and restarts of
 * the server; where the server no longer keeps what was missed, it says `resync`.
 */

import { Connection } from "./connection.js";
import { isBadRequest, memoryStore, Queue } from "./queue.js";
import { json, originOf, part, Problem, randomKey, Rest } from "./rest.js";
export { Problem };

/**
 * @typedef {import("./connection.js").State} State
 * @typedef {import("../types/messages.d.ts").StateDetail} StateDetail
 * @typedef {import("../types/messages.d.ts").KeptMessage} Message
 * @typedef {import("../types/messages.d.ts").Heard} Heard
 * @typedef {import("../types/messages.d.ts").Told} Told
 * @typedef {import("../types/schema.d.ts").components["schemas"]} Schemas
 *
 * @typedef {object} Report what a player did, on its way
 * @property {string} id under which it takes effect once
 * @property {string} path
 * @property {object} body
 *
 * @typedef {object} Options
 * @property {() => string | { token: string } | Promise<string | { token: string }>} getToken
 *   fetches a player's token from the game's own server. Called at first, and whenever a new one is needed.
 * @property {string} [service] where the service is; default: where this module came from
 * @property {string} [feed] address or path of the feed; default `/game-events`
 * @property {number | null} [after] the last message that is known; default: whatever is newest when connecting
 * @property {import("./queue.js").Store<Report>} [store] where reports are kept until the service has taken them:
 *   `browserStore("my-game")`, in Node `fileStore("folder")`; by default they last as long as the page
 * @property {new (url: string, protocols: string[]) => any} [webSocket] where there is none built in (Node before 22):
 *   that of the package `ws`
 */

const RENEW = 60; // seconds before its end, in which a token is no longer used

/**
 * Events: `message` (every kept message, in order), one by each message's own type (`quest.advanced`, …, and
 * `achievement.progressed`, which is not kept), `resync`, and `state` (`detail`: StateDetail). `detail` is the message.
 * `rejected`: a report that the service refused.
 */
export class Gamification extends EventTarget {
  #getToken;
  #token = "";
  #refused = "";
  #tokenEnds = 0;
  /** @type {Promise<string> | null} */
  #fetchingToken = null;
  /** @type {Connection} */
  #connection;
  /** @type {Queue<Report> | null} */
  #reports = null;
  #store;
  #rest;

  /** @param {Options} options */
  constructor({ getToken, service = import.meta.url, feed = "/game-events", after = null, store, webSocket }) {
    super();
    this.#getToken = getToken;
    this.service = originOf(service);
    this.feed = new URL(feed, this.service).href.replace(/^http/, "ws");
    this.#store = store;
    this.#rest = new Rest(this.service, {
      authorize: async () => `Bearer ${await this.token()}`,
      refuse: (signed) => this.#refuseToken(signed.slice("Bearer ".length)),
    });
    this.#connection = new Connection(this.feed, {
      getToken: () => this.token(),
      refuseToken: (token) => this.#refuseToken(token),
      tell: (type, detail) => this.dispatchEvent(new CustomEvent(type, { detail })),
      after,
      webSocket,
    });
    if (store) this.#queue(); // what was not sent when the page was last left
  }

  /**
   * @template {keyof Heard} Type
   * @overload
   * @param {Type} type
   * @param {(event: CustomEvent<Heard[Type]>) => void} listener
   * @param {boolean | AddEventListenerOptions} [options]
   * @returns {void}
   */
  /**
   * @overload
   * @param {string} type
   * @param {EventListenerOrEventListenerObject | null} listener
   * @param {boolean | AddEventListenerOptions} [options]
   * @returns {void}
   */
  /**
   * @param {string} type
   * @param {any} listener
   * @param {boolean | AddEventListenerOptions} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, listener, options);
  }

  // -- the feed -------------------------------------------------------------------------------------------------------

  /** Stay connected from now on. */
  connect() {
    this.#connection.connect();
  }

  disconnect() {
    this.#connection.disconnect();
  }

  /** @type {State} */
  get state() {
    return this.#connection.state;
  }

  /** The number of the last message that listeners were given. @type {number | null} */
  get after() {
    return this.#connection.after;
  }

  set after(seq) {
    this.#connection.after = seq;
  }

  // -- the token ------------------------------------------------------------------------------------------------------

  /** A token that is good for a while yet. @returns {Promise<string>} */
  async token() {
    if (this.#token && Date.now() < this.#tokenEnds) return this.#token;
    this.#fetchingToken ??= this.#fetchToken().finally(() => (this.#fetchingToken = null));
    return this.#fetchingToken;
  }

  async #fetchToken() {
    const given = await this.#getToken();
    const token = typeof given === "string" ? given.trim() : given.token;
    if (token === this.#refused) throw new Problem(401, { code: "expired_token", detail: "This token has ended." });
    this.#token = token;
    this.#tokenEnds = Date.now() + secondsLeft(token) * 1000;
    return token;
  }

  /** @param {string} token which may have been followed by another meanwhile: that one stays */
  #refuseToken(token) {
    if (token === this.#token) {
      this.#refused = token;
      this.#token = "";
    }
    return true;
  }

  // -- REST -----------------------------------------------------------------------------------------------------------

  /**
   * One request under `/api/v1/`. A POST bears an idempotency key, so that it may be tried again until an answer
   * comes, and takes effect once.
   *
   * @param {import("./rest.js").Method} method
   * @param {string} path such as `players/me/wallet`
   * @param {import("./rest.js").Said} [said]
   * @returns {Promise<any>} the answer's JSON. Throws Problem.
   */
  request(method, path, said) {
    return this.#rest.request(method, path, said);
  }

  /**
   * @param {string} path
   * @param {import("./rest.js").Query} [query]
   * @returns {Promise<any>}
   */
  get(path, query) {
    return this.#rest.request("GET", path, query ? { query } : {});
  }

  /**
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  post(path, body) {
    return this.#rest.request("POST", path, { body });
  }

  /**
   * All rows of a list, over all its pages.
   *
   * @param {string} path
   * @param {import("./rest.js").Query} [query]
   * @returns {Promise<any[]>}
   */
  list(path, query) {
    return this.#rest.list(path, query);
  }

  /** @returns {Promise<Schemas["Profile"]>} */
  profile = () => this.get("players/me");
  /**
   * @param {"LOCKED" | "IN_PROGRESS" | "COMPLETED"} [state] without one also what is secret: `{id, type, points}`
   * @returns {Promise<(Schemas["AchievementStanding"] | Schemas["SecretAchievement"])[]>}
   */
  achievements = (state) => this.list("players/me/achievements", { state });
  /**
   * @param {Schemas["QuestStatusEnum"]} [state]
   * @returns {Promise<Schemas["QuestStanding"][]>}
   */
  quests = (state) => this.list("players/me/quests", { state });
  /** The quests that the player could start now. @returns {Promise<Schemas["Quest"][]>} */
  startableQuests = () => this.list("quests", { available_to: "me" });
  /**
   * @param {Schemas["DistributionStatusEnum"]} [state]
   * @returns {Promise<Schemas["Distribution"][]>}
   */
  distributions = (state) => this.list("players/me/distributions", { state });
  /** @returns {Promise<Schemas["Wallet"][]>} */
  wallet = () => this.list("players/me/wallet");
  /** @returns {Promise<Schemas["Stack"][]>} */
  inventory = () => this.list("players/me/inventory");
  /**
   * Kept messages after that number, each with `is_read`.
   *
   * @param {number} [after]
   * @returns {Promise<Schemas["Message"][]>}
   */
  messages = (after = 0) => this.list("players/me/messages", { after });
  /**
   * @param {number} upTo
   * @returns {Promise<Schemas["ReadMark"]>}
   */
  markRead = (upTo) => this.post("players/me/messages/read", { up_to: upTo });
  /**
   * @param {string} distribution its id
   * @returns {Promise<Schemas["Distribution"]>}
   */
  claim = (distribution) => this.post(`rewards/${part(distribution)}/claim`);
  /**
   * All that is pending of an achievement.
   *
   * @param {string} id
   * @returns {Promise<Schemas["Claimed"]>}
   */
  claimAchievement = (id) => this.post(`achievements/${part(id)}/claim`);
  /**
   * @param {string} id
   * @returns {Promise<Schemas["QuestProgress"]>}
   */
  startQuest = (id) => this.post(`quests/${part(id)}/start`);
  /**
   * @param {string} id
   * @returns {Promise<Schemas["QuestProgress"]>}
   */
  abandonQuest = (id) => this.post(`quests/${part(id)}/abandon`);
  /**
   * @param {string} id
   * @param {string} step
   * @returns {Promise<Schemas["QuestProgress"]>}
   */
  completeStep = (id, step) => this.post(`quests/${part(id)}/steps/${part(step)}/complete`);
  /** The cases about how the player plays, newest first. @returns {Promise<Schemas["OwnCase"][]>} */
  cases = () => this.list("players/me/cases");
  /**
   * Ask that others look at a verdict again, once. Answers the case.
   *
   * @param {number} id of a case that says `may_appeal`
   * @param {string} text why, in the player's own words
   * @returns {Promise<Schemas["OwnCase"]>}
   */
  appeal = (id, text) => this.post(`players/me/cases/${part(id)}/appeal`, { text });

  // -- reports --------------------------------------------------------------------------------------------------------

  /**
   * Reports a sample of each of these metrics of an achievement. Once it has resolved the report is kept, and will be
   * sent until it is taken, once; what the service refuses comes as the event `rejected`.
   *
   * @param {string} achievement
   * @param {Record<string, number>} metrics
   */
  async report(achievement, metrics) {
    const body = { metrics, timestamp: new Date().toISOString() };
    json(metrics); // throws for NaN, here where it is meant
    await this.#queue().add({ id: randomKey(), path: `achievements/${part(achievement)}/progress`, body });
  }

  /** Sends the reports that are kept, now. Throws Problem, and then they stay kept. */
  async flush() {
    await this.#reports?.flush();
  }

  #queue() {
    /** @type {import("./queue.js").Store<Report>} */
    const store = this.#store ?? memoryStore();
    this.#reports ??= new Queue({
      store,
      most: 1,
      send: async ([report]) => {
        if (report) await this.#rest.request("POST", report.path, { body: report.body, key: report.id, tries: 1 });
      },
      isItsFault: isRefused,
      onRejected: (report, why) => this.dispatchEvent(new CustomEvent("rejected", { detail: { report, ...why } })),
    });
    return this.#reports;
  }
}

/**
 * A report will never be taken. That the player may not, or what it is of is not there, the service says by a code: a
 * page without one is of a proxy in between, and another time there may be no such page.
 *
 * @param {Problem} problem
 */
function isRefused(problem) {
  const { status, code } = problem;
  return isBadRequest(problem) || ([403, 404, 409].includes(status) && !["", "no_answer"].includes(code));
}

/**
 * By how long it was made to last, so that a device whose clock is wrong can use it too.
 *
 * @param {string} token
 * @returns {number}
 */
function secondsLeft(token) {
  try {
    const { exp, iat } = JSON.parse(atob((token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/")));
    return Math.max(RENEW, exp - iat - RENEW);
  } catch {
    return RENEW; // whatever it is, the server will say
  }
}
