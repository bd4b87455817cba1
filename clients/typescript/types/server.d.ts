export class GameServer {
    /** @param {ServerOptions} options */
    constructor({ service, key, store, onRejected, onTrouble }: ServerOptions);
    service: string;
    /**
     * Something happened. Once this has resolved the event is kept, and will be sent until the service has it; it counts
     * once. Answers the event.
     *
     * @param {string} player
     * @param {string} type such as `foe.beaten`
     * @param {Record<string, unknown>} [data]
     * @param {{ id?: string, timestamp?: string | Date }} [known] by default a new id, and now
     * @returns {Promise<GameEvent>}
     */
    track(player: string, type: string, data?: Record<string, unknown>, { id, timestamp }?: {
        id?: string;
        timestamp?: string | Date;
    }): Promise<GameEvent>;
    /** Sends what is kept, now. Throws Problem, and then it stays kept. */
    flush(): Promise<void>;
    /** Sends what is kept, if that can be done at once, and lets go of the store. */
    close(): Promise<void>;
    /**
     * Sends these now, past what is kept, and answers what they came to. At most 1,000; when it throws, send the same
     * again, with the same ids.
     *
     * @param {GameEvent[]} events
     * @returns {Promise<Schemas["Settled"]>}
     */
    send(events: GameEvent[]): Promise<Schemas["Settled"]>;
    /**
     * What the player's own device signs with: hand it to whoever has signed in as that player.
     *
     * @param {string} player
     * @returns {Promise<Schemas["Token"]>}
     */
    token: (player: string) => Promise<Schemas["Token"]>;
    /**
     * @param {string} player
     * @returns {Promise<Schemas["Profile"]>}
     */
    profile: (player: string) => Promise<Schemas["Profile"]>;
    /**
     * @param {string} player
     * @param {Schemas["PatchedProfileChangesRequest"]} changes such as `{ display_name: "Mara", is_test: true }`
     * @returns {Promise<Schemas["Profile"]>}
     */
    update: (player: string, changes: Schemas["PatchedProfileChangesRequest"]) => Promise<Schemas["Profile"]>;
    /**
     * @param {string} player
     * @param {"LOCKED" | "IN_PROGRESS" | "COMPLETED"} [state]
     * @returns {Promise<Schemas["AchievementStanding"][]>}
     */
    achievements: (player: string, state?: "LOCKED" | "IN_PROGRESS" | "COMPLETED") => Promise<Schemas["AchievementStanding"][]>;
    /**
     * @param {string} player
     * @param {Schemas["QuestStatusEnum"]} [state]
     * @returns {Promise<Schemas["QuestStanding"][]>}
     */
    quests: (player: string, state?: Schemas["QuestStatusEnum"]) => Promise<Schemas["QuestStanding"][]>;
    /**
     * @param {string} player
     * @param {Schemas["DistributionStatusEnum"]} [state]
     * @returns {Promise<Schemas["Distribution"][]>}
     */
    distributions: (player: string, state?: Schemas["DistributionStatusEnum"]) => Promise<Schemas["Distribution"][]>;
    /**
     * @param {string} player
     * @returns {Promise<Schemas["Wallet"][]>}
     */
    wallet: (player: string) => Promise<Schemas["Wallet"][]>;
    /**
     * @param {string} player
     * @returns {Promise<Schemas["Stack"][]>}
     */
    inventory: (player: string) => Promise<Schemas["Stack"][]>;
    /**
     * @param {string} player
     * @param {string} distribution
     * @returns {Promise<Schemas["Distribution"]>}
     */
    claim: (player: string, distribution: string) => Promise<Schemas["Distribution"]>;
    /**
     * @param {string} player
     * @param {string} quest
     * @returns {Promise<Schemas["QuestProgress"]>}
     */
    startQuest: (player: string, quest: string) => Promise<Schemas["QuestProgress"]>;
    /**
     * @param {string} player
     * @param {string} quest
     * @returns {Promise<Schemas["QuestProgress"]>}
     */
    abandonQuest: (player: string, quest: string) => Promise<Schemas["QuestProgress"]>;
    /**
     * @param {string} player
     * @param {string} quest
     * @param {string} step
     * @returns {Promise<Schemas["QuestProgress"]>}
     */
    completeStep: (player: string, quest: string, step: string) => Promise<Schemas["QuestProgress"]>;
    /**
     * Takes money once for that key: name one that you make of the purchase, and try again with the same.
     *
     * @param {string} player
     * @param {string} currency
     * @param {number} amount
     * @param {{ reason?: string, key?: string }} [why]
     * @returns {Promise<Schemas["Spent"]>}
     */
    spend: (player: string, currency: string, amount: number, { reason, key }?: {
        reason?: string;
        key?: string;
    }) => Promise<Schemas["Spent"]>;
    /**
     * Gives a reward by hand.
     *
     * @param {string} player
     * @param {string} reward
     * @param {string} reason
     * @param {{ key?: string }} [once]
     * @returns {Promise<Schemas["Distribution"]>}
     */
    grant: (player: string, reward: string, reason: string, { key }?: {
        key?: string;
    }) => Promise<Schemas["Distribution"]>;
    /**
     * What the service states, each once and in order, and for ever: at its end it waits for what comes. Keep the
     * `position` of the last one that you have dealt with, and begin `after` it the next time. `signal` ends it.
     *
     * @param {{ after?: number, types?: string[], player?: string, share?: number, signal?: AbortSignal }} [wanted]
     * @returns {AsyncGenerator<Schemas["Fact"], void, undefined>}
     */
    facts({ after, types, player, share, signal }?: {
        after?: number;
        types?: string[];
        player?: string;
        share?: number;
        signal?: AbortSignal;
    }): AsyncGenerator<Schemas["Fact"], void, undefined>;
    /**
     * @param {string} path under `/api/v1/`
     * @param {import("./rest.js").Query} [query]
     * @returns {Promise<any>}
     */
    get(path: string, query?: import("./rest.js").Query): Promise<any>;
    /**
     * @param {string} path
     * @param {object} [body]
     * @param {string} [key] the `Idempotency-Key`, by default a random one for all tries of this call
     * @returns {Promise<any>}
     */
    post(path: string, body?: object, key?: string): Promise<any>;
    /**
     * @param {string} path
     * @param {import("./rest.js").Query} [query]
     * @returns {Promise<any[]>} all rows, over all pages
     */
    list(path: string, query?: import("./rest.js").Query): Promise<any[]>;
    #private;
}
export type Schemas = import("../types/schema.d.ts").components["schemas"];
export type GameEvent = Schemas["GameEvent"];
export type Why = {
    code: string;
    detail: string;
};
export type ServerOptions = {
    /**
     * where it is: `https://play.example`
     */
    service: string;
    /**
     * `<prefix>.<secret>`, with the scopes of what is asked of it
     */
    key: string;
    /**
     * where events are kept until the service has taken them:
     * `fileStore("folder")`; by default they last as long as the process
     */
    store?: import("./queue.js").Store<GameEvent>;
    /**
     * the service refused it; by default a warning
     */
    onRejected?: (event: GameEvent, why: Why) => void;
    /**
     * events could not be sent, and will be tried again
     */
    onTrouble?: (problem: unknown) => void;
};
