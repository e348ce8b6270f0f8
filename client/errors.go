package client

import "errors"

// Errors of this package. All others are gRPC statuses as the server sent them, or those of a context.
var (
	// ErrClosed is returned by a client that was closed.
	ErrClosed = errors.New("client: closed")
	// ErrLeft is returned by a room that was left.
	ErrLeft = errors.New("client: room left")
	// ErrShutOut is returned by a room that this user may not see any more: they were removed from a private one, or banned, or
	// it became private. The event before says which. Join asks again.
	ErrShutOut = errors.New("client: shut out of the room")
	// ErrDeleted is returned by a room that was deleted: nobody will see it again, and its id is not used again.
	ErrDeleted = errors.New("client: room deleted")
	// ErrJoined is returned by Join for a room that this client has joined already. There is one handle a room.
	ErrJoined = errors.New("client: room is joined already")
	// ErrBusy is returned by Next while another Next of the same room is waiting. A room is one cursor.
	ErrBusy = errors.New("client: room is being read already")
)
