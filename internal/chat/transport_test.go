package chat_test

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/rialto-rpc/rialto/bridge"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// transport is the server's side of a Connect whose network a test rules: each send blocks for a while, or the network stalls
// and takes nothing, until it resumes or is cut.
type transport struct {
	chatv1.ChatService_ConnectServer
	ctx      context.Context
	cut      context.CancelFunc
	requests chan *chatv1.ConnectRequest
	received func(*chatv1.ConnectResponse)

	mu     sync.Mutex
	flows  chan struct{} // closed while it does
	blocks time.Duration // how long each send takes
	held   int           // sends that met a stall
}

func newTransport(ctx context.Context, received func(*chatv1.ConnectResponse)) *transport {
	t := &transport{requests: make(chan *chatv1.ConnectRequest, 100), received: received, flows: make(chan struct{})}
	t.ctx, t.cut = context.WithCancel(ctx)
	close(t.flows)
	return t
}

func (t *transport) Context() context.Context { return t.ctx }

func (t *transport) Recv() (*chatv1.ConnectRequest, error) {
	select {
	case req := <-t.requests:
		return req, nil
	case <-t.ctx.Done():
		return nil, t.ctx.Err()
	}
}

func (t *transport) SendMsg(m any) error {
	if !t.pass() {
		return io.ErrClosedPipe
	}
	parts, err := m.(bridge.Encoded).EncodedProto()
	if err != nil {
		return err
	}
	resp := new(chatv1.ConnectResponse)
	if err := proto.Unmarshal(slices.Concat(parts...), resp); err != nil {
		return err
	}
	t.received(resp)
	return nil
}

// pass waits until the network has taken something; false if it was cut.
func (t *transport) pass() bool {
	t.mu.Lock()
	flows, blocks := t.flows, t.blocks
	select {
	case <-flows:
	default:
		t.held++
	}
	t.mu.Unlock()
	if blocks > 0 {
		select {
		case <-time.After(blocks):
		case <-t.ctx.Done():
		}
	}
	select {
	case <-flows:
	case <-t.ctx.Done():
	}
	return t.ctx.Err() == nil
}

// stall stops the network if it flows.
func (t *transport) stall() {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.flows:
		t.flows = make(chan struct{})
	default:
	}
}

// resume lets it flow again if it is stalled.
func (t *transport) resume() {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.flows:
	default:
		close(t.flows)
	}
}

// block sets how long each send takes from now on.
func (t *transport) block(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.blocks = d
}

// holds returns how many sends have met a stall.
func (t *transport) holds() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.held
}
