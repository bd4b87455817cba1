export class Connection {
    /**
     * @param {string} address
     * @param {object} needs
     * @param {() => Promise<string>} needs.getToken
     * @param {(token: string) => unknown} needs.refuseToken called when the service no longer takes that token
     * @param {(type: string, detail: any) => void} needs.tell
     * @param {number | null} needs.after
     * @param {(new (url: string, protocols: string[]) => any) | undefined} [needs.webSocket] by default the built-in one
     */
    constructor(address: string, { getToken, refuseToken, tell, after, webSocket }: {
        getToken: () => Promise<string>;
        refuseToken: (token: string) => unknown;
        tell: (type: string, detail: any) => void;
        after: number | null;
        webSocket?: (new (url: string, protocols: string[]) => any) | undefined;
    });
    /** @type {State} */
    state: State;
    /** The number of the last message that was told. @type {number | null} */
    after: number | null;
    /** Stay connected from now on. */
    connect(): void;
    disconnect(): void;
    #private;
}
export type Message = {
    seq?: number;
    type: string;
    data: any;
};
export type State = import("../types/messages.d.ts").State;
export type StateDetail = import("../types/messages.d.ts").StateDetail;
