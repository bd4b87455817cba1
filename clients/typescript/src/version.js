// @ts-check
/** The version of this client, which is that of the service it was released with. */
export const VERSION = "0.1.0";
