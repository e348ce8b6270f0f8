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
	TLS   Wire = "tls"   // the same over TLS
	JSON  Wire = "json"  // the same with text frames
	Mux   Wire = "mux"   // one WebSocket in multiplexed mode for each client, with one Connect on it
	GRPC  Wire = "grpc"  // one HTTP/2 connection for each client
)

// Session is one Connect session, whatever it looks like on the wire. Send and Receive may be called concurrently, each by
// one goroutine at a time.
type Session interface {
	// Send writes one encoded chatv1.ConnectRequest: a join or a publish.
	Send(request []byte) error
	// Receive returns the next encoded chatv1.ConnectResponse, which is valid until the next call.
	Receive() ([]byte, error)
	// Close ends the session at once, and with it a blocked Send or Receive.
	Close()
}

// Peer is another server to take turns with. It answers each join with a reply and a snapshot without messages, and gives
// each room's messages rev and seq 1, 2, 3, …; where it has none by itself, its adapter numbers them.
type Peer struct {
	Name    string
	Command []string // starts it; it writes its Addresses to the file named by --port-file, which is added
	// Dial opens a session; ctx bounds only the opening. Nil: it speaks plain mode with protobuf.
	Dial func(ctx context.Context, at Addresses) (Session, error)
}

// dialer opens a session to the subject of a run.
type dialer func(context.Context) (Session, error)

// dial opens a session. ctx bounds only the opening.
func dial(ctx context.Context, wire Wire, at Addresses) (Session, error) {
	switch wire {
	case Plain, JSON, TLS:
		return dialSocket(ctx, at.HTTP, wire)
	case Mux:
		return dialMux(at.HTTP)
	case GRPC:
		return dialGRPC(at.GRPC)
	}
	return nil, fmt.Errorf("unknown wire %q", wire)
}
