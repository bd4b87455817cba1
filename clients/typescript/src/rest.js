// @ts-check
/**
 * Requests under `/api/v1/`: tried again while there is a point in it, with the same idempotency key. What a player's
 * device and a game's server have in common; they differ in what they sign with.
 */

/**
 * @typedef {Record<string, string | number | boolean | undefined>} Query
 *
 * @typedef {object} Said
 * @property {Query} [query]
 * @property {unknown} [body]
 * @property {string} [key] the `Idempotency-Key`; a POST without one is given a random one, and with "" none
 * @property {Record<string, string>} [headers]
 * @property {number} [tries] how often at most
 * @property {AbortSignal} [signal] ends the call, also while it waits for the next try
 *
 * @typedef {"GET" | "POST" | "PATCH" | "DELETE"} Method
 */

const ANSWER_TIMEOUT = 15_000; // milliseconds for an answer
const TRIES = 4;
const PAUSE = 500; // milliseconds, doubled for each try that has failed, before the next
const MOST_WAIT = 30_000; // milliseconds that a call waits for its next try; whoever is asked to wait longer is told so
const PASSING = [0, 408, 429, 500, 502, 503, 504]; // may be otherwise the next time; 0: no answer came

/** An answer that is no success: RFC 9457's fields, with the service's stable `code`. */
export class Problem extends Error {
  /**
   * @param {number} status 0 where no answer came
   * @param {{ code?: string, detail?: string, errors?: { path: string, code: string, detail: string }[] }} body
   * @param {number | null} [retryAfter] milliseconds that the service asked to wait
   */
  constructor(status, body, retryAfter = null) {
    super(body.detail || body.code || `HTTP ${status}`);
    this.name = "Problem";
    this.status = status;
    this.code = body.code || "";
    this.errors = body.errors || [];
    this.retryAfter = retryAfter;
  }

  /** The same request may succeed later. */
  get isPassing() {
    return PASSING.includes(this.status) || this.code === "idempotency_in_progress";
  }
}

export class Rest {
  #authorize;
  #refuse;
  #closing = new AbortController();

  /**
   * @param {string} service its origin
   * @param {object} signing
   * @param {() => string | Promise<string>} signing.authorize what `Authorization` says
   * @param {(signed: string) => boolean} [signing.refuse] that was not taken; true where there will be another
   */
  constructor(service, { authorize, refuse = () => false }) {
    this.service = service;
    this.#authorize = authorize;
    this.#refuse = refuse;
  }

