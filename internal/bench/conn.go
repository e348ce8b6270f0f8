package bench

import (
	"context"
	"fmt"
)

// Wire is a way to the server.
type Wire string

// The wires.
const (
	Plain Wire = "plain" // one WebSocket, one call, binary frames
	JSON  Wire = "json"  // the same with text frames
	Mux   Wire = "mux"   // one WebSocket in multiplexed mode for each client, with one Connect on it
	GRPC  Wire = "grpc"  // one HTTP/2 connection for each client
)

// conn is one Connect session. Send and Receive may be called concurrently, each by one goroutine at a time.
type conn interface {
	// send writes one encoded ConnectRequest.
	send(request []byte) error
	// receive returns the next encoded ConnectResponse, which is valid until the next call.
	receive() ([]byte, error)
	// close ends the session at once, and with it a blocked send or receive.
	close()
}

// dial opens a session. ctx bounds only the opening.
func dial(ctx context.Context, wire Wire, at Addresses) (conn, error) {
	switch wire {
	case Plain, JSON:
		return dialSocket(ctx, at.HTTP, wire == JSON)
	case Mux:
		return dialMux(at.HTTP)
	case GRPC:
		return dialGRPC(at.GRPC)
	}
	return nil, fmt.Errorf("unknown wire %q", wire)
}
