// What the frame of the console does in a browser: the search box suggests, buttons ask before they act, a changed form
// warns before it is left. Without it everything still works, with a page more.
"use strict";
{
    const SUGGEST_AFTER = 150; // milliseconds without a key

    // -- the search box ---------------------------------------------------------------------------------------------------

    const box = /** @type {HTMLInputElement | null} */ (document.getElementById("find"));
    const found = document.getElementById("found");

    /** @param {HTMLInputElement} box @param {HTMLElement} found */
    const suggest = (box, found) => {
        let last = 0;
        /** @type {ReturnType<typeof setTimeout> | undefined} */
        let waiting;

        const close = () => {
            found.hidden = true;
        };

        const ask = async () => {
            const number = ++last;
            const text = box.value.trim();
            if (!text) {
                close();
                return;
            }
            const address = `${box.form?.action}?part=1&q=${encodeURIComponent(text)}`;
            const answer = await fetch(address).catch(() => null);
            if (number === last && answer?.ok) {
                found.innerHTML = await answer.text(); // the service's own page, escaped there; a policy forbids scripts
                found.hidden = false;
            }
        };

        box.addEventListener("input", () => {
            clearTimeout(waiting);
            waiting = setTimeout(ask, SUGGEST_AFTER);
        });
        box.form?.addEventListener("keydown", (event) => {
            const stops = [box, .../** @type {NodeListOf<HTMLElement>} */ (found.querySelectorAll("a"))];
            const at = stops.indexOf(/** @type {HTMLElement} */ (document.activeElement));
            if (event.key === "Escape") {
                close();
                box.focus();
            } else if (!found.hidden && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
                event.preventDefault();
                stops.at((at + (event.key === "ArrowDown" ? 1 : -1)) % stops.length)?.focus();
            }
        });
        document.addEventListener("click", (event) => {
            if (!box.form?.contains(/** @type {Node} */ (event.target))) {
                close();
            }
        });
        document.addEventListener("keydown", (event) => {
            const typing = event.target instanceof HTMLElement && event.target.closest("input, select, textarea");
            const opens = event.key === "/" || (event.key === "k" && (event.ctrlKey || event.metaKey));
            if (opens && (!typing || event.key === "k")) {
                event.preventDefault();
                box.focus();
                box.select();
            }
        });
    };

    if (box && found) {
        suggest(box, found);
    }

    // -- what opens over the page is closed by a click elsewhere, or by Escape ----------------------------------------------

    /** @returns {NodeListOf<HTMLDetailsElement>} */
    const opened = () => document.querySelectorAll("details.filter[open], details.person[open]");

    document.addEventListener("click", (event) => {
        for (const each of opened()) {
            each.open = each.contains(/** @type {Node} */ (event.target));
        }
    });
    document.addEventListener("keydown", (event) => {
        for (const each of event.key === "Escape" ? opened() : []) {
            each.open = false;
            each.querySelector("summary")?.focus();
        }
    });

    // -- before something happens -----------------------------------------------------------------------------------------

    document.addEventListener("click", (event) => {
        const button = event.target instanceof Element && /** @type {HTMLElement | null} */ (event.target.closest("[data-confirm]"));
        if (button && !window.confirm(button.dataset.confirm)) {
            event.preventDefault();
        }
    });

    const FORM = ".change-form #content-main > form:not(.deciding)";
    let changed = false;
    document.addEventListener("input", (event) => {
        changed ||= event.target instanceof Element && event.target.closest(FORM) !== null;
    });
    document.addEventListener("change", (event) => {
        changed ||= event.target instanceof Element && event.target.closest(FORM) !== null;
    });
    document.addEventListener("submit", (event) => {
        if (event.target instanceof Element && event.target.matches(FORM)) {
            changed = false;
        }
    });
    window.addEventListener("beforeunload", (event) => {
        if (changed) {
            event.preventDefault();
        }
    });
}
