package bench

import (
	"testing"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// What a client has missed may come before the reply to its join, which says that it is resumed; but not before a snapshot when
// it is new, and not with a gap.
func TestEventsBeforeTheReply(t *testing.T) {
	t.Parallel()
	c := &client{room: "lobby", resumed: true, joined: make(chan struct{})}
	c.rev.Store(3)
	for rev := uint64(4); rev < 6; rev++ {
		if err := c.event(&event{room: []byte("lobby"), rev: rev}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.reply(&chatv1.Reply{Result: &chatv1.Reply_Join{Join: &chatv1.JoinResult{Resumed: true}}}); err != nil {
		t.Fatal(err)
	}
	<-c.joined
	if c.lost != 0 || c.duplicated != 0 || c.rev.Load() != 5 {
		t.Errorf("%d lost, %d twice, at rev %d", c.lost, c.duplicated, c.rev.Load())
	}
	for name, c := range map[string]*client{"new": {room: "lobby"}, "gap": {room: "lobby", resumed: true}} {
		if err := c.event(&event{room: []byte("lobby"), rev: 2}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
