export type { StalledCall, WebSocketTransport, WebSocketTransportOptions } from "./options.js";
export type { WebSocketConstructor, WebSocketLike } from "./socket.js";
export type { ConnectionState, StateListener } from "./state.js";
export { isNotProcessed } from "./status.js";
export { createWebSocketTransport } from "./transport.js";
