// @ts-check
/**
 * A player's connection to the gamification service: the live feed, and what the player may read and do over REST.
 * No dependency, no build step. A game imports this one file, which needs nothing of this folder but connection.js:
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

/**
 * @typedef {import("./connection.js").Message} Message
 * @typedef {import("./connection.js").State} State
 * @typedef {import("./connection.js").StateDetail} StateDetail
 *
 * @typedef {object} Options
 * @property {() => string | { token: string } | Promise<string | { token: string }>} getToken
 *   fetches a player's token from the game's own server. Called at first, and whenever a new one is needed.
 * @property {string} [service] where the service is; default: where this module came from
 * @property {string} [feed] address or path of the feed; default `/game-events`
 * @property {number | null} [after] the last message that is known; default: whatever is newest when connecting
 */

const ANSWER_TIMEOUT = 15_000; // milliseconds for an answer
const TRIES = 4;
const PAUSE = 500; // milliseconds, doubled for each try that has failed, before the next
const RENEW = 60; // seconds before its end, in which a token is no longer used

/** An answer that is no success: RFC 9457's fields, with the service's stable `code`. */
export class Problem extends Error {
  /**
   * @param {number} status 0 where no answer came
   * @param {{ code?: string, detail?: string, errors?: { path: string, code: string, detail: string }[] }} body
   */
  constructor(status, body) {
    super(body.detail || body.code || `HTTP ${status}`);
    this.name = "Problem";
    this.status = status;
    this.code = body.code || "";
    this.errors = body.errors || [];
  }
}

/**
 * Events: `message` (every kept message, in order), one by each message's own type (`quest.advanced`, …, and
 * `achievement.progressed`, which is not kept), `resync`, and `state` (`detail`: StateDetail). `detail` is the message.
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

  /** @param {Options} options */
  constructor({ getToken, service = new URL(import.meta.url).origin, feed = "/game-events", after = null }) {
    super();
    this.#getToken = getToken;
    this.service = new URL(service, globalThis.location?.href).origin;
    this.feed = new URL(feed, this.service).href.replace(/^http/, "ws");
    this.#connection = new Connection(this.feed, {
      getToken: () => this.token(),
      refuseToken: () => this.#refuseToken(),
      tell: (type, detail) => this.dispatchEvent(new CustomEvent(type, { detail })),
      after,
    });
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

  #refuseToken() {
    this.#refused = this.#token;
    this.#token = "";
  }

  // -- REST -----------------------------------------------------------------------------------------------------------

  /**
   * One request under `/api/v1/`. A POST bears an idempotency key, so that it may be tried again until an answer
   * comes, and takes effect once.
   *
   * @param {"GET" | "POST"} method
   * @param {string} path such as `players/me/wallet`
   * @param {{ query?: Record<string, string | number | undefined>, body?: object }} [said]
   * @returns {Promise<any>} the answer's JSON. Throws Problem.
   */
  async request(method, path, { query = {}, body } = {}) {
    const url = new URL(`/api/v1/${path}`, this.service);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, `${value}`);
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    if (method === "POST") {
      headers["Content-Type"] = "application/json";
      headers["Idempotency-Key"] = randomKey();
    }
    let isRenewed = false;
    for (let attempt = 1; ; attempt += 1) {
      headers.Authorization = `Bearer ${await this.token()}`;
      const problem = await ask(url, { method, headers, body: method === "POST" ? JSON.stringify(body ?? {}) : null });
      if (!(problem instanceof Failure)) return problem;
      if (problem.status === 401 && !isRenewed) {
        isRenewed = true;
        this.#refuseToken();
      } else if (problem.isWorthAnotherTry && attempt < TRIES) {
        await pause(problem.retryAfter ?? PAUSE * 2 ** attempt * (0.5 + Math.random()));
      } else {
        throw new Problem(problem.status, problem.body);
      }
    }
  }

  /**
   * @param {string} path
   * @param {Record<string, string | number | undefined>} [query]
   */
  get(path, query) {
    return this.request("GET", path, { query });
  }

  /**
   * @param {string} path
   * @param {object} [body]
   */
  post(path, body) {
    return this.request("POST", path, { body });
  }

  /**
   * All rows of a list, over all its pages.
   *
   * @param {string} path
   * @param {Record<string, string | number | undefined>} [query]
   * @returns {Promise<any[]>}
   */
  async list(path, query = {}) {
    const rows = [];
    for (let cursor; ; ) {
      const page = await this.get(path, { page_size: 200, ...query, cursor });
      rows.push(...page.results);
      if (!page.next) return rows;
      cursor = new URL(page.next).searchParams.get("cursor") ?? undefined;
    }
  }

  profile = () => this.get("players/me");
  /** @param {"LOCKED" | "IN_PROGRESS" | "COMPLETED"} [state] without one also what is secret: `{id, type, points}` */
  achievements = (state) => this.list("players/me/achievements", { state });
  /** @param {string} [state] NOT_STARTED, IN_PROGRESS, COMPLETED, FAILED or EXPIRED */
  quests = (state) => this.list("players/me/quests", { state });
  /** The quests that the player could start now. */
  startableQuests = () => this.list("quests", { available_to: "me" });
  /** @param {"PENDING" | "CLAIMED" | "EXPIRED" | "REVOKED"} [state] */
  distributions = (state) => this.list("players/me/distributions", { state });
  wallet = () => this.list("players/me/wallet");
  inventory = () => this.list("players/me/inventory");
  /** Kept messages after that number, each with `is_read`. @param {number} [after] */
  messages = (after = 0) => this.list("players/me/messages", { after });
  /** @param {number} upTo */
  markRead = (upTo) => this.post("players/me/messages/read", { up_to: upTo });
  /** @param {string} distribution its id */
  claim = (distribution) => this.post(`rewards/${part(distribution)}/claim`);
  /** All that is pending of an achievement. @param {string} id */
  claimAchievement = (id) => this.post(`achievements/${part(id)}/claim`);
  /** @param {string} id */
  startQuest = (id) => this.post(`quests/${part(id)}/start`);
  /** @param {string} id */
  abandonQuest = (id) => this.post(`quests/${part(id)}/abandon`);
  /**
   * @param {string} id
   * @param {string} step
   */
  completeStep = (id, step) => this.post(`quests/${part(id)}/steps/${part(step)}/complete`);
  /** The cases about how the player plays, newest first: `{id, state, families, opened_at, due_at, …, may_appeal}`. */
  cases = () => this.list("players/me/cases");
  /**
   * Ask that others look at a verdict again, once. Answers the case.
   *
   * @param {number} id of a case that says `may_appeal`
   * @param {string} text why, in the player's own words
   */
  appeal = (id, text) => this.post(`players/me/cases/${id}/appeal`, { text });
}

