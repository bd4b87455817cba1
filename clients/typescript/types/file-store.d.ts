/**
 * @typedef {object} Segment a file of items, sent up to `from`
 * @property {string} path
 * @property {number} from
 */
/**
 * @template Item
 * @param {string} folder made when it is not there
 * @param {object} [options]
 * @param {boolean} [options.sync] wait for the disk itself at each item, so that it outlives a loss of power too
 * @returns {import("./queue.js").Store<Item>}
 */
export function fileStore<Item>(folder: string, { sync }?: {
    sync?: boolean | undefined;
}): import("./queue.js").Store<Item>;
/**
 * a file of items, sent up to `from`
 */
export type Segment = {
    path: string;
    from: number;
};
