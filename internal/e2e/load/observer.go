package load

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/rialto-rpc/rialto/client"
	"github.com/rialto-rpc/rialto/internal/history"
)

// observer follows the room with the Go SDK, from its very start to its end, over all crashes.
type observer struct {
	client *client.Client
	room   *client.Room
	note   history.Observing
	rev    atomic.Uint64 // of the last event
	ended  chan error    // of follow
	gone   chan struct{} // closed when follow has ended
}

// observe joins the room and follows it until the client is closed.
func observe(ctx context.Context, conn grpc.ClientConnInterface, room string, note history.Observing) (*observer, error) {
	c, err := client.New(conn, client.WithBackoff(20*time.Millisecond, 200*time.Millisecond))
	if err != nil {
		return nil, err
	}
	r, err := c.Join(ctx, room, client.History(0))
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("join: %w", err)
	}
	o := &observer{client: c, room: r, note: note, ended: make(chan error, 1), gone: make(chan struct{})}
	go func() { // ends when the client is closed, or with ctx; awaited by close
		defer close(o.gone)
		o.ended <- o.follow(ctx)
	}()
	return o, nil
}

func (o *observer) follow(ctx context.Context) error {
	epoch := ""
	for event, err := range o.room.Events(ctx) {
		if err != nil {
			return err
		}
		switch {
		case event.GetSnapshot() != nil:
			epoch = event.GetSnapshot().GetEpoch()
			o.note.Snapshot(pageOf(epoch, event.GetSnapshot().GetRoom(), event.GetSnapshot().GetMessages()))
		case event.GetRev() > 0:
			o.note.Event(eventOf(epoch, event))
		default:
			continue
		}
		o.rev.Store(event.GetRev())
	}
	return nil
}

func (o *observer) close() {
	o.client.Close()
	<-o.gone
}

// catchUp waits until the observer has seen the room up to rev.
func (o *observer) catchUp(ctx context.Context, rev uint64) error {
	return waitFor(ctx, &o.rev, rev, o.ended)
}

// waitFor polls a reader's position; a failure of the reader ends it.
func waitFor(ctx context.Context, at *atomic.Uint64, rev uint64, failed <-chan error) error {
	for tick := time.Tick(5 * time.Millisecond); at.Load() < rev; {
		select {
		case <-tick:
		case err := <-failed:
			return fmt.Errorf("stopped at rev %d of %d: %w", at.Load(), rev, err)
		case <-ctx.Done():
			return fmt.Errorf("saw rev %d of %d: %w", at.Load(), rev, ctx.Err())
		}
	}
	return nil
}
