// @ts-check
/**
 * A player's connection to the gamification service: the live feed, and what the player may read and do over REST.
 * No dependency, no build step; a game can use it without anything else of this folder:
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

/**
 * @typedef {object} Message
 * @property {number} [seq] 1, 2, 3 … without gaps; an `achievement.progressed` has none
 * @property {string} type
 * @property {string} player_id
 * @property {Record<string, any>} data
 * @property {string} timestamp
 *
 * @typedef {"stopped" | "connecting" | "resuming" | "live" | "waiting"} State
 *   `waiting`: the connection is lost and will be tried again. `stopped`: it will not.
 *
 * @typedef {object} StateDetail
 * @property {State} state
 * @property {number} [code] of the close, as in RFC 6455 and the service's own (4401 token, 4403 banned, 4408 too slow)
 * @property {string} [reason]
 * @property {number} [retryIn] milliseconds until the next try
 *
 * @typedef {object} Options
 * @property {() => string | { token: string } | Promise<string | { token: string }>} getToken
 *   fetches a player's token from the game's own server. Called at first, and whenever a new one is needed.
 * @property {string} [service] where the service is; default: where this module came from
 * @property {string} [feed] address or path of the feed; default `/game-events`
 * @property {number | null} [after] the last message that is known; default: whatever is newest when connecting
 */

