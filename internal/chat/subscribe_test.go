package chat_test

import (
	"testing"

	"google.golang.org/grpc/codes"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

func TestSubscribe(t *testing.T) {
	t.Parallel()
	l := start(t, config{delivery: tiny})
	ana := l.guest("Ana")
	epoch := ana.join(fromNow("lobby")).GetEpoch()
	ana.publish("lobby", "one")
	ana.publish("lobby", "two")

	stream, err := chatv1.NewChatServiceClient(l.conn).Subscribe(l.context(), &chatv1.SubscribeRequest{
		Rooms: []*chatv1.Join{resume("lobby", epoch, 1), history("other", 10)},
	})
	if err != nil {
		t.Fatal(err)
	}
	var lobby, other []*chatv1.Event
	var here *chatv1.Presence
	for len(lobby) < 2 || len(other) < 2 || here == nil {
		resp, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range resp.GetEvents() {
			switch {
			case e.GetPresence() != nil && e.GetRoom() == "lobby":
				here = e.GetPresence()
			case durable("lobby")(e):
				lobby = append(lobby, e)
			case durable("other")(e):
				if other = append(other, e); len(other) == 1 {
					ana.publish("lobby", "three")
					ana.publish("other", "hello")
				}
			case e.GetWelcome() != nil, e.GetRead() != nil:
				t.Errorf("a reader got %v", e)
			}
		}
	}
	contiguous(t, lobby, 1)
	contiguous(t, other, 0)
	if !here.GetReset_() || here.GetOnline() != 1 || here.GetJoined()[0].GetDisplayName() != "Ana" {
		t.Errorf("presence: %v", here)
	}
}

func TestSubscribeRefuses(t *testing.T) {
	t.Parallel()
	l := start(t, config{maxRooms: 2})
	for _, c := range []struct {
		name  string
		rooms []*chatv1.Join
		code  codes.Code
		field string
	}{
		{"no room", nil, codes.InvalidArgument, "rooms"},
		{"bad room", []*chatv1.Join{fromNow("a"), fromNow("B")}, codes.InvalidArgument, "rooms[1].room"},
		{"a room twice", []*chatv1.Join{fromNow("a"), history("a", 1)}, codes.InvalidArgument, "rooms[1].room"},
		{"too many rooms", []*chatv1.Join{fromNow("a"), fromNow("b"), fromNow("c")}, codes.ResourceExhausted, ""},
	} {
		stream, err := chatv1.NewChatServiceClient(l.conn).Subscribe(l.context(), &chatv1.SubscribeRequest{Rooms: c.rooms})
		if err != nil {
			t.Fatal(err)
		}
		_, err = stream.Recv()
		if got := wantCode(t, err, c.code); field(got) != c.field {
			t.Errorf("%s: %v names %q", c.name, got, field(got))
		}
	}
}
