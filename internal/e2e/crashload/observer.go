package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// observer follows the room with the Go SDK, from its very start to its end, over all crashes.
type observer struct {
	client *client.Client
	room   *client.Room

	seen []Message // as posted, by arrival
	rev  uint64    // of the last event
}

// observe joins the room, which must be empty, so that the observer sees all of it.
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
	return &observer{client: c, room: r}, nil
}

// compare reads up to the end of the room and says how what it saw differs from want.
func (o *observer) compare(ctx context.Context, want []Message) error {
	defer o.client.Close()
	for event, err := range o.room.Events(ctx) {
		if err != nil {
			return err
		}
		if err := o.take(event); err != nil {
			return err
		}
		if len(o.seen) >= len(want) {
			break
		}
	}
	for i, m := range o.seen {
		if m != want[i] {
			return fmt.Errorf("saw %+v where the room has %+v", m, want[i])
		}
	}
	return nil
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
		o.seen = append(o.seen, messageOf(m))
	}
	return nil
}
