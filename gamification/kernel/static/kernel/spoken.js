// A form that is read aloud as one sentence while it is filled in, by patterns that stand in the page. The server says the
// same of what is stored (anticheat/sentences.py), so the sentence is there without this, too.
"use strict";
{
    const NOT_SAID = "…";

    /**
     * @typedef {{
     *   by: string, patterns: Record<string, string[]>, words: Record<string, Record<string, string>>,
     *   instead: Record<string, Record<string, Record<string, string>>>, spans: Record<string, [number, string][]>,
     *   off: Record<string, string>
     * }} Spoken
     */

    /** @param {string} name */
    const field = (name) => /** @type {HTMLInputElement | HTMLSelectElement | null} */ (document.getElementById(`id_${name}`));

    /** @param {number} seconds @param {[number, string][]} spans */
    const span = (seconds, spans) => {
        const [length, unit] = spans.find(([each]) => seconds % each === 0) ?? [1, "second"];
        const many = seconds / length;
        return many === 1 ? `${many} ${unit}` : `${many} ${unit}s`;
    };

    /** What is typed or chosen in a field, as the sentence says it. @param {string} name @param {string} kind @param {Spoken} spoken */
    const said = (name, kind, spoken) => {
        const value = field(name)?.value.trim() ?? "";
        const spans = spoken.spans[name];
        if (spans) {
            return /^[1-9]\d*$/.test(value) ? span(Number(value), spans) : "";
        }
        const words = spoken.words[name];
        return words ? spoken.instead[kind]?.[name]?.[value] ?? words[value] ?? "" : value;
    };

    /** @param {Spoken} spoken */
    const sentence = (spoken) => {
        const kind = field(spoken.by)?.value ?? "";
        const patterns = spoken.patterns[kind] ?? [];
        const filled = patterns.map((pattern) => {
            let lacking = 0;
            const text = pattern.replace(/\{(\w+)\}/g, (_, name) => {
                const word = said(name, kind, spoken);
                lacking += word ? 0 : 1;
                return word || NOT_SAID;
            });
            return { text, lacking };
        });
        const least = Math.min(...filled.map((each) => each.lacking));
        const text = filled.find((each) => each.lacking === least)?.text ?? "";
        const off = Object.entries(spoken.off).find(([name]) => field(name) instanceof HTMLInputElement && !(/** @type {HTMLInputElement} */ (field(name)).checked));
        return text && off ? `${off[1]}${text[0].toLowerCase()}${text.slice(1)}` : text;
    };

    const say = () => {
        /** @type {NodeListOf<HTMLOutputElement>} */
        const places = document.querySelectorAll("output[data-spoken]");
        for (const place of places) {
            const now = sentence(JSON.parse(place.dataset.spoken ?? ""));
            if (place.value !== now) {
                place.value = now; // said by a screen reader, so only when it is another
            }
        }
    };

    for (const event of ["DOMContentLoaded", "input", "change"]) {
        document.addEventListener(event, say);
    }
}
