export type { StalledCall, WebSocketTransport, WebSocketTransportOptions } from "./options.js";
export type { WebSocketConstructor, WebSocketLike } from "./socket.js";
export type { ConnectionState, Loss, LossReason, StateListener } from "./state.js";
export { isNotProcessed } from "./status.js";
export { createWebSocketTransport } from "./transport.js";
export type { FrameListener, WireFrame, WireWindows } from "./wire-tap.js";
