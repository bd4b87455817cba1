// @ts-check
/** The panel's sections, from data to elements, but for the achievements. */

import { claimable, currenciesWaiting, isPending, waiting, withheld } from "./cases.js";
import { h } from "./dom.js";
import { bar, button, fold, hidden, rewardNames, section } from "./pieces.js";
import { date, left, number, REPEATS, spelled, STATES } from "./words.js";

/** @typedef {import("./pieces.js").View} View */

const NEWS = 20;
const SOON = 30 * 24 * 3600 * 1000; // milliseconds within which an end is worth a countdown

// -- who ----------------------------------------------------------------------------------------------------------------

/** @param {View} view */
export function who(view) {
  const { profile, names } = view;
  const { points, xp, level } = profile.statistics;
  const here = view.levels.find((each) => each.level === level);
  const next = view.levels.find((each) => each.level > level);
  const done = next ? (xp - (here?.xp ?? 0)) / (next.xp - (here?.xp ?? 0)) : 1;
  const known = new Set(view.wallet.map((row) => row.currency));
  const first = [...new Set(currenciesWaiting(view))].filter((currency) => !known.has(currency)).map((currency) => ({ currency, balance: 0, debt: 0 }));
  const titles = profile.titles.map((/** @type {string} */ id) => names.reward(id)).join(", ");
  return h(
    "header.who",
    { "data-key": "who" },
    h("div.name", {}, h("h2", {}, profile.display_name || profile.player_id), titles && h("p.titles", {}, titles), connection(view)),
    h(
      "div.level",
      {},
      h("p", {}, h("strong", {}, `Level ${number(level)}`), h("span", {}, next ? `${number(xp)} of ${number(next.xp)} XP` : `${number(xp)} XP`)),
      bar(done, next ? `On the way to level ${next.level}` : "The highest level"),
    ),
    h(
      "dl.purse",
      {},
      amount("Points", points, 0, waiting(view, "")),
      ...[...view.wallet, ...first].map((row) => amount(names.currency(row.currency), row.balance, row.debt, waiting(view, row.currency))),
    ),
    profile.badges.length > 0 &&
      h("ul.badges", { "aria-label": "Badges" }, ...profile.badges.map((/** @type {string} */ id) => h("li", {}, names.reward(id)))),
  );
}

/**
 * @param {string} name
 * @param {number} value
 * @param {number} [debt]
 * @param {number} [waits] withheld until a case is decided
 */
function amount(name, value, debt = 0, waits = 0) {
  const beside = [debt > 0 && `${number(debt)} owed`, waits > 0 && `${number(waits)} under review`].filter(Boolean).join(", ");
  return h("div", { "data-key": name }, h("dt", {}, name), h("dd", {}, number(value), beside && h("small", {}, ` (${beside})`)));
}

/** @param {View} view */
export function connection(view) {
  return h("p.connection", { "data-key": "connection", "data-state": view.state }, view.trouble || STATES[view.state]);
}

/** @param {View} view */
export function contents(view) {
  const unread = newsRows(view).filter((row) => row.hasAttribute("data-new")).length;
  /** @type {[string, string, number][]} */
  const places = [
    ...(view.cases.length || withheld(view).length ? /** @type {[string, string, number][]} */ ([["review", "Under review", view.cases.filter(isPending).length]]) : []),
    ["rewards", "Rewards", claimable(view).length],
    ["quests", "Quests", view.quests.filter((quest) => quest.status === "IN_PROGRESS").length],
    ["achievements", "Achievements", 0],
    ["lately", "Lately", unread],
  ];
  return h(
    "nav",
    { "data-key": "contents", "aria-label": "What is on this page" },
    ...places.map(([id, title, count]) =>
      h("button.place", { type: "button", "data-key": `go:${id}`, "data-do": "go", "data-id": id }, title, count > 0 && h("span.count", {}, number(count))),
    ),
  );
}

