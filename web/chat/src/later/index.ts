// What few sessions call, and none at its start. It is loaded when it is first needed (see Session.later), so that bundlers put
// it, with the descriptions of its services, into a chunk of its own.

export { MemberCalls } from "./members.js";
export { RoomCalls } from "./rooms.js";
