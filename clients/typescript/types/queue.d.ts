/** @param {Problem} problem */
export function isBadRequest({ status }: Problem): boolean;
/**
 * For as long as the process lasts.
 *
 * @template Item
 * @returns {Store<Item>}
 */
export function memoryStore<Item>(): Store<Item>;
/** @template Item */
export class Queue<Item> {
    /**
     * @param {object} needs
     * @param {Store<Item>} needs.store
     * @param {(items: Item[]) => Promise<{ rejected?: Rejection[] } | void>} needs.send resolves once the service has them
     * @param {number} [needs.most] items that are sent at a time
     * @param {(problem: Problem) => boolean} [needs.isItsFault] the service will never take this; by default what HTTP
     *   calls a bad request
     * @param {(item: Item, why: { code: string, detail: string }) => void} [needs.onRejected] it is kept no longer
     * @param {(problem: unknown) => void} [needs.onTrouble] they could not be sent, and will be tried again
     */
    constructor({ store, send, most, isItsFault, onRejected, onTrouble }: {
        store: Store<Item>;
        send: (items: Item[]) => Promise<{
            rejected?: Rejection[];
        } | void>;
        most?: number | undefined;
        isItsFault?: ((problem: Problem) => boolean) | undefined;
        onRejected?: ((item: Item, why: {
            code: string;
            detail: string;
        }) => void) | undefined;
        onTrouble?: ((problem: unknown) => void) | undefined;
    });
    /**
     * Keeps the item. Once this has resolved, it will be sent, whatever happens to this process.
     *
     * @param {Item} item
     */
    add(item: Item): Promise<void>;
    /** Sends what is kept, now. Throws what stood in the way; then it stays kept, and is tried again later. */
    flush(): Promise<void>;
    /** The last try to send; what does not go out is left to the next process. */
    close(): Promise<void>;
    #private;
}
/**
 * where items are kept; `file-store.js` and `browser-store.js` outlive the process
 */
export type Store<Item> = {
    /**
     * kept, once it is done
     */
    add: (item: Item) => void | Promise<void>;
    /**
     *   the oldest of them, in order
     */
    first: (most: number) => {
        item: Item;
        done: unknown;
    }[] | Promise<{
        item: Item;
        done: unknown;
    }[]>;
    /**
     * these, which `first` gave
     */
    remove: (done: unknown[]) => void | Promise<void>;
    close: () => void | Promise<void>;
};
export type Rejection = {
    /**
     * of the item among those that were sent
     */
    index: number;
    code: string;
    detail: string;
};
import { Problem } from "./rest.js";
