package terminal_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/client"
	"github.com/rialto-rpc/rialto/internal/terminal"
)

func TestScreenTalksToTheServer(t *testing.T) {
	t.Parallel()
	address := startServer(t)
	ana, ben := connect(t, address, "ana"), connect(t, address, "ben")
	room, err := ben.Join(t.Context(), "lobby", client.FromNow())
	if err != nil {
		t.Fatal(err)
	}
	in, keyboard := io.Pipe()
	defer keyboard.Close() // lets the read of the input end
	ended := make(chan error, 1)
	go func() {
		ended <- terminal.RunScreen(t.Context(), ana, terminal.ScreenOptions{
			Room: "lobby", History: 50, Server: address, In: in, Out: io.Discard,
		})
	}()
	// In this order, however fast: the room is joined before it is posted to.
	for joined := false; !joined; {
		event := nextEvent(t, room)
		joined = event.GetPresence().GetOnline() == 2
	}
	for i, text := range []string{"one", "two", "three"} {
		io.WriteString(keyboard, text+"\r")
		for {
			if posted := nextEvent(t, room).GetPosted(); posted != nil {
				if posted.GetText() != text || posted.GetSeq() != uint64(i+1) || posted.GetSender().GetDisplayName() != "ana" {
					t.Errorf("posted %v", posted)
				}
				break
			}
		}
	}
	io.WriteString(keyboard, "\x03\x03") // the first may come before the screen has seen what was stored
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("RunScreen: %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("Ctrl+C did not end it")
	}
}

func TestScreenEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := connect(t, startServer(t), "ana")
	ctx, cancel := context.WithCancel(t.Context())
	in, keyboard := io.Pipe()
	defer keyboard.Close()
	ended := make(chan error, 1)
	go func() {
		ended <- terminal.RunScreen(ctx, c, terminal.ScreenOptions{Room: "lobby", In: in, Out: io.Discard})
	}()
	if _, err := c.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("RunScreen: %v", err)
	}
}

func TestScreenOfSomebodyWhoIsRefused(t *testing.T) {
	t.Parallel()
	c := connect(t, startServer(t), "ana", client.WithToken("nonsense"))
	in, keyboard := io.Pipe()
	defer keyboard.Close()
	err := terminal.RunScreen(t.Context(), c, terminal.ScreenOptions{
		Room: "lobby", In: in, Out: io.Discard,
	})
	if status.Code(err) != codes.Unauthenticated || strings.Contains(err.Error(), "nonsense") {
		t.Errorf("RunScreen: %v", err)
	}
}
