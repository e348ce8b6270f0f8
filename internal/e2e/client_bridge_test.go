package e2e

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/grpc"

	"github.com/rialto-rpc/rialto/bridge"
	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// The Go SDK over the bridge's multiplexed mode and over native gRPC: two people in one room, who both see all messages in one
// order. Session, unary calls and the token travel over one WebSocket.
func TestClientOverBridge(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	over, err := bridge.Dial("http://" + s.http)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { over.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	rooms := make(map[string]*client.Room)
	for name, conn := range map[string]grpc.ClientConnInterface{"ana": over, "ben": s.conn} {
		c, err := client.New(conn, client.WithDisplayName(name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if rooms[name], err = c.Join(ctx, "lobby", client.History(50)); err != nil {
			t.Fatal(err)
		}
	}
	const each = 50
	published := make(chan error, len(rooms))
	for name, room := range rooms {
		go func() {
			for i := range each {
				if _, err := room.Publish(ctx, fmt.Sprint(name, i)); err != nil {
					published <- err
					return
				}
			}
			published <- nil
		}()
	}
	seen := make(map[string][]string)
	for name, room := range rooms {
		seen[name] = readTexts(t, ctx, room, len(rooms)*each)
	}
	for range rooms {
		if err := <-published; err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range seen["ana"] {
		if seen["ben"][i] != text {
			t.Fatalf("message %d is %q over the bridge and %q over gRPC", i, text, seen["ben"][i])
		}
	}
	if history, err := rooms["ana"].History(ctx, 0, each); err != nil || len(history) != each {
		t.Errorf("%d messages of history, %v", len(history), err)
	}
}

// readTexts returns the first n messages that a room shows, wherever they come from.
func readTexts(t *testing.T, ctx context.Context, room *client.Room, n int) []string {
	t.Helper()
	var texts []string
	for event, err := range room.Events(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		switch kind := event.GetKind().(type) {
		case *chatv1.Event_Snapshot:
			texts = nil
			for _, m := range kind.Snapshot.GetMessages() {
				texts = append(texts, m.GetText())
			}
		case *chatv1.Event_Posted:
			texts = append(texts, kind.Posted.GetText())
		}
		if len(texts) == n {
			break
		}
	}
	return texts
}
