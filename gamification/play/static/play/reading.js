// @ts-check
/**
 * What the panel shows, and when it is read: after which messages which parts are read anew, and up to where a player
 * has seen what is new.
 */

import { refusal } from "./words.js";

/** @typedef {"profile" | "achievements" | "quests" | "rewards" | "wallet" | "cases"} Part */

/** @type {Part[]} */
const ALL = ["profile", "achievements", "quests", "rewards", "wallet", "cases"];
const KEPT_NEWS = 40;
const READ_AFTER = 3_000;
/** What a message changes. @type {[RegExp, Part[]][]} */
const CHANGES = [
  [/^achievement\.completed$/, ["profile", "achievements", "quests"]],
  [/^quest\./, ["profile", "quests"]],
  [/^reward\./, ["profile", "rewards", "wallet"]],
  [/^level\./, ["profile", "quests"]],
  [/^case\./, ["profile", "achievements", "rewards", "wallet", "cases"]],
  [/^backfill\./, ALL],
];

export class Reading {
  #view;
  #draw;
  /** @type {import("./gamification.js").Gamification | null} */
  #client = null;
  /** @type {Set<Part>} */
  #stale = new Set();
  /** @type {Promise<void> | null} */
  #reading = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #reader;

  /**
   * @param {import("./pieces.js").View} view into which it is read
   * @param {() => void} draw shows it
   */
  constructor(view, draw) {
    this.#view = view;
    this.#draw = draw;
  }

  /** @param {import("./gamification.js").Gamification} client */
  begin(client) {
    this.#client = client;
  }

  end() {
    this.#client = null;
    clearTimeout(this.#reader);
  }

  /** Read what this message changes. @param {any} message */
  told(message) {
    this.#view.messages = [...this.#view.messages.filter((each) => each.seq !== message.seq), message].slice(-KEPT_NEWS);
    const changed = CHANGES.filter(([types]) => types.test(message.type)).flatMap(([, parts]) => parts);
    this.refresh(...changed);
    this.#markReadSoon();
  }

  /** @param {any} message */
  progressed({ data }) {
    const row = this.#view.achievements.find((each) => each.id === data.id);
    if (!row || row.is_completed) return;
    row.progress = data.progress;
    row.state = data.progress > 0 ? "IN_PROGRESS" : "LOCKED";
    this.refresh("achievements", "quests"); // the numbers beside the bar; and steps move by the same events, unsaid
  }

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
   * @param {import("./gamification.js").Gamification | null} client
   */
  async #read(part, client) {
    if (!client) return;
    const view = this.#view;
    if (part === "profile") view.profile = await client.profile();
    else if (part === "wallet") view.wallet = await client.wallet();
    else if (part === "cases") view.cases = await client.cases();
    else if (part === "rewards") view.pending = await client.distributions("PENDING");
    else if (part === "achievements") {
      view.achievements = await client.achievements();
      view.names.achievements = new Map(view.achievements.map((row) => [row.id, row]));
    } else {
      const [quests, startable] = await Promise.all([client.quests(), client.startableQuests()]);
      view.quests = quests;
      view.startable = new Set(startable.map((quest) => quest.id));
      view.names.quests = new Map(quests.map((quest) => [quest.id, quest]));
    }
  }

  /**
   * What things are called. Content changes seldom: once a connection.
   *
   * @param {import("./gamification.js").Gamification} client
   * @param {boolean} isDue
   */
  async #readNames(client, isDue) {
    if (!isDue) return;
    const [rewards, currencies, levels] = await Promise.all(["rewards", "currencies", "levels"].map((kind) => client.list(kind)));
    this.#view.names.rewards = new Map(rewards.map((reward) => [reward.id, reward]));
    this.#view.names.currencies = new Map(currencies.map((currency) => [currency.id, currency.name]));
    this.#view.levels = levels.sort((a, b) => a.level - b.level);
  }

  async readNews() {
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

  lookAgain() {
    if (document.visibilityState !== "visible") return;
    if (this.#view.state !== "live" || this.#stale.size) this.refresh();
    else if (this.#view.pending.some((given) => given.withheld)) this.refresh("quests", "rewards"); // staff may give it without a case
    else this.refresh("quests"); // what opens by the clock, nobody tells
  }
}
