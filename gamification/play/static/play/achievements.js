// @ts-check
/** The panel's section of achievements: by series, those under way first. */

import { h } from "./dom.js";
import { bar, fold, hidden, rewardNames, section } from "./pieces.js";
import { date, number, rarity, REPEATS, share } from "./words.js";

/** @typedef {import("./pieces.js").View} View */

const AT_FIRST = 6; // of a long list

/** @param {View} view */
export function achievements(view) {
  const secrets = view.achievements.filter((row) => row.title === undefined);
  const lines = inSeries(view.achievements.filter((row) => row.title !== undefined));
  const done = lines.filter((line) => line.every(isDone)).sort((a, b) => newest(b) - newest(a));
  const begun = lines.filter((line) => !line.every(isDone) && line.some((row) => isDone(row) || isBegun(row)));
  const ahead = lines.filter((line) => !done.includes(line) && !begun.includes(line));
  begun.sort((a, b) => nearness(current(b)) - nearness(current(a)));
  const cards = (/** @type {any[][]} */ of) => of.map((line) => achievementCard(view, line));
  const total = view.achievements.length;
  const count = view.achievements.filter(isDone).length;
  return section(
    "achievements",
    "Achievements",
    null,
    h("p.meta", {}, `${number(count)} of ${number(total)} unlocked`),
    begun.length > 0 && h("ul.cards", {}, ...cards(begun.slice(0, AT_FIRST))),
    fold("more", "More under way", cards(begun.slice(AT_FIRST))),
    fold("done", "Unlocked", cards(done), view.isRoomy || !begun.length),
    fold("ahead", "Still ahead", cards(ahead), !begun.length && !done.length),
    fold("secrets", "Secrets", secrets.map(secretCard)),
  );
}

/** @param {any} row */
const isDone = (row) => Boolean(row.is_completed);
/** @param {any} row with nothing to count it waits for others, however near it says it is */
const isBegun = (row) => row.progress > 0 && row.requirements.length > 0;
/** @param {any} row what has all it asks for, and waits for another, comes last */
const nearness = (row) => row.progress % 1;
/** @param {any[]} line */
const newest = (line) => Math.max(...line.map((row) => Date.parse(row.completed_at) || 0));
/** @param {any[]} line the tier to work for, or else the last */
const current = (line) => line.find((row) => !isDone(row)) ?? line[line.length - 1];

/** @param {any[]} rows @returns {any[][]} tiers of one series together */
function inSeries(rows) {
  const lines = new Map();
  for (const row of rows) {
    const key = row.series ? `series ${row.series}` : row.id;
    lines.set(key, [...(lines.get(key) || []), row]);
  }
  for (const line of lines.values()) line.sort((/** @type {any} */ a, /** @type {any} */ b) => a.tier - b.tier);
  return [...lines.values()];
}

/**
 * @param {View} view
 * @param {any[]} line
 */
function achievementCard(view, line) {
  const row = current(line);
  const meta = [
    `${number(row.points)} points`,
    REPEATS[row.repeat],
    row.completions > 1 && `done ${number(row.completions)} times`,
    isDone(row) && row.completed_at && date(row.completed_at),
    typeof row.rarity === "number" && rarity(row.rarity),
    row.pending && "your past is being counted",
    !isDone(row) && row.progress === 1 && "waits for others",
  ];
  return h(
    "li.card.achievement",
    { "data-key": row.series ? `series ${row.series}` : row.id, "data-state": row.state },
    h("span.icon", { "aria-hidden": "true" }, isPicture(row.icon) ? h("img", { src: row.icon, alt: "" }) : row.icon || "★"),
    h(
      "div",
      {},
      h("h4", {}, row.title, isDone(row) && hidden(" (unlocked)")),
      h("p", {}, row.description),
      line.length > 1 && tiers(line, row),
      !isDone(row) && row.requirements.length > 0 && h("div.far", {}, bar(row.progress, row.title), h("span", { "aria-hidden": "true" }, reached(row))),
      h("p.meta", {}, meta.filter(Boolean).join(" · ")),
      !isDone(row) && row.rewards.length > 0 && rewardNames(view, row.rewards),
    ),
  );
}

/** @param {string | null} icon */
function isPicture(icon) {
  return Boolean(icon && /^(https?:|\/)/.test(icon));
}

/**
 * @param {any[]} line
 * @param {any} row
 */
function tiers(line, row) {
  const done = line.filter(isDone).length;
  return h(
    "p.tiers",
    {},
    ...line.map((each) => h("span.pip", { "aria-hidden": "true", "data-done": isDone(each), "data-now": each === row })),
    `Tier ${number(Math.min(done + 1, line.length))} of ${number(line.length)}`,
  );
}

/** @param {any} row how far it is, in the game's own numbers where there is one number */
function reached(row) {
  const only = row.requirements.length === 1 ? row.requirements[0] : null;
  if (only && only.metric && only.threshold > 1 && only.value !== null && ["gte", "gt"].includes(only.operator)) {
    return `${number(Math.min(only.value, only.threshold))} / ${number(only.threshold)}`;
  }
  return share(row.progress);
}

/** @param {any} row */
function secretCard(row) {
  return h(
    "li.card.achievement.secret",
    { "data-key": row.id },
    h("span.icon", { "aria-hidden": "true" }, "?"),
    h("div", {}, h("h4", {}, h("span", { "aria-hidden": "true" }, "???"), hidden("A secret")), h("p.meta", {}, `${number(row.points)} points`)),
  );
}
