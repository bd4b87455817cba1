// @ts-check
/**
 * The panel's section "Under review": what a player is told of the cases about how they play, the appeal, and the rewards
 * that wait meanwhile. What was found, and by which rule, the service tells nobody but reviewers.
 */

import { h } from "./dom.js";
import { button, fold, section } from "./pieces.js";
import { date, number } from "./words.js";

/** @typedef {import("./pieces.js").View} View */

const MOST = 2_000; // characters of an appeal
const SIDES = /** @type {Record<string, string>} */ ({
  rhythm: "the rhythm of what you do",
  endurance: "how long you play",
  volume: "how much you achieve",
  identity: "whose play it is",
});

/** Whether a case waits for somebody: for reviewers, or for the player to appeal. @param {any} row */
export const isPending = (row) => ["OPEN", "CONFIRMED", "APPEALED"].includes(row.state);

/** @param {View} view what waits until somebody has looked */
export const withheld = (view) => view.pending.filter((given) => given.withheld);

/** @param {View} view what the player may claim */
export const claimable = (view) => view.pending.filter((given) => !given.withheld);

/** What waits of a currency, or of points (""). @param {View} view @param {string} currency */
export function waiting(view, currency) {
  const type = currency ? "CURRENCY" : "POINTS";
  const rewards = withheld(view).map((given) => view.names.rewards.get(given.drawn || given.reward_id));
  const theirs = rewards.filter((reward) => reward?.type === type && (reward.currency || "") === currency);
  return theirs.reduce((sum, reward) => sum + reward.value, 0);
}

/** The currencies of what waits. @param {View} view */
export function currenciesWaiting(view) {
  const rewards = withheld(view).map((given) => view.names.rewards.get(given.drawn || given.reward_id));
  return rewards.flatMap((reward) => (reward?.type === "CURRENCY" ? [String(reward.currency)] : []));
}

/** @param {View} view */
export function review(view) {
  const waits = withheld(view);
  const now = view.cases.filter(isPending);
  const over = view.cases.filter((row) => !isPending(row));
  if (!waits.length && !view.cases.length) return null;
  return section(
    "review",
    "Under review",
    now.length || null,
    now.length > 0 && h("ul.cards", {}, ...now.map((row) => caseCard(view, row))),
    waits.length > 0 && h("p.meta", { "data-key": "waits" }, "These wait for you until somebody has looked:"),
    waits.length > 0 && h("ul.rows", { "data-key": "waiting", "aria-label": "Rewards that wait" }, ...waits.map((given) => waitingRow(view, given))),
    fold("decided", "Decided", over.map((row) => caseCard(view, row)), !now.length && !waits.length && over.length === 1),
  );
}

/**
 * @param {View} view
 * @param {any} given
 */
function waitingRow(view, given) {
  const { names } = view;
  return h("li.row.waits", { "data-key": given.id }, h("div", {}, h("h4", {}, names.parcel(given.reward_id)), h("p.meta", {}, names.source(given))));
}

/**
 * @param {View} view
 * @param {any} row
 */
function caseCard(view, row) {
  const { title, text } = told(row, withheld(view).length > 0);
  return h(
    "li.card.case",
    { "data-key": `case ${row.id}`, "data-status": row.state },
    h("h4", { tabindex: -1 }, title),
    h("p.meta", {}, dates(row)),
    ...text.map((each) => h("p", {}, each)),
    row.may_appeal && appeal(view, row),
  );
}

/** @param {any} row */
function dates({ opened_at: opened, decided_at: decided, appealed_at: appealed, closed_at: closed, state }) {
  const isAnswered = state === "UPHELD" || state === "OVERTURNED";
  const all = [
    `Since ${date(opened)}`,
    decided && `decided ${date(decided)}`,
    appealed && `appealed ${date(appealed)}`,
    isAnswered && `decided again ${date(closed)}`,
  ];
  return all.filter(Boolean).join(" · ");
}

/**
 * @param {any} row
 * @param {boolean} isWithheld
 * @returns {{ title: string, text: string[] }}
 */
function told(row, isWithheld) {
  const sides = row.families.map((/** @type {string} */ family) => SIDES[family]).filter(Boolean);
  const about = sides.length ? `What is looked at: ${listed(sides)}.` : "";
  const by = `You will hear by ${date(row.due_at)}.`;
  switch (row.state) {
    case "OPEN":
      return {
        title: "People look at how you play",
        text: [
          [about, by].filter(Boolean).join(" "),
          isWithheld ? "Play on: everything counts. Rewards that you earn meanwhile wait, and are given if nothing is wrong." : "Play on: everything counts as ever.",
          "Should they decide against you, you can say here why that is wrong, and others will look again.",
        ],
      };
    case "CLEARED":
      return { title: "Nothing is wrong", text: ["People looked at how you play. What waited is yours."] };
    case "CONFIRMED":
      return {
        title: "Decided against you",
        text: ["People who looked at how you play decided that it was not fair. What waited is not given."],
      };
    case "APPEALED":
      return { title: "Others look again", text: [`You have appealed. ${by}`] };
    case "UPHELD":
      return { title: "The decision stays", text: ["Others looked again, and came to the same."] };
    case "OVERTURNED":
      return { title: "Decided for you", text: ["Others looked again. What was taken is yours again."] };
    default:
      return { title: "Under review", text: [] };
  }
}

/** @param {string[]} words */
function listed(words) {
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : words[0];
}

/**
 * @param {View} view
 * @param {any} row
 */
function appeal(view, row) {
  const id = `appeal-${row.id}`;
  return h(
    "div.appeal",
    { "data-key": id },
    h("label", { for: id }, "If that is wrong, say why"),
    h("textarea", { id, rows: 4, maxlength: MOST, "aria-describedby": `${id}-once` }),
    h("p.meta", { id: `${id}-once` }, `You can appeal once, in ${number(MOST)} characters. Others than those who decided will read it.`),
    button(view, "Appeal", { do: "appeal", id: `${row.id}`, of: `the decision of ${date(row.decided_at)}` }),
  );
}
