// Requirements are said as sentences while they are typed, by the patterns of progress/rules/sentences.py, which stand in
// the form. See there for what each says.
"use strict";
{
    const NOT_SAID = "…";

    /** @param {string} pattern @param {Record<string, string>} words */
    const fill = (pattern, words) => pattern.replace(/\{(\w+)\}/g, (_, name) => words[name] ?? "");

    /** @param {string} text */
    const inTheSingular = (text) =>
        text.replace(" 1 times", " once").replace(/(?<![.\d])\b1 (minute|hour|day|different one)s\b/g, "1 $1");

    /** What is chosen or typed in a field of a row, as people call it. @param {Element} row @param {string} name */
    const said = (row, name) => {
        const field = /** @type {HTMLInputElement | HTMLSelectElement | null} */ (row.querySelector(`[name$="-${name}"]`));
        if (!field?.value) {
            return "";
        }
        return field instanceof HTMLSelectElement ? field.selectedOptions[0].text.replace(/^.*?: /, "") : field.value;
    };

    /** @param {Element} row */
    const sentence = (row) => {
        const type = /** @type {HTMLSelectElement | null} */ (row.querySelector('[name$="-type"]'));
        const operator = /** @type {HTMLSelectElement | null} */ (row.querySelector('[name$="-operator"]'));
        if (!type?.dataset.patterns || !type.value) {
            return "";
        }
        const { patterns, bounds, within } = JSON.parse(type.dataset.patterns);
        const threshold = said(row, "threshold") || NOT_SAID;
        const [duration, unit] = [said(row, "duration"), said(row, "unit")];
        return inTheSingular(fill(patterns[type.value], {
            metric: said(row, "metric") || NOT_SAID,
            target: said(row, "target") || NOT_SAID,
            bound: fill(bounds[operator?.value ?? ""] ?? "{threshold}", { threshold }),
            within: duration && unit ? fill(within, { duration, unit: unit.toLowerCase() }) : "",
        }));
    };

    /** @param {string[]} sentences */
    const together = (sentences) => {
        const match = /** @type {HTMLSelectElement | null} */ (document.querySelector('[name="match_0"]'))?.value;
        const many = /** @type {HTMLInputElement | null} */ (document.querySelector('[name="match_1"]'))?.value;
        const joined = match === "at_least" ? `${many || NOT_SAID} of: ${sentences.join("; ")}`
            : sentences.join(match === "ANY" ? ", or " : ", and ");
        return joined && `${joined[0].toUpperCase()}${joined.slice(1)}.`;
    };

    const say = () => {
        const rows = [...document.querySelectorAll(".line:not(.empty-form)")].filter((row) => row.querySelector(":scope > .line-head output.sentence"));
        const sentences = rows.map((row) => {
            const text = sentence(row);
            /** @type {HTMLOutputElement} */ (row.querySelector("output.sentence")).value = text;
            return text;
        });
        const whole = /** @type {HTMLOutputElement | null} */ (document.querySelector("#sentence"));
        if (whole) {
            whole.value = together(sentences.filter(Boolean));
        }
    };

    for (const event of ["DOMContentLoaded", "input", "change", "formset:added", "formset:removed"]) {
        document.addEventListener(event, say);
    }
}
