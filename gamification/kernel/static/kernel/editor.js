// A draft's form in the browser: one section at a time, and what is wrong stands beside its field while it is typed.
// Without it the sections stand below each other, and the server says what is wrong once the form is sent.
"use strict";
{
    /** @typedef {{field: string, where: string, why: string}} Wrong */

    const CHECK_AFTER = 600; // milliseconds without a change
    const form = /** @type {HTMLFormElement | null} */ (document.querySelector(".change-form #content-main > form:not(.deciding)"));

    // -- sections ---------------------------------------------------------------------------------------------------------

    const links = [.../** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll(".sections a"))];
    const parts = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("section.part"))];

    /** @param {HTMLElement | undefined} part */
    const show = (part) => {
        if (!part || !links.length) {
            return;
        }
        for (const each of parts) {
            each.hidden = each !== part;
        }
        for (const link of links) {
            link.toggleAttribute("aria-current", link.hash === `#${part.id}`);
        }
    };

    /** The section that an address's part after # is in. */
    const wanted = () => {
        const target = location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
        return target ? parts.find((part) => part.contains(target)) : undefined;
    };

    const follow = () => {
        const part = wanted();
        if (part) {
            show(part);
            document.getElementById(decodeURIComponent(location.hash.slice(1)))?.focus();
        }
    };

    const wrong = links.find((link) => link.classList.contains("wrong"));
    show(parts.find((part) => `#${part.id}` === wrong?.hash) ?? wanted() ?? parts[0]);
    window.addEventListener("hashchange", follow);

    // -- by keyboard: Enter in "Why" publishes, since that is what the reason is for; Ctrl+S saves the draft ----------------

    document.addEventListener("keydown", (event) => {
        const why = document.getElementById("id__reason");
        const saves = (event.ctrlKey || event.metaKey) && event.key === "s";
        const publishes = event.key === "Enter" && why !== null && event.target === why;
        /** @type {HTMLInputElement | null} */
        const button = saves || publishes ? document.querySelector(publishes ? '[name="_publish"]' : '.bar [name="_continue"]') : null;
        if (button) {
            event.preventDefault();
            button.click();
        }
    });

    // -- steps are picked, not typed: what a row of a quest may name stands in its table of steps ------------------------------

    const known = document.createElement("datalist");
    known.id = "known-steps";
    document.body.append(known);
    document.addEventListener("focusin", (event) => {
        if (event.target instanceof HTMLInputElement && /^(requirements|rewards)-\d+-step$/.test(event.target.name)) {
            /** @type {NodeListOf<HTMLInputElement>} */
            const steps = document.querySelectorAll('[name^="steps-"][name$="-step_id"]');
            known.replaceChildren(...[...steps].filter((step) => step.value).map((step) => new Option(step.value, step.value)));
            event.target.setAttribute("list", known.id);
        }
    });

    // -- what is wrong ------------------------------------------------------------------------------------------------------

    /** @param {Wrong} each @param {string} kind */
    const place = (each, kind) => {
        const field = each.field && document.getElementById(each.field);
        if (!field) {
            return;
        }
        const note = document.createElement("p");
        note.className = `note ${kind}`;
        note.id = `${each.field}_note`;
        note.textContent = each.why;
        (field.closest(".field") ?? field.closest(".form-row > div") ?? field.parentElement)?.append(note);
        field.setAttribute("aria-describedby", note.id);
        const part = parts.find((one) => one.contains(field));
        links.find((link) => link.hash === `#${part?.id}`)?.classList.add(kind === "odd" ? "odd" : "wrong");
    };

    /** @param {Wrong[]} bad @param {Wrong[]} odd */
    const tell = (bad, odd) => {
        document.querySelectorAll(".note").forEach((note) => note.remove());
        links.forEach((link) => link.classList.remove("wrong", "odd"));
        bad.forEach((each) => place(each, "bad"));
        odd.forEach((each) => place(each, "odd"));
        const side = document.getElementById("standing-in-the-way");
        if (side) {
            side.replaceChildren(...(bad.length + odd.length ? [list(bad, ""), list(odd, "odd")] : [paragraph("Nothing stands in the way.")]));
        }
    };

    /** @param {Wrong[]} wrongs @param {string} kind */
    const list = (wrongs, kind) => {
        const items = document.createElement("ul");
        items.className = `problems ${kind}`;
        for (const each of wrongs) {
            const item = document.createElement("li");
            if (each.field) {
                const link = document.createElement("a");
                link.href = `#${each.field}`;
                link.textContent = each.where;
                item.append(link, `: ${each.why}`);
            } else {
                item.append(each.why);
            }
            items.append(item);
        }
        return items;
    };

    /** @param {string} text */
    const paragraph = (text) => {
        const said = document.createElement("p");
        said.textContent = text;
        return said;
    };

    // -- checking while somebody types --------------------------------------------------------------------------------------

    let number = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let waiting;

    const check = async () => {
        const mine = ++number;
        const body = new FormData(form ?? undefined);
        body.set("_check", "1");
        const answer = await fetch(location.pathname + location.search, { method: "POST", body }).catch(() => null);
        if (mine !== number || !answer?.ok) {
            return;
        }
        const found = await answer.json();
        const bad = [...found.mistakes, ...(found.problems ?? [])];
        tell(bad, found.warnings ?? []);
        const status = document.getElementById("checked");
        if (status) {
            status.textContent = bad.length === 1 ? "1 thing is wrong" : bad.length ? `${bad.length} things are wrong` : "Could be published";
        }
        const seen = document.getElementById("seen");
        if (seen && found.seen) {
            seen.innerHTML = found.seen; // the service's own template, escaped there; a policy forbids scripts
        }
    };

    if (form?.querySelector("#checked")) {
        for (const event of ["input", "change", "formset:added", "formset:removed"]) {
            form.addEventListener(event, () => {
                clearTimeout(waiting);
                waiting = setTimeout(check, CHECK_AFTER);
            });
        }
    }

    // -- what the newest events held, beside what is picked ------------------------------------------------------------------

    /** @param {HTMLInputElement | HTMLSelectElement} field */
    const sample = async (field) => {
        const around = field.closest(".field") ?? field.closest(".form-row > div") ?? field.parentElement;
        const value = field.value.trim();
        const name = field.name.endsWith("event_type") ? "event_type" : "metric";
        const answer = value && await fetch(`${field.dataset.samples}?${name}=${encodeURIComponent(value)}`).catch(() => null);
        if (field.value.trim() !== value) {
            return; // another was picked meanwhile
        }
        around?.querySelector(".sampled")?.remove();
        if (answer && answer.ok) {
            const shown = document.createElement("div");
            shown.className = "sampled";
            shown.innerHTML = await answer.text(); // the service's own template, escaped there; a policy forbids scripts
            around?.append(shown);
        }
    };

    /** @type {NodeListOf<HTMLSelectElement>} */
    const sampled = document.querySelectorAll("[data-samples]");
    for (const field of sampled) {
        if (field.value && !field.name.includes("__prefix__")) {
            sample(field);
        }
    }
    document.addEventListener("change", (event) => {
        if (event.target instanceof HTMLElement && event.target.dataset.samples) {
            sample(/** @type {HTMLSelectElement} */ (event.target));
        }
    });

    // Of a draft that differs from what players meet it is said from the beginning.
    if (form && document.querySelector("#standing-in-the-way[data-look]")) {
        check();
    }
}
