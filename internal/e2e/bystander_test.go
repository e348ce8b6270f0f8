package e2e

import (
	"fmt"
	"testing"

	"google.golang.org/grpc"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// bystander is somebody in a room to whom the misdeeds of others must make no difference.
type bystander struct {
	room   string
	stream chatv1.ChatService_ConnectClient
	user   string
	rev    uint64
	said   int
}

func newBystander(t *testing.T, conn grpc.ClientConnInterface, room string) *bystander {
	t.Helper()
	stream, err := chatv1.NewChatServiceClient(conn).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := &bystander{room: room, stream: stream}
	b.send(t, &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Join{Join: &chatv1.Join{Room: room}}})
	for joined := false; !joined; {
		for _, e := range b.receive(t) {
			if w := e.GetWelcome(); w != nil {
				b.user = w.GetUser().GetId()
			}
			joined = joined || e.GetSnapshot() != nil
		}
	}
	b.noticed(t, 0)
	return b
}

// noticed says something and waits to see it. What comes before must be exactly so many changes by others. It waits for
// those first: that the sender's session is alive does not mean yet that what it published is stored.
func (b *bystander) noticed(t *testing.T, changes int) {
	t.Helper()
	foreign := 0
	for foreign < changes {
		for _, e := range b.receive(t) {
			if b.advance(t, e) {
				foreign++
			}
		}
	}
	b.said++
	text := fmt.Sprintf("all is well %d", b.said)
	b.send(t, &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Publish{Publish: &chatv1.Publish{
		Room: b.room, ClientId: text, Body: &chatv1.Publish_Text{Text: text},
	}}})
	for own := false; !own; {
		for _, e := range b.receive(t) {
			if !b.advance(t, e) {
				continue
			}
			if own = e.GetPosted().GetText() == text; !own {
				foreign++
			}
		}
	}
	if foreign != changes {
		t.Errorf("the bystander saw %d events of others, want %d", foreign, changes)
	}
}

// advance takes in an event, and says whether it is a change of the room, which comes in order.
func (b *bystander) advance(t *testing.T, e *chatv1.Event) bool {
	t.Helper()
	if e.GetRev() == 0 {
		return false
	}
	if e.GetRev() != b.rev+1 {
		t.Fatalf("the bystander got rev %d after %d", e.GetRev(), b.rev)
	}
	b.rev = e.GetRev()
	return true
}

func (b *bystander) send(t *testing.T, req *chatv1.ConnectRequest) {
	t.Helper()
	if err := b.stream.Send(req); err != nil {
		t.Fatalf("the bystander cannot send: %v", err)
	}
}

// receive returns the next events; the room's presence is nobody's misdeed.
func (b *bystander) receive(t *testing.T) []*chatv1.Event {
	t.Helper()
	resp, err := b.stream.Recv()
	if err != nil {
		t.Fatalf("the bystander's session ended: %v", err)
	}
	for _, r := range resp.GetReplies() {
		t.Fatalf("the bystander got the reply %v", r)
	}
	return resp.GetEvents()
}