// -- the small print ----------------------------------------------------------------------------------------------------

class Failure {
  /**
   * @param {number} status
   * @param {object} body
   * @param {string | null} [retryAfter] seconds
   */
  constructor(status, body, retryAfter) {
    this.status = status;
    /** @type {{ code?: string, detail?: string }} */
    this.body = body;
    this.retryAfter = retryAfter && !Number.isNaN(Number(retryAfter)) ? Number(retryAfter) * 1000 : null;
  }

  get isWorthAnotherTry() {
    return [0, 429, 500, 502, 503, 504].includes(this.status) || this.body.code === "idempotency_in_progress";
  }
}

/**
 * @param {URL} url
 * @param {RequestInit} init
 * @returns {Promise<any>} the JSON of a success, or a Failure
 */
async function ask(url, init) {
  let answer;
  try {
    answer = await fetch(url, { ...init, credentials: "omit", signal: AbortSignal.timeout(ANSWER_TIMEOUT) });
    const text = await answer.text();
    const body = text ? JSON.parse(text) : {};
    return answer.ok ? body : new Failure(answer.status, body, answer.headers.get("Retry-After"));
  } catch (problem) {
    return new Failure(answer && !answer.ok ? answer.status : 0, { code: "no_answer", detail: String(problem) });
  }
}

/**
 * By how long it was made to last, so that a device whose clock is wrong can use it too.
 *
 * @param {string} token
 * @returns {number}
 */
function secondsLeft(token) {
  try {
    const { exp, iat } = JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
    return Math.max(RENEW, exp - iat - RENEW);
  } catch {
    return RENEW; // whatever it is, the server will say
  }
}

function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {string} text */
function part(text) {
  return encodeURIComponent(text);
}

/** @param {number} milliseconds */
function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
