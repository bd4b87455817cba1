// What has no meaning for what is chosen is out of sight, as long as nothing is written in it. See kernel/forms.py.
"use strict";
{
    const hide = (place, hidden) => place.classList.toggle("out-of-sight", hidden);

    const look = () => {
        for (const field of document.querySelectorAll("[data-only-for]")) {
            const row = field.name.replace(/[^-]+$/, ""); // requirements-0-
            const chooser = document.getElementsByName(row + field.dataset.chosenBy)[0];
            if (!chooser) {
                continue;
            }
            const meant = field.dataset.onlyFor.split(" ").includes(chooser.value);
            const around = field.closest("td, .form-row");
            hide(around.contains(chooser) ? field : around, !meant && ["", field.dataset.empty].includes(field.value));
        }
        const type = document.getElementById("id_type");
        for (const rows of type ? document.querySelectorAll("fieldset[class*=only-for-]") : []) {
            const group = rows.closest(".inline-group");
            const held = group.querySelectorAll("tr.form-row:not(.empty-form)").length;
            hide(group, !held && !rows.classList.contains(`only-for-${type.value}`));
        }
    };

    for (const event of ["DOMContentLoaded", "change", "formset:added", "formset:removed"]) {
        document.addEventListener(event, look);
    }
}