  /**
   * @param {Method} method
   * @param {string} path such as `players/me/wallet`
   * @param {Said} [said]
   * @returns {Promise<any>} the answer's JSON. Throws Problem.
   */
  async request(method, path, { query = {}, body, key, headers: others, tries = TRIES, signal } = {}) {
    const url = new URL(`/api/v1/${path}`, this.service);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, `${value}`);
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json", ...others };
    const hasBody = method === "POST" || method === "PATCH";
    if (hasBody) headers["Content-Type"] = "application/json";
    if (method === "POST" && key !== "") headers["Idempotency-Key"] = key ?? randomKey();
    const text = hasBody ? json(body ?? {}) : null;
    let isRenewed = false;
    for (let attempt = 1; ; attempt += 1) {
      headers["Authorization"] = await this.#authorize();
      try {
        return await ask(url, { method, headers, body: text }, signal);
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        if (problem.status === 401 && !isRenewed && this.#refuse(headers["Authorization"])) {
          isRenewed = true;
          continue;
        }
        const wait = problem.retryAfter ?? backOff(attempt);
        if (!problem.isPassing || attempt >= tries || wait > MOST_WAIT) throw problem;
        await pause(wait, signal, this.#closing.signal);
        signal?.throwIfAborted();
        if (this.#closing.signal.aborted) throw problem;
      }
    }
  }

  /** Nobody waits any longer for another try: what stood in the way of the last one is thrown at once. */
  close() {
    this.#closing.abort();
  }

  /**
   * All rows of a list, over all its pages.
   *
   * @param {string} path
   * @param {Query} [query]
   * @returns {Promise<any[]>}
   */
  async list(path, query = {}) {
    const rows = [];
    for await (const row of this.rows(path, query)) rows.push(row);
    return rows;
  }

  /**
   * The rows of a list one after the other; the next page is read when it is come to.
   *
   * @param {string} path
   * @param {Query} [query]
   * @returns {AsyncGenerator<any, void, undefined>}
   */
  async *rows(path, query = {}) {
    /** @type {string | undefined} */
    let cursor;
    do {
      const page = await this.request("GET", path, { query: { page_size: 200, ...query, cursor } });
      yield* page.results;
      cursor = page.next ? (new URL(page.next).searchParams.get("cursor") ?? undefined) : undefined;
    } while (cursor);
  }
}

/**
 * @param {URL} url
 * @param {{ method: string, headers: Record<string, string>, body: string | null }} init
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} the JSON of a success. Throws Problem.
 */
async function ask(url, init, signal) {
  const deadline = AbortSignal.timeout(ANSWER_TIMEOUT);
  let answer, text;
  try {
    const ends = signal ? AbortSignal.any([signal, deadline]) : deadline;
    answer = await fetch(url, { ...init, credentials: "omit", signal: ends });
    text = await answer.text();
  } catch (problem) {
    signal?.throwIfAborted();
    const cause = problem instanceof Error && problem.cause ? ` (${problem.cause})` : "";
    throw new Problem(0, { code: "no_answer", detail: `${problem}${cause}` });
  }
  let body;
  try {
    body = text ? JSON.parse(text) : {};
  } catch {
    body = { code: "no_answer", detail: `HTTP ${answer.status}, and no JSON` }; // of a proxy in between
    throw new Problem(answer.ok ? 0 : answer.status, body);
  }
  if (answer.ok) return body;
  throw new Problem(answer.status, body ?? {}, milliseconds(answer.headers.get("Retry-After")));
}

/**
 * Milliseconds, of seconds or of a date; null where it says neither.
 *
 * @param {string | null} retryAfter
 */
function milliseconds(retryAfter) {
  if (!retryAfter) return null;
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1000;
  const until = / /.test(retryAfter) ? Date.parse(retryAfter) : NaN;
  return Number.isNaN(until) ? null : Math.max(0, until - Date.now());
}

/**
 * JSON that says what was meant: NaN and Infinity, of which JSON.stringify makes null, throw.
 *
 * @param {unknown} value
 */
export function json(value) {
  return JSON.stringify(value, (name, each) => {
    if (typeof each === "number" && !Number.isFinite(each)) throw new RangeError(`${name}: JSON has no number ${each}`);
    return each;
  });
}

/**
 * Milliseconds before the next try: longer each time, and at random, so that many do not come back at once.
 *
 * @param {number} failures
 * @param {number} [most]
 */
export function backOff(failures, most = 30_000) {
  return Math.min(most, PAUSE * 2 ** failures) * (0.5 + Math.random());
}

export function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A UUID of version 7: begins with the time, so that later ones sort behind earlier ones. */
export function uuid7() {
  const hex = Date.now().toString(16).padStart(12, "0") + randomKey().slice(12);
  const variant = "89ab"[parseInt(hex.charAt(16), 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** @param {string | number} text */
export function part(text) {
  return encodeURIComponent(text);
}

/**
 * Resolves after a while, or as soon as one of the signals is aborted.
 *
 * @param {number} milliseconds
 * @param {(AbortSignal | undefined)[]} signals
 * @returns {Promise<void>}
 */
export function pause(milliseconds, ...signals) {
  return new Promise((resolve) => {
    const timer = setTimeout(end, milliseconds);
    for (const signal of signals) signal?.addEventListener("abort", end);
    if (signals.some((signal) => signal?.aborted)) end();

    function end() {
      clearTimeout(timer);
      for (const signal of signals) signal?.removeEventListener("abort", end);
      resolve();
    }
  });
}

/**
 * The address of the service, of which only its origin counts.
 *
 * @param {string} service
 */
export function originOf(service) {
  const { origin, protocol } = new URL(service, globalThis.location?.href);
  if (!protocol.startsWith("http")) {
    throw new TypeError(`service: say where it is, such as "https://play.example" (not ${service})`);
  }
  return origin;
}
