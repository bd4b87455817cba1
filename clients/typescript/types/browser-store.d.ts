/** Keeps items in the browser's IndexedDB, for the origin of the page; several tabs may share one. */
/**
 * @template Item
 * @param {string} name
 * @returns {import("./queue.js").Store<Item>}
 */
export function browserStore<Item>(name: string): import("./queue.js").Store<Item>;