const SUBPROTOCOL = "gamification.v1";
const ANSWER_TIMEOUT = 15_000; // milliseconds for an answer
const QUIET = 25_000; // … without a word, after which we ask whether anybody is there
const STEADY = 30_000; // … that a connection has lasted when the next loss counts as the first
const BACK_OFF = { first: 500, most: 30_000 };
const TRIES = 4;
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
  /** @type {State} */
  state = "stopped";
  /** The number of the last message that listeners were given. @type {number | null} */
  after;

  #getToken;
  #token = "";
  #refused = "";
  #tokenEnds = 0;
  /** @type {Promise<string> | null} */
  #fetchingToken = null;
  /** @type {WebSocket | null} */
  #socket = null;
  #isWanted = false;
  #resumedAt = -1;
  #failures = 0;
  #connectedAt = 0; // 0: not yet let in
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;

  /** @param {Options} options */
  constructor({ getToken, service = new URL(import.meta.url).origin, feed = "/game-events", after = null }) {
    super();
    this.#getToken = getToken;
    this.service = new URL(service, globalThis.location?.href).origin;
    this.feed = new URL(feed, this.service).href.replace(/^http/, "ws");
    this.after = after;
  }

  // -- the feed -------------------------------------------------------------------------------------------------------

  /** Stay connected from now on. */
  connect() {
    if (this.#isWanted) return;
    this.#isWanted = true;
    this.#failures = 0;
    globalThis.addEventListener?.("online", this.#tryNow);
    globalThis.document?.addEventListener("visibilitychange", this.#tryNow);
    this.#open();
  }

  disconnect() {
    this.#stop({ state: "stopped" });
  }

  #tryNow = () => {
    if (this.state === "waiting" && globalThis.document?.visibilityState !== "hidden") this.#open();
  };

  async #open() {
    clearTimeout(this.#timer);
    this.#become({ state: "connecting" });
    let token;
    try {
      token = await this.token();
    } catch (problem) {
      if (this.#isWanted && this.state === "connecting") this.#later({ reason: String(problem) });
      return;
    }
    if (!this.#isWanted || this.state !== "connecting" || this.#socket) return;
    const socket = (this.#socket = new WebSocket(this.feed, [SUBPROTOCOL, `bearer.${token}`]));
    socket.onmessage = (event) => this.#hear(JSON.parse(event.data));
    socket.onclose = (event) => this.#lost(event.code, event.reason);
    this.#expectMessageWithin(ANSWER_TIMEOUT);
  }

  /** @param {number} milliseconds */
  #expectMessageWithin(milliseconds) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#lost(1006, "silence"); // closing it properly could take as long as the network is away
    }, milliseconds);
  }

  #heardAWord() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#say({ type: "ping" });
      this.#expectMessageWithin(ANSWER_TIMEOUT);
    }, QUIET);
  }

  /** @param {object} words */
  #say(words) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(words));
  }

  /** @param {Message} message */
  #hear(message) {
    this.#heardAWord();
    if (typeof message.seq === "number") this.#take(message, message.seq);
    else if (message.type === "hello") this.#welcomed(message.data.last_seq);
    else if (message.type === "resumed") this.#caughtUp(message.data.last_seq);
    else if (message.type === "resync") this.#startAnew(message.data.last_seq);
    else if (message.type === "error") console.warn("gamification:", message.data);
    else if (message.type !== "pong") this.#tell(message.type, message);
  }

  /** @param {number} newest */
  #welcomed(newest) {
    this.#connectedAt = Date.now();
    this.#resumedAt = -1;
    if (this.after === null) this.after = newest;
    if (this.after === newest) this.#become({ state: "live" });
    else this.#resume();
  }

  #resume() {
    this.#resumedAt = this.after ?? 0;
    this.#become({ state: "resuming" });
    this.#say({ type: "resume", after: this.after });
  }

  /** @param {number} newest */
  #caughtUp(newest) {
    if (this.after !== null && this.after < newest && this.#resumedAt !== this.after) this.#resume();
    else this.#become({ state: "live" });
  }

  /**
   * What was missed is no longer kept. Whoever listens reads REST; what comes later than this number is new.
   * @param {number} newest
   */
  #startAnew(newest) {
    this.after = newest;
    this.#become({ state: "live" });
    this.#tell("resync", null);
  }

  /**
   * @param {Message} message
   * @param {number} seq
   */
  #take(message, seq) {
    const known = this.after ?? 0;
    if (seq === known + 1) {
      this.after = seq;
      this.#tell("message", message);
      this.#tell(message.type, message);
    } else if (seq > known && this.state !== "resuming") {
      this.#resume(); // something is missing in between
    }
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #lost(code, reason) {
    this.#letGo();
    if (!this.#isWanted) return;
    if (this.#connectedAt && Date.now() - this.#connectedAt > STEADY) this.#failures = 0;
    this.#connectedAt = 0;
    // Banned, or too many windows at once: coming back would close the next one's.
    if (code === 4403 || code === 4410) return this.#stop({ state: "stopped", code, reason });
    if (code === 4401) this.#refuseToken();
    const told = /^retry-after=([\d.]+)$/.exec(reason); // of one that restarts (1012) or is full (4429)
    this.#later({ code, reason }, told ? Number(told[1]) * 1000 : undefined);
  }

  /**
   * @param {{ code?: number, reason?: string }} why
   * @param {number} [told] milliseconds that the server asked for, which it has spread over its clients already
   */
  #later(why, told) {
    const most = Math.min(BACK_OFF.most, BACK_OFF.first * 2 ** this.#failures);
    this.#failures += 1;
    const retryIn = Math.round(told ?? 100 + Math.random() * most);
    this.#become({ state: "waiting", retryIn, ...why });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), retryIn);
  }

  /** @param {StateDetail} last */
  #stop(last) {
    this.#isWanted = false;
    clearTimeout(this.#timer);
    globalThis.removeEventListener?.("online", this.#tryNow);
    globalThis.document?.removeEventListener("visibilitychange", this.#tryNow);
    this.#letGo();
    this.#become(last);
  }

  #letGo() {
    clearTimeout(this.#silence);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  /** @param {StateDetail} detail */
  #become(detail) {
    if (this.state === detail.state && detail.state !== "waiting") return;
    this.state = detail.state;
    this.#tell("state", detail);
  }

  /**
   * @param {string} type
   * @param {any} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
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
        await pause(problem.retryAfter ?? BACK_OFF.first * 2 ** attempt * (0.5 + Math.random()));
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
