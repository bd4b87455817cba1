// @ts-check
/**
 * `<gamification-panel>`: a player's achievements, quests, rewards and level, live.
 *
 *     <script type="module" src="https://play.example/static/play/panel.js"></script>
 *     <gamification-panel token-url="/my-token"></gamification-panel>
 *
 * Attributes: `token` (a player's token), or `token-url` (an address of the page's own site that answers `{"token": …}`
 * and is asked again before it ends), or in a script its property `getToken`; `service` and `feed`, where they are not
 * where this file came from. It fires the client's messages as DOM events (`achievement.completed`, …), which bubble.
 */

import { achievements } from "./achievements.js";
import { h, morph } from "./dom.js";
import { Gamification } from "./gamification.js";
import * as views from "./views.js";
import { left, Names, number, refusal } from "./words.js";

/** @typedef {"profile" | "achievements" | "quests" | "rewards" | "wallet"} Part */

/** @type {Part[]} */
const ALL = ["profile", "achievements", "quests", "rewards", "wallet"];
const KEPT_NEWS = 40;
const ROOMY = 672; // pixels: where panel.css lays things side by side
const TOASTS = 3;
const TOAST_STAYS = 8_000;
const READ_AFTER = 3_000;
const CONFIRM_WITHIN = 5_000;
const LOOK_AGAIN = 20_000;
const WITHOUT_A_FEED = 2_000; // milliseconds, after which we read what there is all the same
/** What a message changes. @type {[RegExp, Part[]][]} */
const CHANGES = [
  [/^achievement\.completed$/, ["profile", "achievements", "quests"]],
  [/^quest\./, ["profile", "quests"]],
  [/^reward\./, ["profile", "rewards", "wallet"]],
  [/^level\./, ["profile", "quests"]],
  [/^backfill\./, ALL],
];

