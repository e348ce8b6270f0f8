package chat_test

import (
	"context"
	"slices"
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

// TestSubscribeSelf reads what every Connect gets, without one: who one is, what one has to do with rooms, and one's markers.
func TestSubscribeSelf(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{delivery: tiny})
	ana, who := c.as("Ana")
	bo, _ := c.as("Bo")
	post := func(who context.Context, text string) {
		t.Helper()
		must(c.messages.PostMessage(who, &chatv1.PostMessageRequest{Room: "lobby", Body: &chatv1.PostMessageRequest_Text{Text: text}}))(t)
	}
	post(ana, "one")

	stream := must(c.chat.Subscribe(ana, &chatv1.SubscribeRequest{Self: true}))(t)
	var events []*chatv1.Event
	next := func(want func(*chatv1.Event) bool) *chatv1.Event {
		t.Helper()
		for {
			for i, e := range events {
				if want(e) {
					events = events[i+1:]
					return e
				}
			}
			events = must(stream.Recv())(t).GetEvents()
		}
	}
	lobby := func(seq, unread uint64) func(*chatv1.Event) bool {
		return func(e *chatv1.Event) bool {
			return slices.ContainsFunc(e.GetFeed().GetRooms(), func(r *chatv1.FeedRoom) bool {
				return r.GetRoom().GetId() == "lobby" && r.GetRead().GetSeq() == seq && r.GetRead().GetUnread() == unread
			})
		}
	}
	first := next(func(*chatv1.Event) bool { return true })
	if w := first.GetWelcome(); w.GetUser().GetId() != who.ID || w.GetGuestToken() != "" {
		t.Fatalf("the first event is %v", first)
	}
	if whole := next(lobby(1, 0)).GetFeed(); !whole.GetReset_() || whole.GetRooms()[0].GetMember().GetRole() != chatv1.Role_ROLE_OWNER {
		t.Errorf("the feed begins with %v", whole)
	}
	post(bo, "two")
	next(lobby(1, 1))
	must(c.members.MarkRead(ana, &chatv1.MarkReadRequest{Room: "lobby", Seq: 2}))(t)
	next(lobby(2, 0))

	nobody := must(c.chat.Subscribe(c.context(), &chatv1.SubscribeRequest{Self: true}))(t)
	_, err := nobody.Recv()
	wantCode(t, err, codes.Unauthenticated)
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
