// @ts-check
/**
 * The panel by one script tag, in whose place it appears:
 *
 *     <script type="module" src="https://play.example/static/play/embed.js" data-token-url="/my-token"></script>
 *
 * `data-token`, `data-token-url`, `data-service` and `data-feed` become the panel's attributes.
 */

import "./panel.js";

const here = new URL(import.meta.url);

for (const script of document.querySelectorAll("script[src]")) {
  const source = new URL(/** @type {HTMLScriptElement} */ (script).src);
  if (source.origin + source.pathname !== here.origin + here.pathname) continue;
  const panel = document.createElement("gamification-panel");
  for (const name of ["token", "token-url", "service", "feed"]) {
    const value = script.getAttribute(`data-${name}`);
    if (value) panel.setAttribute(name, value);
  }
  script.after(panel);
}
