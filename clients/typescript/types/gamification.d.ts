export { Problem };
/**
 * Events: `message` (every kept message, in order), one by each message's own type (`quest.advanced`, …, and
 * `achievement.progressed`, which is not kept), `resync`, and `state` (`detail`: StateDetail). `detail` is the message.
 * `rejected`: a report that the service refused.
 */
export class Gamification extends EventTarget {
    /** @param {Options} options */
    constructor({ getToken, service, feed, after, store, webSocket }: Options);
    service: string;
    feed: string;
    /**
     * @template {keyof Heard} Type
     * @overload
     * @param {Type} type
     * @param {(event: CustomEvent<Heard[Type]>) => void} listener
     * @param {boolean | AddEventListenerOptions} [options]
     * @returns {void}
     */
    addEventListener<Type extends keyof Heard>(type: Type, listener: (event: CustomEvent<Heard[Type]>) => void, options?: boolean | AddEventListenerOptions | undefined): void;
    /**
     * @overload
     * @param {string} type
     * @param {EventListenerOrEventListenerObject | null} listener
     * @param {boolean | AddEventListenerOptions} [options]
     * @returns {void}
     */
    addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions | undefined): void;
    /** Stay connected from now on. */
    connect(): void;
    disconnect(): void;
    /** @type {State} */
    get state(): State;
    set after(seq: number | null);
    /** The number of the last message that listeners were given. @type {number | null} */
    get after(): number | null;
    /** A token that is good for a while yet. @returns {Promise<string>} */
    token(): Promise<string>;
    /**
     * One request under `/api/v1/`. A POST bears an idempotency key, so that it may be tried again until an answer
     * comes, and takes effect once.
     *
     * @param {import("./rest.js").Method} method
     * @param {string} path such as `players/me/wallet`
     * @param {import("./rest.js").Said} [said]
     * @returns {Promise<any>} the answer's JSON. Throws Problem.
     */
    request(method: import("./rest.js").Method, path: string, said?: import("./rest.js").Said): Promise<any>;
    /**
     * @param {string} path
     * @param {import("./rest.js").Query} [query]
     * @returns {Promise<any>}
     */
    get(path: string, query?: import("./rest.js").Query): Promise<any>;
    /**
     * @param {string} path
     * @param {object} [body]
     * @returns {Promise<any>}
     */
    post(path: string, body?: object): Promise<any>;
    /**
     * All rows of a list, over all its pages.
     *
     * @param {string} path
     * @param {import("./rest.js").Query} [query]
     * @returns {Promise<any[]>}
     */
    list(path: string, query?: import("./rest.js").Query): Promise<any[]>;
    /** @returns {Promise<Schemas["Profile"]>} */
    profile: () => Promise<Schemas["Profile"]>;
    /**
     * @param {"LOCKED" | "IN_PROGRESS" | "COMPLETED"} [state] without one also what is secret: `{id, type, points}`
     * @returns {Promise<(Schemas["AchievementStanding"] | Schemas["SecretAchievement"])[]>}
     */
    achievements: (state?: "LOCKED" | "IN_PROGRESS" | "COMPLETED") => Promise<(Schemas["AchievementStanding"] | Schemas["SecretAchievement"])[]>;
    /**
     * @param {Schemas["QuestStatusEnum"]} [state]
     * @returns {Promise<Schemas["QuestStanding"][]>}
     */
    quests: (state?: Schemas["QuestStatusEnum"]) => Promise<Schemas["QuestStanding"][]>;
    /** The quests that the player could start now. @returns {Promise<Schemas["Quest"][]>} */
    startableQuests: () => Promise<Schemas["Quest"][]>;
    /**
     * @param {Schemas["DistributionStatusEnum"]} [state]
     * @returns {Promise<Schemas["Distribution"][]>}
     */
    distributions: (state?: Schemas["DistributionStatusEnum"]) => Promise<Schemas["Distribution"][]>;
    /** @returns {Promise<Schemas["Wallet"][]>} */
    wallet: () => Promise<Schemas["Wallet"][]>;
    /** @returns {Promise<Schemas["Stack"][]>} */
    inventory: () => Promise<Schemas["Stack"][]>;
    /**
     * Kept messages after that number, each with `is_read`.
     *
     * @param {number} [after]
     * @returns {Promise<Schemas["Message"][]>}
     */
    messages: (after?: number) => Promise<Schemas["Message"][]>;
    /**
     * @param {number} upTo
     * @returns {Promise<Schemas["ReadMark"]>}
     */
    markRead: (upTo: number) => Promise<Schemas["ReadMark"]>;
    /**
     * @param {string} distribution its id
     * @returns {Promise<Schemas["Distribution"]>}
     */
    claim: (distribution: string) => Promise<Schemas["Distribution"]>;
    /**
     * All that is pending of an achievement.
     *
     * @param {string} id
     * @returns {Promise<Schemas["Claimed"]>}
     */
    claimAchievement: (id: string) => Promise<Schemas["Claimed"]>;
    /**
     * @param {string} id
     * @returns {Promise<Schemas["QuestProgress"]>}
     */
    startQuest: (id: string) => Promise<Schemas["QuestProgress"]>;
    /**
     * @param {string} id
     * @returns {Promise<Schemas["QuestProgress"]>}
     */
    abandonQuest: (id: string) => Promise<Schemas["QuestProgress"]>;
    /**
     * @param {string} id
     * @param {string} step
     * @returns {Promise<Schemas["QuestProgress"]>}
     */
    completeStep: (id: string, step: string) => Promise<Schemas["QuestProgress"]>;
    /** The cases about how the player plays, newest first. @returns {Promise<Schemas["OwnCase"][]>} */
    cases: () => Promise<Schemas["OwnCase"][]>;
    /**
     * Ask that others look at a verdict again, once. Answers the case.
     *
     * @param {number} id of a case that says `may_appeal`
     * @param {string} text why, in the player's own words
     * @returns {Promise<Schemas["OwnCase"]>}
     */
    appeal: (id: number, text: string) => Promise<Schemas["OwnCase"]>;
    /**
     * Reports a sample of each of these metrics of an achievement. Once it has resolved the report is kept, and will be
     * sent until it is taken, once; what the service refuses comes as the event `rejected`.
     *
     * @param {string} achievement
     * @param {Record<string, number>} metrics
     */
    report(achievement: string, metrics: Record<string, number>): Promise<void>;
    /** Sends the reports that are kept, now. Throws Problem, and then they stay kept. */
    flush(): Promise<void>;
    #private;
}
export type State = import("./connection.js").State;
export type StateDetail = import("../types/messages.d.ts").StateDetail;
export type Message = import("../types/messages.d.ts").KeptMessage;
export type Heard = import("../types/messages.d.ts").Heard;
export type Told = import("../types/messages.d.ts").Told;
export type Schemas = import("../types/schema.d.ts").components["schemas"];
/**
 * what a player did, on its way
 */
export type Report = {
    /**
     * under which it takes effect once
     */
    id: string;
    path: string;
    body: object;
};
export type Options = {
    /**
     * fetches a player's token from the game's own server. Called at first, and whenever a new one is needed.
     */
    getToken: () => string | {
        token: string;
    } | Promise<string | {
        token: string;
    }>;
    /**
     * where the service is; default: where this module came from
     */
    service?: string;
    /**
     * address or path of the feed; default `/game-events`
     */
    feed?: string;
    /**
     * the last message that is known; default: whatever is newest when connecting
     */
    after?: number | null;
    /**
     * where reports are kept until the service has taken them:
     * `browserStore("my-game")`, in Node `fileStore("folder")`; by default they last as long as the page
     */
    store?: import("./queue.js").Store<Report>;
    /**
     * where there is none built in (Node before 22):
     * that of the package `ws`
     */
    webSocket?: new (url: string, protocols: string[]) => any;
};
import { Problem } from "./rest.js";
