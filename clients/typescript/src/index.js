// @ts-check
export { browserStore } from "./browser-store.js";
export { Gamification } from "./gamification.js";
export { memoryStore, Queue } from "./queue.js";
export { Problem, uuid7 } from "./rest.js";
export { GameServer } from "./server.js";
export { VERSION } from "./version.js";
/**
 * @typedef {import("../types/messages.d.ts").Heard} Heard
 * @typedef {import("../types/messages.d.ts").KeptMessage} KeptMessage
 * @typedef {import("../types/messages.d.ts").StateDetail} StateDetail
 * @typedef {import("../types/messages.d.ts").Told} Told
 * @typedef {import("../types/schema.d.ts").components["schemas"]} Schemas
 */
/**
 * @template Item
 * @typedef {import("./queue.js").Store<Item>} Store
 */
