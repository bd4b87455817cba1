// @ts-check
/**
 * One player's live feed, kept open: it comes back after a loss, asks for what was missed, and gives every kept message
 * once and in order. `gamification.js` is built on it.
 */

/**
 * @typedef {{ seq?: number, type: string, data: any }} Message
 * @typedef {import("../types/messages.d.ts").State} State
 * @typedef {import("../types/messages.d.ts").StateDetail} StateDetail
 */

const SUBPROTOCOL = "gamification.v1";
const ANSWER_TIMEOUT = 15_000; // milliseconds for an answer
const QUIET = 25_000; // … without a word, after which we ask whether anybody is there
const STEADY = 30_000; // … that a connection has lasted when the next loss counts as the first
const BACK_OFF = { first: 500, most: 30_000 };
const LONGEST = 300_000; // milliseconds that it stays away, however long it is asked to

export class Connection {
  /** @type {State} */
  state = "stopped";
  /** The number of the last message that was told. @type {number | null} */
  after;

  #address;
  #getToken;
  #refuseToken;
  #tell;
  #webSocket;
  /** @type {WebSocket | null} */
  #socket = null;
  #token = ""; // that the socket was opened with
  #isWanted = false;
  #resumedAt = -1;
  #failures = 0;
  #connectedAt = 0; // 0: not yet let in
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;

  /**
   * @param {string} address
   * @param {object} needs
   * @param {() => Promise<string>} needs.getToken
   * @param {(token: string) => unknown} needs.refuseToken called when the service no longer takes that token
   * @param {(type: string, detail: any) => void} needs.tell
   * @param {number | null} needs.after
   * @param {(new (url: string, protocols: string[]) => any) | undefined} [needs.webSocket] by default the built-in one
   */
  constructor(address, { getToken, refuseToken, tell, after, webSocket = globalThis.WebSocket }) {
    this.#address = address;
    this.#getToken = getToken;
    this.#refuseToken = refuseToken;
    this.#tell = tell;
    this.after = after;
    this.#webSocket = webSocket;
  }

  /** Stay connected from now on. */
  connect() {
    if (this.#isWanted) return;
    if (!this.#webSocket) throw new TypeError("no WebSocket is built in here (Node before 22): say webSocket, that of ws");
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
      token = await this.#getToken();
    } catch (problem) {
      if (this.#isWanted && this.state === "connecting") this.#later({ reason: String(problem) });
      return;
    }
    if (!this.#isWanted || this.state !== "connecting" || this.#socket) return;
    this.#token = token;
    /** @type {WebSocket} */
    let socket;
    try {
      socket = this.#socket = new this.#webSocket(this.#address, [SUBPROTOCOL, `bearer.${token}`]);
    } catch (problem) {
      this.#refuseToken(token); // it cannot be a token: a page with an error, say
      return this.#later({ reason: String(problem) });
    }
    socket.onmessage = (event) => this.#hear(JSON.parse(event.data));
    socket.onclose = (event) => this.#lost(event.code, event.reason);
    socket.onerror = () => {}; // what it comes to, `onclose` says
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
    if (code === 4401) this.#refuseToken(this.#token);
    const told = /^retry-after=(\d+(?:\.\d+)?)$/.exec(reason); // of one that restarts (1012) or is full (4429)
    this.#later({ code, reason }, told ? Math.min(Number(told[1]) * 1000, LONGEST) : undefined);
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
}
