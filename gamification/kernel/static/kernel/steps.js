// What a step asks and gives is edited within the step: the rows of the tables of requirements and rewards that are about
// it stand in its card. They are the very rows of these tables, so the form sends what it sends without this, where they
// stand in the tables' own sections and name the step in a field.
"use strict";
{
    /** The tables whose rows may be about a step, and what adding one is called. */
    const TABLES = { requirements: ["What it takes", "Ask for something"], rewards: ["What it gives", "Give something"] };

    const steps = document.getElementById("steps-group");

    /** Which step a row is about, also while that has no name yet. @type {WeakMap<Element, Element>} */
    const about = new WeakMap();

    /** @param {Element} row @param {string} name */
    const field = (row, name) =>
        /** @type {HTMLInputElement | HTMLSelectElement | null} */ (
            [...row.querySelectorAll(`[name$="-${name}"]`)].find((each) => each.closest(".inline-related") === row) ?? null
        );

    /** @param {Element} row */
    const number = (row) => Number(/-(\d+)$/.exec(row.id)?.[1] ?? 0);

    /** The rows of a table, wherever they stand, by their numbers. @param {string} table */
    const rows = (table) =>
        [...document.querySelectorAll(`.inline-related[id^="${table}-"]:not(.empty-form)`)].sort((a, b) => number(a) - number(b));

    /** @param {Element} row */
    const tableOf = (row) => row.id.replace(/-\d+$/, "");

    /** @param {Element} row */
    const isDeleted = (row) => Boolean(/** @type {HTMLInputElement | null} */ (field(row, "DELETE"))?.checked);

    /** @param {Element} row @param {string} name @param {string} value */
    const set = (row, name, value) => {
        const of = field(row, name);
        if (of && of.value !== value) {
            of.value = value;
            of.dispatchEvent(new Event("change", { bubbles: true }));
        }
    };

    // -- the place in a step's card -----------------------------------------------------------------------------------------

    /** @param {Element} step @param {string} table */
    const place = (step, table) => {
        const found = step.querySelector(`:scope > .of-step.${table}`);
        if (found || !(table in TABLES)) {
            return found;
        }
        const [title, add] = TABLES[/** @type {keyof TABLES} */ (table)];
        const made = document.createElement("fieldset");
        made.className = `of-step ${table}`;
        const legend = document.createElement("legend");
        legend.textContent = title;
        const button = document.createElement("button");
        button.type = "button";
        button.className = "quiet";
        button.textContent = add;
        button.addEventListener("click", () => begin(step, table));
        made.append(legend, button);
        step.append(made);
        return made;
    };

    let isBegun = false;

    /** Begin a row about a step. @param {Element} step @param {string} table */
    const begin = (step, table) => {
        isBegun = true;
        /** @type {HTMLElement | null} */ (document.querySelector(`#${table}-group .add-row a`))?.click();
        isBegun = false;
        const row = rows(table).at(-1);
        if (row) {
            about.set(row, step);
            name(row);
            settle();
            location.hash = field(row, "type")?.id ?? field(row, "step")?.id ?? "";
            /** @type {HTMLElement | null} */ (field(row, "type") ?? row.querySelector(".select2-selection"))?.focus();
        }
    };

    /** Have a row say which step it is about. @param {Element} row */
    const name = (row) => {
        const step = about.get(row);
        if (step) {
            set(row, "role", "STEP");
            set(row, "step", field(step, "step_id")?.value.trim() ?? "");
        }
    };

    /** The step that a row names. @param {Element} row */
    const named = (row) => {
        const role = field(row, "role")?.value ?? "STEP";
        const id = field(row, "step")?.value.trim();
        return role === "STEP" && id ? rows("steps").find((step) => field(step, "step_id")?.value.trim() === id) : undefined;
    };

    /** Say above a step's fields which it is. @param {Element} step */
    const call = (step) => {
        const head = step.querySelector(":scope > .line-head");
        const found = head?.querySelector(".step-name") ?? document.createElement("span");
        found.className = "step-name";
        found.textContent = field(step, "title")?.value.trim() || field(step, "step_id")?.value.trim() || "A new step";
        head?.prepend(found);
    };

    /** Put each row where it belongs, in its order. */
    const settle = () => {
        rows("steps").forEach(call);
        for (const table of Object.keys(TABLES)) {
            rows("steps").forEach((step) => place(step, table));
            const inOrder = rows(table).sort((a, b) => position(a) - position(b) || number(a) - number(b));
            for (const row of inOrder) {
                const step = about.get(row) ?? named(row);
                const card = step && place(step, table);
                if (step && card) {
                    about.set(row, step);
                    offerToMove(row);
                    card.insertBefore(row, card.lastElementChild);
                }
            }
        }
    };

    /** Put the rows of a table back into it, by their numbers: so does Django count them. @param {string} table */
    const putBack = (table) => {
        const template = document.getElementById(`${table}-empty`);
        rows(table).forEach((row) => template?.before(row));
    };

    // -- their order --------------------------------------------------------------------------------------------------------

    const LAST = 1e6;

    /** @param {Element} row */
    const position = (row) => Number(field(row, "position")?.value) || LAST;

    /** @param {Element} row */
    const offerToMove = (row) => {
        if (row.querySelector(":scope > .line-head .moves")) {
            return;
        }
        const moves = document.createElement("span");
        moves.className = "moves";
        for (const [by, sign, words] of /** @type {[number, string, string][]} */ ([[-1, "↑", "Move up"], [1, "↓", "Move down"]])) {
            const button = document.createElement("button");
            button.type = "button";
            button.className = "quiet";
            button.textContent = sign;
            button.title = words;
            button.setAttribute("aria-label", words);
            button.addEventListener("click", () => {
                move(row, by);
                button.focus();
            });
            moves.append(button);
        }
        row.querySelector(":scope > .line-head")?.append(moves);
    };

    /** Change places with the one before or after it. @param {Element} row @param {number} by */
    const move = (row, by) => {
        const table = tableOf(row);
        const mine = [...(row.parentElement?.children ?? [])].filter((each) => each.matches(`.inline-related[id^="${table}-"]`));
        const other = mine[mine.indexOf(row) + by];
        if (!other) {
            return;
        }
        const all = rows(table).sort((a, b) => position(a) - position(b) || number(a) - number(b));
        const [at, to] = [all.indexOf(row), all.indexOf(other)];
        [all[at], all[to]] = [other, row];
        all.forEach((each, index) => set(each, "position", String(index + 1)));
        settle();
    };

    // -- what goes, and what is called otherwise ----------------------------------------------------------------------------

    /** Take away what is about a step that goes. @param {Element} step */
    const takeAlong = (step) => {
        for (const table of Object.keys(TABLES)) {
            for (const row of rows(table).filter((each) => about.get(each) === step).reverse()) {
                const box = /** @type {HTMLInputElement | null} */ (field(row, "DELETE"));
                if (box) {
                    box.checked = true;
                    about.delete(row); // it stays in its table's own section, to be sent as deleted
                    document.querySelector(`#${table}-empty`)?.before(row);
                } else {
                    /** @type {HTMLElement | null} */ (row.querySelector(".inline-deletelink"))?.click();
                }
            }
        }
    };

    /** @param {Event} event */
    const beforeARemoval = (event) => {
        const link = event.target instanceof Element && event.target.closest("a.inline-deletelink");
        const row = link && link.closest(".inline-related");
        if (!row) {
            return;
        }
        if (tableOf(row) === "steps") {
            takeAlong(row);
        } else if (tableOf(row) in TABLES) {
            const step = about.get(row);
            putBack(tableOf(row));
            setTimeout(() => {
                settle();
                /** @type {HTMLElement | null | undefined} */ (step && place(step, tableOf(row))?.querySelector(":scope > button"))?.focus();
            });
        }
    };

    /** @param {Event} event */
    const follow = (event) => {
        const row = event.target instanceof Element && event.target.closest(".inline-related");
        if (!row || !(event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement)) {
            return;
        }
        const what = event.target.name.replace(/^.*-/, "");
        if (tableOf(row) === "steps" && (what === "title" || what === "step_id")) {
            call(row);
        }
        if (tableOf(row) === "steps" && what === "step_id") {
            for (const table of Object.keys(TABLES)) {
                rows(table).filter((each) => about.get(each) === row).forEach(name);
            }
        } else if (tableOf(row) === "steps" && what === "DELETE") {
            for (const table of Object.keys(TABLES)) {
                for (const each of rows(table).filter((one) => about.get(one) === row)) {
                    const box = /** @type {HTMLInputElement | null} */ (field(each, "DELETE"));
                    if (box) {
                        box.checked = isDeleted(row);
                    }
                }
            }
        } else if (event.type === "change" && what === "step" && tableOf(row) in TABLES && !about.has(row) && named(row)) {
            settle();
            location.hash = field(row, "type")?.id ?? ""; // it has gone to another section: go with it
        }
    };

    if (steps) {
        // Once Django has made its buttons, which it looks for in the tables.
        window.addEventListener("load", () => {
            settle();
            const wrong = document.querySelector(".of-step .errors");
            if (wrong && !location.hash) {
                location.hash = wrong.querySelector("input, select, textarea")?.id ?? "";
            }
        });
        document.addEventListener("formset:added", (event) => {
            if (event.target instanceof Element && tableOf(event.target) === "requirements" && !isBegun) {
                set(event.target, "role", "START"); // what a step asks is begun in the step
            }
            setTimeout(settle);
        });
        document.addEventListener("click", beforeARemoval, true);
        document.addEventListener("input", follow);
        document.addEventListener("change", follow);
        document.addEventListener("ask-of-step", (event) => {
            const step = event.target instanceof Element && event.target.closest(".inline-related");
            if (step) {
                begin(step, "requirements");
            }
        });
    }
}
