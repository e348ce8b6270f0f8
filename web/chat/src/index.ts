// The public surface of @rialto/chat, by hand. The room and the client first, then what they show, then what they take.

export { ChatClient, type ChatClientOptions } from "./client.js";
export { type DataType, dataType } from "./data-type.js";
export { ChatError, type ChatErrorDetails, type FieldViolation, type StatusCode } from "./error.js";
export type { RoomsSnapshot, UserRoom, UserRooms } from "./feed-types.js";
export { withHttpFallback } from "./http-fallback.js";
export { indexedDbMessages } from "./indexed-db.js";
export { maxAboutLength, maxNameLength, maxTextBytes, maxTitleLength, roomIdPattern } from "./limits.js";
export type {
  AuditAction,
  AuditEntry,
  AuditPage,
  Ban,
  BanOptions,
  Invitation,
  JoinRequest,
  Link,
  LinkOptions,
  Member,
  MembersSnapshot,
  NewRoom,
  Retention,
  Role,
  RoomKind,
  RoomMembers,
  RoomSettings,
} from "./member-types.js";
export { type MessageStore, memoryMessages, type StoredMessage } from "./message-store.js";
export type { Profile, ProfileChanges } from "./profile-types.js";
export { hasRole, isMuted, roles } from "./roles.js";
export { localStorageTokens, memoryTokens } from "./tokens.js";
export type { ChatTransport, ChatTransportOptions } from "./transport.js";
export type {
  ChatMessage,
  ClientSnapshot,
  ConnectionState,
  DataBody,
  DisconnectCode,
  DisconnectReason,
  EditOptions,
  Listener,
  MessageOptions,
  MessageView,
  MessageViewSnapshot,
  PendingMessage,
  Reaction,
  Room,
  RoomReset,
  RoomSnapshot,
  RoomStatus,
  RoomSummary,
  Thread,
  TokenStore,
  Unsubscribe,
  User,
} from "./types.js";
