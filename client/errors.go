package client

import "errors"

// Errors of this package. All others are gRPC statuses as the server sent them, or those of a context.
var (
	// ErrClosed is returned by a client that was closed.
	ErrClosed = errors.New("client: closed")
	// ErrLeft is returned by a room that was left.
	ErrLeft = errors.New("client: room left")
	// ErrJoined is returned by Join for a room that this client has joined already. There is one handle a room.
	ErrJoined = errors.New("client: room is joined already")
	// ErrBusy is returned by Next while another Next of the same room is waiting. A room is one cursor.
	ErrBusy = errors.New("client: room is being read already")
)
