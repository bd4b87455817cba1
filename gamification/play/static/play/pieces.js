// @ts-check
/** What the panel's sections are made of. What can be pressed says so by `data-do` (and `data-id`, `data-step`). */

import { h } from "./dom.js";
import { number, share } from "./words.js";

/**
 * @typedef {object} View what the sections are made of
 * @property {import("./words.js").Names} names
 * @property {any} profile
 * @property {any[]} levels
 * @property {any[]} achievements
 * @property {any[]} quests
 * @property {Set<string>} startable
 * @property {any[]} pending what is given and not claimed: what may be, and what waits for a case to be decided
 * @property {any[]} cases
 * @property {any[]} wallet
 * @property {any[]} messages
 * @property {number} readUpTo
 * @property {import("./gamification.js").State} state
 * @property {string} trouble
 * @property {Set<string>} busy keys of buttons whose answer is awaited
 * @property {boolean} isRoomy
 * @property {string} confirming key of a button that asks whether it is meant
 */

/**
 * @param {number} value 0 to 1
 * @param {string} of
 */
export function bar(value, of) {
  return h("progress", { max: 1, value, "aria-label": `${of}: ${share(value)}` });
}

/** @param {string} text */
export function hidden(text) {
  return h("span.sr", {}, text);
}

/**
 * @param {View} view
 * @param {string} label
 * @param {{ do: string, id?: string, step?: string, of?: string, quiet?: boolean }} options `of`: what it is about, said
 *   to who cannot see where the button stands
 */
export function button(view, label, { do: action, id = "", step = "", of = "", quiet = false }) {
  const key = [action, id, step].filter(Boolean).join(":");
  const isBusy = view.busy.has(key);
  const said = view.confirming === key ? "Really give up?" : label;
  return h(
    quiet ? "button.quiet" : "button",
    {
      type: "button",
      "data-key": key,
      "data-do": action,
      "data-id": id,
      "data-step": step || null,
      "aria-disabled": isBusy ? "true" : null,
      "aria-label": of && `${said}: ${of}`,
    },
    said,
  );
}

/**
 * @param {string} id
 * @param {string} title
 * @param {number | null} count
 * @param {...any} content
 */
export function section(id, title, count, ...content) {
  return h(
    "section",
    { "data-key": id, id, "aria-labelledby": `${id}-title` },
    h("h3", { id: `${id}-title`, tabindex: -1 }, title, count === null ? null : h("span.count", {}, number(count))),
    ...content,
  );
}

/**
 * @param {string} key
 * @param {string} title
 * @param {Node[]} items
 * @param {boolean} [isOpen]
 */
export function fold(key, title, items, isOpen = false) {
  if (!items.length) return null;
  const summary = h("summary", {}, title, h("span.count", {}, number(items.length)));
  return h("details", { "data-key": key, open: isOpen }, summary, h("ul.cards", {}, ...items));
}

/**
 * @param {View} view
 * @param {string[]} ids
 */
export function rewardNames(view, ids) {
  return h("ul.gains", { "aria-label": "Rewards" }, ...ids.map((id) => h("li", {}, view.names.reward(id))));
}
