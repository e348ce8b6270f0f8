package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// observer follows the room with the Go SDK, from its very start to its end, over all crashes.
type observer struct {
	client *client.Client
	room   *client.Room
	ended  chan error // of follow

	mu   sync.Mutex
	seen []Message // as posted, by arrival; guarded by mu
	rev  uint64    // of the last event; follow's
}

// observe joins the room, which must be empty, so that the observer sees all of it, and follows it until compare.
func observe(ctx context.Context, conn *grpc.ClientConn, room string) (*observer, error) {
	c, err := client.New(conn, client.WithBackoff(20*time.Millisecond, 200*time.Millisecond))
	if err != nil {
		return nil, err
	}
	r, err := c.Join(ctx, room, client.History(0))
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("join: %w", err)
	}
	o := &observer{client: c, room: r, ended: make(chan error, 1)}
	go func() { o.ended <- o.follow(ctx) }() // ends when compare closes the client, or on a broken promise
	return o, nil
}

func (o *observer) follow(ctx context.Context) error {
	for event, err := range o.room.Events(ctx) {
		if err != nil {
			return err
		}
		if err := o.take(event); err != nil {
			return err
		}
	}
	return nil
}

// compare waits until the observer has seen the room to its end, and says how what it saw differs from want.
func (o *observer) compare(ctx context.Context, want []Message) error {
	defer o.client.Close()
	for tick := time.Tick(10 * time.Millisecond); o.count() < len(want); {
		select {
		case <-tick:
		case err := <-o.ended:
			return err
		case <-ctx.Done():
			return fmt.Errorf("saw %d of %d messages: %w", o.count(), len(want), ctx.Err())
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, m := range o.seen {
		if m != want[i] {
			return fmt.Errorf("saw %+v where the room has %+v", m, want[i])
		}
	}
	return nil
}

func (o *observer) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.seen)
}

// take holds an event against the promise: contiguous revs, and in a room that nobody resets a snapshot only at its
// start.
func (o *observer) take(event *chatv1.Event) error {
	if snapshot := event.GetSnapshot(); snapshot != nil {
		if event.GetRev() != 0 || len(snapshot.GetMessages()) > 0 {
			return fmt.Errorf("was reset at rev %d: %s", event.GetRev(), snapshot.GetReason())
		}
		return nil
	}
	if event.GetRev() == 0 {
		return nil
	}
	if event.GetRev() != o.rev+1 {
		return fmt.Errorf("rev %d follows %d", event.GetRev(), o.rev)
	}
	o.rev = event.GetRev()
	if m := event.GetPosted(); m != nil {
		o.mu.Lock()
		o.seen = append(o.seen, messageOf(m))
		o.mu.Unlock()
	}
	return nil
}
