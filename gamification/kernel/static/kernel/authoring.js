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
            const around = field.closest("td, .form-row") ?? field;
            hide(around.contains(chooser) ? field : around, !meant && ["", field.dataset.empty].includes(field.value));
        }
        const [type] = fields("#id_type");
        for (const rows of type ? document.querySelectorAll("fieldset[class*=only-for-]") : []) {
            const group = rows.closest(".inline-group") ?? rows;
            const held = group.querySelectorAll("tr.form-row:not(.empty-form)").length;
            hide(group, !held && !rows.classList.contains(`only-for-${type.value}`));
        }
    };

    for (const event of ["DOMContentLoaded", "change", "formset:added", "formset:removed"]) {
        document.addEventListener(event, look);
    }
}