class Panel extends HTMLElement {
  /** @type {(() => string | { token: string } | Promise<string | { token: string }>) | null} */
  #getToken = null;
  /** @type {Gamification | null} */
  #client = null;
  #root = this.attachShadow({ mode: "open" });
  #body = h("div.panel", { hidden: true });
  #status = h("div.sr", { role: "status" });
  #toasts = h("div.toasts", { role: "status", "aria-live": "polite", "aria-relevant": "additions" });
  #names = new Names();
  /** @type {import("./pieces.js").View} */
  #view = {
    names: this.#names,
    profile: null,
    levels: [],
    achievements: [],
    quests: [],
    startable: new Set(),
    pending: [],
    wallet: [],
    messages: [],
    readUpTo: 0,
    state: "stopped",
    trouble: "",
    busy: new Set(),
    isRoomy: true,
    confirming: "",
  };
  /** @type {Set<Part>} */
  #stale = new Set();
  /** @type {Promise<void> | null} */
  #reading = null;
  /** @type {any[]} */
  #missed = [];
  /** @type {number | undefined} */
  #frame;
  /** @type {(ReturnType<typeof setInterval> | ReturnType<typeof setTimeout>)[]} */
  #clocks = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #reader;

  constructor() {
    super();
    const style = h("link", { rel: "stylesheet", href: new URL("./panel.css", import.meta.url).href });
    style.onload = style.onerror = () => this.#body.removeAttribute("hidden"); // never a moment without its looks
    this.#root.append(style, this.#body, this.#status, this.#toasts);
    this.#root.addEventListener("click", (event) => this.#pressed(event));
  }

  /** The client that this panel is built on; null before it has a token to begin with. */
  get client() {
    return this.#client;
  }

  /** Fetches a player's token. Setting it begins. */
  get getToken() {
    return this.#getToken;
  }

  set getToken(getToken) {
    this.#getToken = getToken;
    if (this.isConnected) this.#begin();
  }

  connectedCallback() {
    this.#begin();
  }

  disconnectedCallback() {
    this.#end();
  }

  #begin() {
    const getToken = this.#getToken ?? this.#tokenByAttribute();
    if (!getToken) return;
    this.#end();
    const service = this.getAttribute("service") ?? undefined;
    const feed = this.getAttribute("feed") ?? undefined;
    const client = (this.#client = new Gamification({ getToken, service, feed }));
    client.addEventListener("state", (event) => this.#stateIs(/** @type {CustomEvent} */ (event).detail));
    client.addEventListener("message", (event) => this.#told(/** @type {CustomEvent} */ (event).detail));
    client.addEventListener("achievement.progressed", (event) => this.#progressed(/** @type {CustomEvent} */ (event).detail));
    client.addEventListener("resync", () => this.refresh());
    this.#clocks.push(setInterval(() => this.#tick(), 1000), setInterval(() => this.#lookAgain(), LOOK_AGAIN));
    this.#clocks.push(setTimeout(() => this.#view.profile || this.refresh(), WITHOUT_A_FEED));
    client.connect();
  }

  #end() {
    this.#client?.disconnect();
    this.#client = null;
    for (const clock of this.#clocks.splice(0)) clearInterval(clock);
    clearTimeout(this.#reader);
  }

  #tokenByAttribute() {
    const token = this.getAttribute("token");
    const url = this.getAttribute("token-url");
    if (url) return () => fetch(url, { credentials: "same-origin", cache: "no-store" }).then((answer) => answer.json());
    return token ? () => token : null;
  }

  // -- what the feed says ---------------------------------------------------------------------------------------------

  /** @param {import("./gamification.js").StateDetail} detail */
  #stateIs(detail) {
    const wasLive = this.#view.state === "live";
    this.#view.state = detail.state;
    this.#view.trouble = detail.state === "stopped" && detail.code === 4403 ? "This player may not come in." : "";
    if (detail.state === "live") {
      this.#announceMissed();
      this.refresh(); // whatever happened before is in what is read now, and whatever comes after will be told
      this.#readNews();
    } else if (detail.state === "waiting" && wasLive) {
      this.#status.textContent = "Connection lost, trying again.";
    }
    this.#draw();
  }

  /** @param {any} message */
  #told(message) {
    this.#view.messages = [...this.#view.messages.filter((each) => each.seq !== message.seq), message].slice(-KEPT_NEWS);
    if (this.#view.state === "resuming") this.#missed.push(message);
    else this.#announce(message);
    const changed = CHANGES.filter(([types]) => types.test(message.type)).flatMap(([, parts]) => parts);
    this.refresh(...changed);
    this.#markReadSoon();
    this.dispatchEvent(new CustomEvent(message.type, { detail: message, bubbles: true, composed: true }));
  }

  /** @param {any} message */
  #progressed({ data }) {
    const row = this.#view.achievements.find((each) => each.id === data.id);
    if (!row || row.is_completed) return;
    row.progress = data.progress;
    row.state = data.progress > 0 ? "IN_PROGRESS" : "LOCKED";
    this.refresh("achievements", "quests"); // the numbers beside the bar; and steps move by the same events, unsaid
  }

  // -- reading --------------------------------------------------------------------------------------------------------

  /** Read these parts anew (without any: everything) and show them. @param {...Part} parts */
  refresh(...parts) {
    for (const part of parts.length ? parts : ALL) this.#stale.add(part);
    this.#reading ??= this.#readAll().finally(() => (this.#reading = null));
    this.#draw();
    return this.#reading;
  }

  async #readAll() {
    await new Promise((resolve) => setTimeout(resolve, 30)); // what comes together is read together
    while (this.#stale.size && this.#client) {
      const parts = [...this.#stale];
      this.#stale.clear();
      try {
        await Promise.all([this.#readNames(this.#client, parts.length === ALL.length), ...parts.map((part) => this.#read(part, this.#client))]);
        if (this.#view.state !== "stopped") this.#view.trouble = "";
      } catch (problem) {
        for (const part of parts) this.#stale.add(part);
        this.#view.trouble ||= this.#view.profile ? "" : refusal(problem);
        this.#draw();
        return; // with the next message, the next connection or the next look
      }
      this.#draw();
    }
  }

  /**
   * @param {Part} part
   * @param {Gamification | null} client
   */
  async #read(part, client) {
    if (!client) return;
    const view = this.#view;
    if (part === "profile") view.profile = await client.profile();
    else if (part === "wallet") view.wallet = await client.wallet();
    else if (part === "rewards") view.pending = await client.distributions("PENDING");
    else if (part === "achievements") {
      view.achievements = await client.achievements();
      this.#names.achievements = new Map(view.achievements.map((row) => [row.id, row]));
    } else {
      const [quests, startable] = await Promise.all([client.quests(), client.startableQuests()]);
      view.quests = quests;
      view.startable = new Set(startable.map((quest) => quest.id));
      this.#names.quests = new Map(quests.map((quest) => [quest.id, quest]));
    }
  }

  /**
   * What things are called. Content changes seldom: once a connection.
   *
   * @param {Gamification} client
   * @param {boolean} isDue
   */
  async #readNames(client, isDue) {
    if (!isDue) return;
    const [rewards, currencies, levels] = await Promise.all(["rewards", "currencies", "levels"].map((kind) => client.list(kind)));
    this.#names.rewards = new Map(rewards.map((reward) => [reward.id, reward]));
    this.#names.currencies = new Map(currencies.map((currency) => [currency.id, currency.name]));
    this.#view.levels = levels.sort((a, b) => a.level - b.level);
  }

  async #readNews() {
    const after = Math.max(0, (this.#client?.after ?? 0) - KEPT_NEWS);
    try {
      const read = (await this.#client?.messages(after)) ?? [];
      const known = new Map([...read, ...this.#view.messages].map((message) => [message.seq, message]));
      this.#view.messages = [...known.values()].sort((a, b) => a.seq - b.seq).slice(-KEPT_NEWS);
      this.#view.readUpTo = Math.max(this.#view.readUpTo, ...read.filter((message) => message.is_read).map((message) => message.seq));
      this.#markReadSoon();
      this.#draw();
    } catch {
      // what is new will still be told
    }
  }

  #markReadSoon() {
    clearTimeout(this.#reader);
    this.#reader = setTimeout(async () => {
      const newest = this.#view.messages.at(-1)?.seq ?? 0;
      if (document.visibilityState !== "visible" || newest <= this.#view.readUpTo) return;
      try {
        this.#view.readUpTo = (await this.#client?.markRead(newest))?.read_up_to ?? newest;
        this.#draw();
      } catch {
        // it stays new
      }
    }, READ_AFTER);
  }

  #lookAgain() {
    if (document.visibilityState !== "visible") return;
    if (this.#view.state !== "live" || this.#stale.size) this.refresh();
    else this.refresh("quests"); // what opens by the clock, nobody tells
  }

  // -- doing ----------------------------------------------------------------------------------------------------------

  /** @param {Event} event */
  async #pressed(event) {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-do]"));
    if (!button || !this.#client) return;
    const { do: action = "", id = "", step = "", key = "" } = button.dataset;
    if (action === "go") return this.#go(id);
    if (action === "dismiss") return button.closest(".toast")?.remove();
    if (this.#view.busy.has(key)) return;
    if (action === "abandon" && this.#view.confirming !== key) return this.#confirm(key);
    this.#view.confirming = "";
    this.#view.busy.add(key);
    this.#draw();
    try {
      await this.#carryOut(this.#client, action, id, step);
    } catch (problem) {
      this.#toast({ icon: "!", title: refusal(problem), detail: "" });
    }
    await this.refresh("profile", "quests", "rewards", "wallet");
    this.#view.busy.delete(key);
    this.#draw();
  }

  /**
   * @param {Gamification} client
   * @param {string} action
   * @param {string} id
   * @param {string} step
   */
  async #carryOut(client, action, id, step) {
    if (action === "start") await client.startQuest(id);
    else if (action === "abandon") await client.abandonQuest(id);
    else if (action === "complete") await client.completeStep(id, step);
    else if (action === "claim") this.#thank(await client.claim(id));
    else if (action === "claim-all") {
      for (const { id: each } of [...this.#view.pending]) this.#thank(await client.claim(each));
    }
  }

  /** @param {any} claimed */
  #thank(claimed) {
    this.#toast({ icon: "◆", title: `Claimed: ${this.#names.got(claimed)}`, detail: "" });
  }

  /** @param {string} key */
  #confirm(key) {
    this.#view.confirming = key;
    this.#status.textContent = "Press again to give it up.";
    setTimeout(() => {
      if (this.#view.confirming === key) {
        this.#view.confirming = "";
        this.#draw();
      }
    }, CONFIRM_WITHIN);
    this.#draw();
  }

  /** @param {string} id */
  #go(id) {
    const section = this.#root.getElementById(id);
    section?.scrollIntoView({ block: "start" });
    /** @type {HTMLElement | null | undefined} */ (section?.querySelector("h3"))?.focus({ preventScroll: true });
  }

  // -- showing --------------------------------------------------------------------------------------------------------

  #draw() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#drawNow();
    });
  }

  #drawNow() {
    const view = this.#view;
    const focused = /** @type {HTMLElement | null} */ (this.#root.activeElement);
    const [key, section] = [focused?.dataset.key, focused?.closest("section")?.id];
    if (!view.profile) {
      morph(this.#body, [views.connection(view)]);
      return;
    }
    view.isRoomy = this.clientWidth >= ROOMY;
    const asides = h("div.aside", { "data-key": "aside" }, views.rewards(view), views.quests(view));
    const mains = h("div.main", { "data-key": "main" }, achievements(view), views.lately(view));
    morph(this.#body, [views.who(view), views.contents(view), asides, mains]);
    if (key && !this.#root.activeElement) this.#focusAgain(key, section);
  }

  /**
   * Whoever was at a button that moved or went stays where they were.
   *
   * @param {string} key
   * @param {string | undefined} section
   */
  #focusAgain(key, section) {
    const same = this.#body.querySelector(`[data-key="${CSS.escape(key)}"]`);
    const card = this.#body.querySelector(`[data-key="${CSS.escape(key.split(":")[1] ?? "")}"] h4[tabindex]`);
    const title = section ? this.#body.querySelector(`#${section} h3`) : null;
    /** @type {HTMLElement | null} */ (same ?? card ?? title)?.focus({ preventScroll: !card || Boolean(same) });
  }

  #tick() {
    const now = Date.now();
    for (const clock of this.#body.querySelectorAll("[data-until]")) {
      const until = clock.getAttribute("data-until") ?? "";
      const text = left(until, now);
      if (clock.textContent === text) continue;
      clock.textContent = text;
      if (Date.parse(until) <= now) this.refresh("quests", "rewards");
    }
  }

  /** @param {any} message */
  #announce(message) {
    const news = this.#names.news(message);
    if (news?.isLoud) this.#toast(news);
  }

  #announceMissed() {
    const news = this.#missed.splice(0).map((message) => this.#names.news(message));
    const loud = news.filter((each) => each?.isLoud);
    if (loud.length > TOASTS) this.#toast({ icon: "★", title: `${number(loud.length)} things happened while you were away`, detail: "Lately says which." });
    else for (const each of loud) if (each) this.#toast(each);
  }

  /** @param {{ icon: string, title: string, detail: string }} news */
  #toast({ icon, title, detail }) {
    const toast = h(
      "div.toast",
      {},
      h("span.icon", { "aria-hidden": "true" }, icon),
      h("div", {}, h("p.title", {}, title), detail && h("p.meta", {}, detail)),
      h("button.quiet.close", { type: "button", "data-do": "dismiss", "aria-label": "Dismiss" }, "×"),
    );
    this.#toasts.append(toast);
    while (this.#toasts.children.length > (this.#view.isRoomy ? TOASTS : TOASTS - 1)) this.#toasts.firstElementChild?.remove();
    const fade = () => {
      if (toast.matches(":hover, :focus-within")) setTimeout(fade, TOAST_STAYS / 4);
      else toast.remove();
    };
    setTimeout(fade, TOAST_STAYS);
  }
}

if (!customElements.get("gamification-panel")) customElements.define("gamification-panel", Panel);