// -- rewards ------------------------------------------------------------------------------------------------------------

/** @param {View} view */
export function rewards(view) {
  const { names } = view;
  const pending = claimable(view);
  const rows = pending.map((given) =>
    h(
      "li.row",
      { "data-key": given.id },
      h("div", {}, h("h4", {}, names.parcel(given.reward_id)), h("p.meta", {}, names.source(given), isNear(given.expires_at) && until(given.expires_at, " · "))),
      button(view, "Claim", { do: "claim", id: given.id, of: names.parcel(given.reward_id) }),
    ),
  );
  return section(
    "rewards",
    "Rewards to claim",
    pending.length,
    rows.length ? h("ul.rows", {}, ...rows) : h("p.none", {}, "Nothing waits for you just now."),
    rows.length > 1 && button(view, "Claim all", { do: "claim-all" }),
  );
}

/** @param {string | null} iso */
function isNear(iso) {
  return iso !== null && Date.parse(iso) - Date.now() < SOON;
}

/**
 * @param {string | null} iso
 * @param {string} [before]
 */
function until(iso, before = "") {
  return iso && h("span", {}, before, h("time", { datetime: iso, "data-until": iso }, left(iso, Date.now())));
}

// -- quests -------------------------------------------------------------------------------------------------------------

/** @param {View} view */
export function quests(view) {
  const of = (/** @type {(quest: any) => boolean} */ which) => view.quests.filter(which);
  const isOpen = (/** @type {any} */ quest) => quest.status === "IN_PROGRESS";
  const canStart = (/** @type {any} */ quest) => !isOpen(quest) && view.startable.has(quest.id);
  const isOver = (/** @type {any} */ quest) => !isOpen(quest) && !canStart(quest) && quest.status !== "NOT_STARTED";
  const underWay = of(isOpen).sort((a, b) => (a.deadline ? Date.parse(a.deadline) : Infinity) - (b.deadline ? Date.parse(b.deadline) : Infinity) || 0);
  const cards = (/** @type {any[]} */ rows) => rows.map((quest) => questCard(view, quest));
  return section(
    "quests",
    "Quests",
    underWay.length,
    underWay.length ? h("ul.cards", {}, ...cards(underWay)) : h("p.none", {}, "Nothing is under way."),
    fold("startable", "You could start", cards(of(canStart)), view.isRoomy || !underWay.length),
    fold("over", "Behind you", cards(of(isOver))),
    fold("later", "Not yet", cards(of((quest) => quest.status === "NOT_STARTED" && !canStart(quest)))),
  );
}

/**
 * @param {View} view
 * @param {any} quest
 */
function questCard(view, quest) {
  const isOpen = quest.status === "IN_PROGRESS";
  const times = quest.history.filter((/** @type {any} */ run) => run.status === "COMPLETED").length;
  const offered = !quest.offers || quest.offers.some((/** @type {any} */ each) => each.is_offered);
  const meta = [
    spelled(quest.type),
    quest.difficulty !== "NORMAL" && spelled(quest.difficulty),
    quest.repeat !== quest.type && REPEATS[quest.repeat],
    !isOpen && quest.time_limit && `${left(new Date(quest.time_limit * 1000).toISOString(), 0).replace(" left", "")} to do it`,
    !offered && "not on offer just now",
    times > 1 && `done ${number(times)} times`,
  ];
  const steps = [...quest.steps].sort((a, b) => a.order - b.order);
  const isOver = !isOpen && quest.status !== "NOT_STARTED";
  return h(
    "li.card.quest",
    { "data-key": quest.id, "data-status": quest.status },
    h("h4", { tabindex: -1 }, quest.title),
    h("p.meta", {}, meta.filter(Boolean).join(" · "), isOpen && isNear(quest.deadline) && until(quest.deadline, " · ")),
    isOver && h("p.outcome", {}, outcome(quest)),
    quest.description && h("p", {}, quest.description),
    isOpen && bar(quest.progress, quest.title),
    isOpen && h("ol.steps", {}, ...steps.map((step) => stepRow(view, quest, step))),
    quest.rewards.length > 0 && rewardNames(view, quest.rewards),
    view.startable.has(quest.id) && !isOpen && button(view, "Start", { do: "start", id: quest.id, of: quest.title }),
    isOpen && button(view, "Give up", { do: "abandon", id: quest.id, of: quest.title, quiet: true }),
  );
}

