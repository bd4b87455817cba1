/**
 * JSON that says what was meant: NaN and Infinity, of which JSON.stringify makes null, throw.
 *
 * @param {unknown} value
 */
export function json(value: unknown): string;
/**
 * Milliseconds before the next try: longer each time, and at random, so that many do not come back at once.
 *
 * @param {number} failures
 * @param {number} [most]
 */
export function backOff(failures: number, most?: number): number;
export function randomKey(): string;
/** A UUID of version 7: begins with the time, so that later ones sort behind earlier ones. */
export function uuid7(): string;
/** @param {string | number} text */
export function part(text: string | number): string;
/**
 * Resolves after a while, or as soon as one of the signals is aborted.
 *
 * @param {number} milliseconds
 * @param {(AbortSignal | undefined)[]} signals
 * @returns {Promise<void>}
 */
export function pause(milliseconds: number, ...signals: (AbortSignal | undefined)[]): Promise<void>;
/**
 * The address of the service, of which only its origin counts.
 *
 * @param {string} service
 */
export function originOf(service: string): string;
/** An answer that is no success: RFC 9457's fields, with the service's stable `code`. */
export class Problem extends Error {
    /**
     * @param {number} status 0 where no answer came
     * @param {{ code?: string, detail?: string, errors?: { path: string, code: string, detail: string }[] }} body
     * @param {number | null} [retryAfter] milliseconds that the service asked to wait
     */
    constructor(status: number, body: {
        code?: string;
        detail?: string;
        errors?: {
            path: string;
            code: string;
            detail: string;
        }[];
    }, retryAfter?: number | null);
    status: number;
    code: string;
    errors: {
        path: string;
        code: string;
        detail: string;
    }[];
    retryAfter: number | null;
    /** The same request may succeed later. */
    get isPassing(): boolean;
}
export class Rest {
    /**
     * @param {string} service its origin
     * @param {object} signing
     * @param {() => string | Promise<string>} signing.authorize what `Authorization` says
     * @param {(signed: string) => boolean} [signing.refuse] that was not taken; true where there will be another
     */
    constructor(service: string, { authorize, refuse }: {
        authorize: () => string | Promise<string>;
        refuse?: ((signed: string) => boolean) | undefined;
    });
    service: string;
    /**
     * @param {Method} method
     * @param {string} path such as `players/me/wallet`
     * @param {Said} [said]
     * @returns {Promise<any>} the answer's JSON. Throws Problem.
     */
    request(method: Method, path: string, { query, body, key, headers: others, tries, signal }?: Said): Promise<any>;
    /** Nobody waits any longer for another try: what stood in the way of the last one is thrown at once. */
    close(): void;
    /**
     * All rows of a list, over all its pages.
     *
     * @param {string} path
     * @param {Query} [query]
     * @returns {Promise<any[]>}
     */
    list(path: string, query?: Query): Promise<any[]>;
    /**
     * The rows of a list one after the other; the next page is read when it is come to.
     *
     * @param {string} path
     * @param {Query} [query]
     * @returns {AsyncGenerator<any, void, undefined>}
     */
    rows(path: string, query?: Query): AsyncGenerator<any, void, undefined>;
    #private;
}
export type Query = Record<string, string | number | boolean | undefined>;
export type Said = {
    query?: Query;
    body?: unknown;
    /**
     * the `Idempotency-Key`; a POST without one is given a random one, and with "" none
     */
    key?: string;
    headers?: Record<string, string>;
    /**
     * how often at most
     */
    tries?: number;
    /**
     * ends the call, also while it waits for the next try
     */
    signal?: AbortSignal;
};
export type Method = "GET" | "POST" | "PATCH" | "DELETE";
