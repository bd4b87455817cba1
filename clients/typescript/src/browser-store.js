// @ts-check
/** Keeps items in the browser's IndexedDB, for the origin of the page; several tabs may share one. */

/**
 * @template Item
 * @param {string} name
 * @returns {import("./queue.js").Store<Item>}
 */
export function browserStore(name) {
  /** @type {Promise<IDBDatabase>} */
  const opened = new Promise((resolve, reject) => {
    const opening = indexedDB.open(name, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("items", { autoIncrement: true });
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });

  /**
   * @template Answer
   * @param {IDBTransactionMode} mode
   * @param {(items: IDBObjectStore) => IDBRequest<Answer> | void} ask
   * @returns {Promise<Answer | undefined>} once the transaction has committed
   */
  async function within(mode, ask) {
    const transaction = (await opened).transaction("items", mode, { durability: "strict" });
    const request = ask(transaction.objectStore("items"));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request?.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  }

  return {
    add: async (item) => void (await within("readwrite", (items) => items.add(item))),
    first: async (most) => {
      /** @type {{ item: Item, done: unknown }[]} */
      const found = [];
      await within("readonly", (items) => {
        const walk = items.openCursor();
        walk.onsuccess = () => {
          if (!walk.result || found.length === most) return;
          found.push({ item: walk.result.value, done: walk.result.key });
          walk.result.continue();
        };
      });
      return found;
    },
    remove: async (done) => {
      await within("readwrite", (items) => done.forEach((key) => items.delete(/** @type {IDBValidKey} */ (key))));
    },
    close: async () => (await opened).close(),
  };
}