/** @param {any} quest */
function outcome(quest) {
  if (quest.status === "COMPLETED") return `✓ Done ${quest.completed_at ? date(quest.completed_at) : ""}`;
  return quest.status === "EXPIRED" ? "⌛ Out of time" : "✗ Failed";
}

/**
 * @param {View} view
 * @param {any} quest
 * @param {any} step
 */
function stepRow(view, quest, step) {
  const progress = quest.step_progress[step.id] ?? 0;
  const state = stepState(quest, step);
  const said = { done: "done", active: "under way", skipped: "not taken", ahead: "later" }[state];
  const isByHand = state === "active" && !step.requirements.length;
  return h(
    `li.step.${state}`,
    { "data-key": step.id, "aria-current": state === "active" ? "step" : null },
    h("span.mark", { "aria-hidden": "true" }, { done: "✓", active: "●", skipped: "–", ahead: "○" }[state]),
    h(
      "div",
      {},
      h(
        "p.what",
        {},
        step.title,
        step.is_optional && h("span.tag", {}, "optional"),
        step.branch && h("span.tag", {}, `way of the ${spelled(step.branch).toLowerCase()}`),
        hidden(` (${said})`),
      ),
      state === "active" && step.description && h("p.meta", {}, step.description),
      state === "active" && step.requirements.length > 0 && bar(progress, step.title),
      isByHand && step.completed_by === "SERVER" && h("p.meta", {}, "The game will see to it."),
      isByHand && step.completed_by === "PLAYER" && button(view, "Done", { do: "complete", id: quest.id, step: step.id, of: step.title }),
    ),
  );
}

/**
 * @param {any} quest
 * @param {any} step
 * @returns {"done" | "active" | "skipped" | "ahead"}
 */
function stepState(quest, step) {
  if (quest.active_steps.includes(step.id)) return "active";
  if (quest.step_progress[step.id] === 1) return "done";
  return step.branch && notTaken(quest).has(step.branch) ? "skipped" : "ahead";
}

/** The branches that were not chosen: of each order with several, all but the one with a completed step. @param {any} quest */
function notTaken(quest) {
  const rejected = new Set();
  for (const chosen of quest.steps) {
    if (!chosen.branch || quest.step_progress[chosen.id] !== 1 || quest.active_steps.includes(chosen.id)) continue;
    for (const other of quest.steps) {
      if (other.order === chosen.order && other.branch && other.branch !== chosen.branch) rejected.add(other.branch);
    }
  }
  return rejected;
}

// -- lately -------------------------------------------------------------------------------------------------------------

/** @param {View} view the newest first */
function newsRows(view) {
  const rows = [];
  for (const message of [...view.messages].reverse()) {
    const news = view.names.news(message);
    if (!news) continue;
    const meta = [news.detail, date(message.timestamp)].filter(Boolean).join(" · ");
    rows.push(
      h(
        "li",
        { "data-key": `m${message.seq}`, "data-new": message.seq > view.readUpTo },
        h("span.mark", { "aria-hidden": "true" }, news.icon),
        h("div", {}, h("p", {}, news.title), h("p.meta", {}, meta)),
      ),
    );
    if (rows.length === NEWS) break;
  }
  return rows;
}

/** @param {View} view */
export function lately(view) {
  const rows = newsRows(view);
  return section("lately", "Lately", null, rows.length ? h("ol.news", {}, ...rows) : h("p.none", {}, "Nothing has happened yet."));
}
