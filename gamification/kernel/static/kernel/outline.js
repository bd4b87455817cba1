// The way through a quest, over its steps: in which order they come, which branches there are, and what each step asks,
// as it stands in the form. Without it the same stands in the rows below.
"use strict";
{
    const group = document.getElementById("steps-group");

    /** The value of a field of a row. @param {Element} row @param {string} name */
    const said = (row, name) =>
        /** @type {HTMLInputElement | HTMLSelectElement | null} */ (row.querySelector(`[name^="${row.id}-"][name$="-${name}"]`))?.value.trim() ?? "";

    /** The rows of a table of the form that will be saved. @param {string} table */
    const rows = (table) =>
        [...document.querySelectorAll(`.inline-related[id^="${table}-"]:not(.empty-form)`)].filter(
            (row) => !(/** @type {HTMLInputElement | null} */ (row.querySelector(`[name="${row.id}-DELETE"]`))?.checked),
        );

    /** @param {string} tag @param {string} text @param {string} [kind] */
    const made = (tag, text, kind = "") => {
        const element = document.createElement(tag);
        element.textContent = text;
        element.className = kind;
        return element;
    };

    /** @param {Element} row */
    const step = (row) => {
        const id = said(row, "step_id");
        const item = made("li", "", "of-outline");
        const link = /** @type {HTMLAnchorElement} */ (made("a", said(row, "title") || id));
        link.href = `#${row.querySelector('[name$="-step_id"]')?.id}`;
        item.append(link);
        if (said(row, "branch")) {
            item.append(" ", made("span", said(row, "branch"), "chip"));
        }
        if (/** @type {HTMLInputElement | null} */ (row.querySelector('[name$="-is_optional"]'))?.checked) {
            item.append(" ", made("small", "optional"));
        }
        const asked = rows("requirements").filter((each) => said(each, "role") === "STEP" && said(each, "step") === id);
        for (const each of asked) {
            item.append(made("p", each.querySelector("output.sentence")?.textContent ?? "", "asks"));
        }
        if (!asked.length) {
            item.append(made("p", `said to be done by the ${said(row, "completed_by").toLowerCase() || "server"}`, "asks help"));
        }
        if (document.querySelector("#requirements-group .add-row a")) {
            const button = /** @type {HTMLButtonElement} */ (made("button", "Ask for something", "quiet"));
            button.type = "button";
            button.setAttribute("aria-label", `Ask for something in the step ${id}`);
            button.addEventListener("click", () => row.dispatchEvent(new CustomEvent("ask-of-step", { bubbles: true })));
            item.append(button);
        }
        return item;
    };

    /** @param {HTMLElement} outline */
    const draw = (outline) => {
        const steps = rows("steps").filter((row) => said(row, "step_id"));
        const orders = [...new Set(steps.map((row) => Number(said(row, "order")) || 0))].sort((a, b) => a - b);
        outline.replaceChildren(
            ...orders.map((order) => {
                const together = made("li", "");
                const list = document.createElement("ul");
                list.append(...steps.filter((row) => (Number(said(row, "order")) || 0) === order).map(step));
                together.append(list);
                return together;
            }),
        );
        outline.hidden = !orders.length;
    };

    if (group) {
        const outline = made("ol", "", "outline card");
        outline.setAttribute("aria-label", "The way through it");
        group.before(outline);
        const later = () => setTimeout(() => draw(outline)); // once the sentences are said
        for (const event of ["DOMContentLoaded", "input", "change", "formset:added", "formset:removed"]) {
            document.addEventListener(event, later);
        }
        window.addEventListener("load", later);
        later();
    }
}
