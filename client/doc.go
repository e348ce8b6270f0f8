// Package client is the Go SDK of Rialto chat: durable rooms over any [grpc.ClientConnInterface], native gRPC or a
// bridge connection.
//
// A [Client] keeps one session (one Connect stream) with the server, for all its rooms, and renews it for as long as
// the client lives: with full-jitter backoff, the server's RetryInfo honoured, each room resumed by epoch and rev, and
// publishes without an answer repeated under the same client_id, so that each is stored exactly once.
//
// A [Room] is a cursor, pulled with [Room.Next] or ranged over with [Room.Events]. What it yields are the events of
// rialto.chat.v1, with these promises:
//
//   - Revs are contiguous, or a whole Snapshot comes on which all that is held of the room is to be dropped. Nothing is
//     ever skipped silently: a gap on the wire is noticed and healed by joining again from the last rev.
//   - Snapshots come in one piece, whatever the number of parts they travelled in.
//   - Presence comes as the whole roster each time, already folded, and only the newest is kept.
//   - Kinds that this version does not know come with an empty Kind and their rev.
//
// A slow consumer loses nothing and holds up nobody. A room buffers a bounded number of events; when they are not taken,
// what arrives is let go, and once they are taken the room resumes from the last rev it kept: the server's log is the
// queue. Only signals (typing) are lost then, as they are not kept anywhere.
//
// Edits, deletes, reactions and replies are methods of a Room, waited out like a publish; so are pages of history in both
// directions, read markers, the unread count, typing and the roster.
//
// What this user has to do with rooms (memberships, unread and mention counts, invitations) comes by itself, from all their
// devices: [Client.Feed] is the present state, [Client.Feeds] a loop over each newest one.
//
// All else message by message, rooms, members and profiles: [Client.Messages], [Client.Rooms], [Client.Members] and [Client.Users]
// are the generated clients with this client's identity on every call, as any is that is made on [Client.Conn].
package client
