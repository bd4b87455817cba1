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
import { claimable, review } from "./cases.js";
import { h, morph } from "./dom.js";
import { Gamification } from "./gamification.js";
import { Reading } from "./reading.js";
import * as views from "./views.js";
import { left, Names, number, refusal } from "./words.js";

const ROOMY = 672; // pixels: where panel.css lays things side by side
const TOASTS = 3;
const TOAST_STAYS = 8_000;
const CONFIRM_WITHIN = 5_000;
const LOOK_AGAIN = 20_000;
const WITHOUT_A_FEED = 2_000; // milliseconds, after which we read what there is all the same

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
    cases: [],
    wallet: [],
    messages: [],
    readUpTo: 0,
    state: "stopped",
    trouble: "",
    busy: new Set(),
    isRoomy: true,
    confirming: "",
  };
  #reading = new Reading(this.#view, () => this.#draw());
  /** @type {any[]} */
  #missed = [];
  /** @type {number | undefined} */
  #frame;
  /** @type {(ReturnType<typeof setInterval> | ReturnType<typeof setTimeout>)[]} */
  #clocks = [];

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
    this.#reading.begin(client);
    client.addEventListener("state", (event) => this.#stateIs(/** @type {CustomEvent} */ (event).detail));
    client.addEventListener("message", (event) => this.#told(/** @type {CustomEvent} */ (event).detail));
    client.addEventListener("achievement.progressed", (event) => this.#reading.progressed(/** @type {CustomEvent} */ (event).detail));
    client.addEventListener("resync", () => this.refresh());
    this.#clocks.push(setInterval(() => this.#tick(), 1000), setInterval(() => this.#reading.lookAgain(), LOOK_AGAIN));
    this.#clocks.push(setTimeout(() => this.#view.profile || this.refresh(), WITHOUT_A_FEED));
    client.connect();
  }

  #end() {
    this.#client?.disconnect();
    this.#client = null;
    this.#reading.end();
    for (const clock of this.#clocks.splice(0)) clearInterval(clock);
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
      this.#reading.refresh(); // whatever happened before is in what is read now, and whatever comes after will be told
      this.#reading.readNews();
    } else if (detail.state === "waiting" && wasLive) {
      this.#status.textContent = "Connection lost, trying again.";
    }
    this.#draw();
  }

  /** @param {any} message */
  #told(message) {
    if (this.#view.state === "resuming") this.#missed.push(message);
    else this.#announce(message);
    this.#reading.told(message);
    this.dispatchEvent(new CustomEvent(message.type, { detail: message, bubbles: true, composed: true }));
  }

  /** Read everything anew and show it. */
  refresh() {
    return this.#reading.refresh();
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
    await this.#reading.refresh("profile", "quests", "rewards", "wallet", ...(action === "appeal" ? /** @type {const} */ (["cases"]) : []));
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
      for (const { id: each } of claimable(this.#view)) this.#thank(await client.claim(each));
    } else if (action === "appeal") {
      const field = /** @type {HTMLTextAreaElement} */ (this.#root.getElementById(`appeal-${id}`));
      if (!field.value.trim()) return field.focus();
      await client.appeal(Number(id), field.value);
      this.#toast({ icon: "⚖", title: "Your appeal is sent", detail: "Others will look again." });
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
    const asides = h("div.aside", { "data-key": "aside" }, review(view), views.rewards(view), views.quests(view));
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
      if (Date.parse(until) <= now) this.#reading.refresh("quests", "rewards");
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
