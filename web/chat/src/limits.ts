// The bounds that the API's comments state (api/rialto/chat/v1/types.proto). The server decides; these let a form say so
// before it asks.

/** What a room id looks like. */
export const roomIdPattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** The longest room title, in characters (code points). */
export const maxTitleLength = 128;

/** The longest display name, in characters (code points). */
export const maxNameLength = 64;

/** The longest text that somebody says of themselves, in characters (code points). */
export const maxAboutLength = 280;

/** The longest text of a message, in bytes of UTF-8. A server's setting; this is the default. */
export const maxTextBytes = 16 * 1024;
