// @ts-check
/**
 * What happened and has not been taken by the service yet. It is kept first, on disk where the store is one, and sent
 * afterwards, in order and as often as it takes. Whoever is killed in between sends the same again under the same ids,
 * which count once: so nothing is lost and nothing counts twice.
 */

import { backOff, Problem } from "./rest.js";

/**
 * @template Item
 * @typedef {object} Store where items are kept; `file-store.js` and `browser-store.js` outlive the process
 * @property {(item: Item) => void | Promise<void>} add kept, once it is done
 * @property {(most: number) => { item: Item, done: unknown }[] | Promise<{ item: Item, done: unknown }[]>} first
 *   the oldest of them, in order
 * @property {(done: unknown[]) => void | Promise<void>} remove these, which `first` gave
 * @property {() => void | Promise<void>} close
 */

/**
 * @typedef {object} Rejection
 * @property {number} index of the item among those that were sent
 * @property {string} code
 * @property {string} detail
 */

const ITEMS = 500; // of the 1,000 that a request may have
const BYTES = 500_000; // of the 1 MiB
const LONGEST = 300_000; // milliseconds between two tries, however long the service asks to be left alone
const GATHER = 100; // milliseconds in which what happens goes out together

/** @template Item */
export class Queue {
  #store;
  #send;
  #isItsFault;
  #onRejected;
  #onTrouble;
  #most;
  #failures = 0;
  #isClosed = false;
  #hasMore = false; // since the store was last asked
  /** @type {Promise<void> | null} */
  #sending = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {object} needs
   * @param {Store<Item>} needs.store
   * @param {(items: Item[]) => Promise<{ rejected?: Rejection[] } | void>} needs.send resolves once the service has them
   * @param {number} [needs.most] items that are sent at a time
   * @param {(problem: Problem) => boolean} [needs.isItsFault] the service will never take this; by default what HTTP
   *   calls a bad request
   * @param {(item: Item, why: { code: string, detail: string }) => void} [needs.onRejected] it is kept no longer
   * @param {(problem: unknown) => void} [needs.onTrouble] they could not be sent, and will be tried again
   */
  constructor({ store, send, most = ITEMS, isItsFault = isBadRequest, onRejected = warn, onTrouble = () => {} }) {
    this.#store = store;
    this.#send = send;
    this.#most = most;
    this.#isItsFault = isItsFault;
    this.#onRejected = onRejected;
    this.#onTrouble = onTrouble;
    this.#soon(0); // what an earlier process has left
  }

  /**
   * Keeps the item. Once this has resolved, it will be sent, whatever happens to this process.
   *
   * @param {Item} item
   */
  async add(item) {
    if (this.#isClosed) throw new TypeError("this queue is closed");
    await this.#store.add(item);
    this.#hasMore = true;
    if (this.#failures === 0) this.#soon(GATHER);
  }

  /** Sends what is kept, now. Throws what stood in the way; then it stays kept, and is tried again later. */
  async flush() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#sending?.catch(() => {});
    await this.#run();
  }

  /** The last try to send; what does not go out is left to the next process. */
  async close() {
    this.#isClosed = true;
    await this.flush().catch(this.#onTrouble);
    clearTimeout(this.#timer);
    await this.#store.close();
  }

  /** @param {number} milliseconds */
  #soon(milliseconds) {
    if (this.#timer !== undefined || this.#sending || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#run().catch(this.#onTrouble);
    }, milliseconds);
    /** @type {{ unref?: () => void }} */ (/** @type {unknown} */ (this.#timer)).unref?.(); // Node may end: it is kept
  }

  #run() {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = null;
      if (this.#hasMore && this.#failures === 0) this.#soon(GATHER);
    });
    return this.#sending;
  }

  async #sendAll() {
    try {
      for (;;) {
        this.#hasMore = false;
        const kept = fitting(await this.#store.first(this.#most));
        if (!kept.length) break;
        await this.#deliver(kept);
        this.#failures = 0;
      }
    } catch (problem) {
      this.#failures += 1;
      const wait = (problem instanceof Problem && problem.retryAfter) || backOff(this.#failures);
      setTimeout(() => this.#soon(Math.min(wait, LONGEST))); // once this run is over
      throw problem;
    }
  }

  /**
   * @param {{ item: Item, done: unknown }[]} kept
   * @returns {Promise<void>}
   */
  async #deliver(kept) {
    const items = kept.map(({ item }) => item);
    /** @type {Rejection[]} */
    let rejected;
    try {
      rejected = (await this.#send(items))?.rejected ?? [];
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.isPassing || !this.#isItsFault(problem)) throw problem;
      if (kept.length > 1) {
        // One of them spoils the others' request: the halves tell which.
        const half = Math.ceil(kept.length / 2);
        await this.#deliver(kept.slice(0, half));
        return this.#deliver(kept.slice(half));
      }
      rejected = [{ index: 0, code: problem.code || `http_${problem.status}`, detail: problem.message }];
    }
    for (const { index, code, detail } of rejected) {
      const item = items[index];
      if (item !== undefined) this.#tell(item, { code, detail });
    }
    await this.#store.remove(kept.map(({ done }) => done));
  }

  /**
   * What the caller's function throws is said and goes no further: the items would be kept, and sent, for ever.
   *
   * @param {Item} item
   * @param {{ code: string, detail: string }} why
   */
  #tell(item, why) {
    try {
      this.#onRejected(item, why);
    } catch (problem) {
      console.error("gamification: onRejected failed", problem);
    }
  }
}

/** @param {Problem} problem */
export function isBadRequest({ status }) {
  return [400, 413, 422, 431].includes(status);
}

/**
 * @param {unknown} item
 * @param {{ code: string, detail: string }} why
 */
function warn(item, { code, detail }) {
  console.warn(`gamification: ${code}: ${detail}`, item);
}

/**
 * As many as go into one request.
 *
 * @template {{ item: unknown }} Kept
 * @param {Kept[]} kept
 */
function fitting(kept) {
  let bytes = 0;
  const end = kept.findIndex(({ item }, index) => (bytes += 3 * JSON.stringify(item).length) > 2 * BYTES && index > 0);
  return end < 0 ? kept : kept.slice(0, end);
}

/**
 * For as long as the process lasts.
 *
 * @template Item
 * @returns {Store<Item>}
 */
export function memoryStore() {
  /** @type {Map<number, Item>} */
  const items = new Map();
  let number = 0;
  return {
    add: (item) => void items.set((number += 1), item),
    first: (most) => [...items].slice(0, most).map(([done, item]) => ({ item, done })),
    remove: (done) => done.forEach((each) => items.delete(/** @type {number} */ (each))),
    close: () => {},
  };
}
