// What has no meaning for what is chosen is out of sight, as long as nothing is written in it. See kernel/console/forms.py.
"use strict";
{
    /** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Field */

    /** @param {Element} place @param {boolean} hidden */
    const hide = (place, hidden) => place.classList.toggle("out-of-sight", hidden);

    /** @param {string} selector @returns {NodeListOf<Field>} */
    const fields = (selector) => document.querySelectorAll(selector);

    const look = () => {
        for (const field of fields("[data-only-for]")) {
            const row = field.name.replace(/[^-]+$/, ""); // requirements-0-
            const [chooser] = fields(`[name="${CSS.escape(row + field.dataset.chosenBy)}"]`);
            if (!chooser) {
                continue;
            }
            const meant = field.dataset.onlyFor?.split(" ").includes(chooser.value);
            const around = field.closest(".field, .form-row") ?? field;
            hide(around.contains(chooser) ? field : around, !meant && ["", field.dataset.empty].includes(field.value));
        }
        const [type] = fields("#id_type");
        for (const rows of type ? document.querySelectorAll("fieldset[class*=only-for-]") : []) {
            const group = rows.closest(".inline-group") ?? rows;
            const held = group.querySelectorAll(".inline-related:not(.empty-form)").length;
            hide(group, !held && !rows.classList.contains(`only-for-${type.value}`));
        }
    };

    // What searches its choices (select2) is called what its label says.
    const name = () => {
        for (const choice of document.querySelectorAll("select.admin-autocomplete")) {
            const label = document.querySelector(`label[for="${CSS.escape(choice.id)}"]`);
            const shown = choice.parentElement?.querySelector(".select2-selection");
            if (label && shown) {
                label.id ||= `${choice.id}_label`;
                const parts = [shown, ...shown.querySelectorAll(".select2-selection__rendered")];
                parts.forEach((part) => part.setAttribute("aria-labelledby", label.id));
            }
        }
    };
    // jQuery's events are its own: what is chosen there is a change like any other.
    const { jQuery } = /** @type {any} */ (window).django;
    jQuery(document).on("select2:select select2:clear", (/** @type {{target: Element}} */ event) => {
        event.target.dispatchEvent(new Event("change", { bubbles: true }));
    });
    for (const event of ["load", "formset:added"]) {
        window.addEventListener(event, () => setTimeout(name)); // once select2 has made it
    }

    for (const event of ["DOMContentLoaded", "change", "formset:added", "formset:removed"]) {
        document.addEventListener(event, look);
    }
}
