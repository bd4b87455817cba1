// @ts-check
/** The page of the sample game: the panel with the demo player's token, and buttons that play moves. */

import "./panel.js";

const csrf = document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
const panel = /** @type {any} */ (document.querySelector("gamification-panel"));
const said = document.querySelector("#said");

/**
 * @param {string} path
 * @param {object} [body]
 */
async function post(path, body = {}) {
  const headers = { "Content-Type": "application/json", "X-CSRFToken": csrf };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

/** @param {{ sent?: { type: string, data: object }[], completed?: { quest: string, step: string }[] }} played */
function words({ sent = [], completed = [] }) {
  const [first] = sent;
  if (first) return `${first.type} ${JSON.stringify(first.data)}${sent.length > 1 ? ` and ${sent.length - 1} more` : ""}`;
  return completed.length ? completed.map(({ quest, step }) => `${quest}: ${step}`).join(", ") : "No quest waits for the game just now.";
}

document.querySelector("#moves")?.addEventListener("click", async (event) => {
  const button = /** @type {Element} */ (event.target).closest("button");
  if (!button || !said) return;
  try {
    said.textContent = words(await post("/play/event", { move: button.dataset.move }));
    panel.refresh("quests"); // a step's bar may have moved without a word
  } catch {
    said.textContent = "The service does not answer. Try again in a moment.";
  }
});

panel.getToken = () => post("/play/token");
