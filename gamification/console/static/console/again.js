// A part of a page that is still to change is looked at again until it is final. Without this, reloading the page does it.
"use strict";
{
    const look = async () => {
        const part = /** @type {HTMLElement | null} */ (document.querySelector("[data-again]"));
        if (!part) {
            return;
        }
        const answer = await fetch(location.href).catch(() => null);
        if (answer?.ok) {
            const page = new DOMParser().parseFromString(await answer.text(), "text/html");
            const now = page.getElementById(part.id);
            if (now) {
                part.replaceWith(now);
            }
        }
        wait();
    };

    const wait = () => {
        const part = /** @type {HTMLElement | null} */ (document.querySelector("[data-again]"));
        if (part) {
            setTimeout(look, 1000 * Number(part.dataset.again));
        }
    };

    wait();
}
