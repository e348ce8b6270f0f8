package e2e

import (
	"strings"
	"testing"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// TestPeerThatStopsReading lets somebody join a room and then take nothing, over each wire, while so much is said there
// that no buffer on the way holds it. Others notice nothing; and when the peer reads again, it gets every rev.
func TestPeerThatStopsReading(t *testing.T) {
	const messages = 3000
	text := strings.Repeat("What news on the Rialto? ", 160) // 4 KB: 12 MB in all
	s := startServer(t)
	for _, wire := range []string{"json", "proto", "plain", "grpc"} {
		t.Run(wire, func(t *testing.T) {
			room := "stalled-" + wire
			b := newBystander(t, s.conn, room)
			peer := openCall(t, s, wire, "Connect")
			peer.send([]frame{{"text", []byte(`{"join":{"room":"` + room + `"}}`)}})
			from := firstSnapshot(t, peer)

			for range messages / 100 {
				b.sayAndSee(t, 100, text)
			}
			b.noticed(t, 0)

			for rev := from; rev < b.rev; {
				r := peer.receive()
				if r.ended {
					t.Fatalf("at rev %d of %d the session ended with %v (close %d)", rev, b.rev, r.status, r.close)
				}
				for _, e := range r.resp.GetEvents() {
					if e.GetRev() == 0 {
						continue
					}
					if e.GetRev() != rev+1 {
						t.Fatalf("rev %d follows %d", e.GetRev(), rev)
					}
					rev = e.GetRev()
				}
			}
		})
	}
}

// firstSnapshot waits until the call has joined, and returns the rev it starts from.
func firstSnapshot(t *testing.T, c call) uint64 {
	t.Helper()
	for {
		r := c.receive()
		if r.ended {
			t.Fatalf("the session ended with %v", r.status)
		}
		for _, e := range r.resp.GetEvents() {
			if e.GetSnapshot() != nil {
				return e.GetRev()
			}
		}
	}
}

// sayAndSee posts n messages and waits until all have come back, in order.
func (b *bystander) sayAndSee(t *testing.T, n int, text string) {
	t.Helper()
	for range n {
		b.send(t, &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Publish{Publish: &chatv1.Publish{
			Room: b.room, Body: &chatv1.Publish_Text{Text: text},
		}}})
	}
	for target := b.rev + uint64(n); b.rev < target; {
		for _, e := range b.receive(t) {
			if e.GetRev() == 0 {
				continue
			}
			if e.GetRev() != b.rev+1 {
				t.Fatalf("the bystander got rev %d after %d", e.GetRev(), b.rev)
			}
			b.rev = e.GetRev()
		}
	}
}
