package client_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// feedEvent is a feed event as the server sends it.
func feedEvent(f *chatv1.Feed) *chatv1.Event {
	return &chatv1.Event{Kind: &chatv1.Event_Feed{Feed: f}}
}

func feedRooms(ids ...string) (rooms []*chatv1.FeedRoom) {
	for _, id := range ids {
		rooms = append(rooms, &chatv1.FeedRoom{Room: &chatv1.Room{Id: id}})
	}
	return rooms
}

func invited(id string) *chatv1.Invitation {
	return &chatv1.Invitation{Room: &chatv1.Room{Id: id}}
}

// describe is a feed in short: its version, its rooms with their mentions, and its invitations.
func describe(f client.Feed) string {
	var rooms, invitations []string
	for _, r := range f.Rooms {
		rooms = append(rooms, fmt.Sprint(r.GetRoom().GetId(), r.GetMentions()))
	}
	for _, i := range f.Invitations {
		invitations = append(invitations, i.GetRoom().GetId())
	}
	return fmt.Sprintf("%v %d%v%v", f.Known, f.Version, rooms, invitations)
}

func TestFeedIsFollowed(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t, client.WithToken("token"))
		s := f.accept()
		s.answerHello(t, &chatv1.Welcome{User: ana})
		expect := func(want string) {
			t.Helper()
			synctest.Wait()
			if got := describe(c.Feed()); got != want {
				t.Errorf("the feed is %s, want %s", got, want)
			}
		}
		expect("false 0[][]")
		s.event(t, feedEvent(&chatv1.Feed{Version: 4, Rooms: feedRooms("stray")})) // before the whole: of nothing
		expect("false 0[][]")
		s.event(t, feedEvent(&chatv1.Feed{Version: 5, Reset_: true, More: true, Rooms: feedRooms("attic", "den")}))
		expect("false 0[][]")
		s.event(t, feedEvent(&chatv1.Feed{Version: 6, Rooms: feedRooms("kitchen"), Invitations: []*chatv1.Invitation{invited("zoo")}}))
		expect("true 6[attic0 den0 kitchen0][zoo]")
		before := c.Feed()

		changed := &chatv1.FeedRoom{Room: &chatv1.Room{Id: "den"}, Mentions: 3}
		s.event(t, feedEvent(&chatv1.Feed{
			Version: 7, Rooms: append(feedRooms("bar"), changed), RemovedRooms: []string{"attic"},
			RemovedInvitations: []string{"zoo"}, Invitations: []*chatv1.Invitation{invited("pub")},
		}))
		expect("true 7[bar0 den3 kitchen0][pub]")
		if got := describe(before); got != "true 6[attic0 den0 kitchen0][zoo]" {
			t.Errorf("what was read before has become %s", got)
		}
		if now := c.Feed(); now.Room("den").GetMentions() != 3 || now.Room("attic") != nil || now.Invitation("pub") == nil || now.Invitation("zoo") != nil {
			t.Error("entries are not found by their ids")
		}

		s.event(t, feedEvent(&chatv1.Feed{Version: 8, Reset_: true, More: true, Rooms: feedRooms("den")}))
		s.cut(status.Error(codes.Unavailable, "in the middle of the whole"))
		expect("true 7[bar0 den3 kitchen0][pub]") // what was known is shown until the new whole is there
		s = f.accept()
		s.answerHello(t, &chatv1.Welcome{User: ana})
		s.event(t, feedEvent(&chatv1.Feed{Version: 2, Reset_: true, More: true, Rooms: feedRooms("den")})) // of another epoch
		expect("true 7[bar0 den3 kitchen0][pub]")
		s.event(t, feedEvent(&chatv1.Feed{Version: 3}))
		expect("true 3[den0][]")
	})
}

func TestFeedOfAFreshGuestIsKnownToBeEmpty(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		synctest.Wait()
		if got := describe(c.Feed()); got != "true 0[][]" {
			t.Errorf("the feed is %s", got)
		}
		s.event(t, feedEvent(&chatv1.Feed{Version: 9, Rooms: feedRooms("lobby")})) // amends it
		synctest.Wait()
		if got := describe(c.Feed()); got != "true 9[lobby0][]" {
			t.Errorf("the feed is %s", got)
		}
	})
}

func TestFeedsAreWaitedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t, client.WithToken("token"))
		s := f.accept()
		s.answerHello(t, &chatv1.Welcome{User: ana})
		ctx, cancel := context.WithCancel(t.Context())
		var seen []string
		go func() {
			defer cancel()
			for feed := range c.Feeds(ctx) {
				seen = append(seen, describe(feed))
				if feed.Version == 9 {
					return
				}
				time.Sleep(time.Second) // slower than the server
			}
		}()
		s.event(t, feedEvent(&chatv1.Feed{Version: 1, Reset_: true}))
		synctest.Wait()
		for version := range uint64(9) {
			s.event(t, feedEvent(&chatv1.Feed{Version: version + 1, Rooms: feedRooms("den")}))
		}
		<-ctx.Done()
		if want := []string{"true 1[][]", "true 9[den0][]"}; !slices.Equal(seen, want) {
			t.Errorf("seen %q, want %q", seen, want)
		}
		for range c.Feeds(ctx) { // it has ended: at most what is there now
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for range c.Feeds(t.Context()) {
			}
		}()
		c.Close()
		<-ended
	})
}

// awaitFeed returns when a client's feed is as wanted. Versions must not fall on the way.
func awaitFeed(t *testing.T, c *client.Client, wanted func(client.Feed) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	version := uint64(0)
	for feed := range c.Feeds(ctx) {
		if feed.Version < version {
			t.Errorf("version %d after %d", feed.Version, version)
		}
		version = feed.Version
		if wanted(feed) {
			return
		}
	}
	t.Fatalf("the feed is %v", describe(c.Feed()))
}

// Two devices of one person, one over each wire, see the same: an invitation, the membership that comes of it, what is unread
// and for them, that it was read on the other, and that they were removed.
func TestFeedOfTwoDevices(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	ctx := t.Context()
	owner := s.client(t, "grpc", nil)
	token := make(chan string, 1)
	phone := s.client(t, "bridge", nil, client.WithTokenSaver(func(fresh string, _ time.Time) { token <- fresh }))
	desk := s.client(t, "grpc", nil, client.WithToken(<-token))
	both := func(wanted func(client.Feed) bool) {
		t.Helper()
		awaitFeed(t, phone, wanted)
		awaitFeed(t, desk, wanted)
	}
	both(func(f client.Feed) bool { return len(f.Rooms)+len(f.Invitations) == 0 })

	den, err := owner.Rooms().CreateRoom(ctx, &chatv1.CreateRoomRequest{Title: "A den", Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE})
	if err != nil {
		t.Fatal(err)
	}
	id, me := den.GetRoom().GetId(), phone.User().GetId()
	if _, err := owner.Members().InviteMember(ctx, &chatv1.InviteMemberRequest{Room: id, UserId: me}); err != nil {
		t.Fatal(err)
	}
	both(func(f client.Feed) bool { return f.Invitation(id).GetRoom().GetTitle() == "A den" })
	if _, err := phone.Members().AddMember(ctx, &chatv1.AddMemberRequest{Room: id}); err != nil {
		t.Fatal(err)
	}
	both(func(f client.Feed) bool {
		return len(f.Invitations) == 0 && f.Room(id).GetMember().GetRole() == chatv1.Role_ROLE_MEMBER
	})
	for _, mentions := range []client.Mentions{nil, {me}} {
		if _, err := owner.Publish(ctx, id, "hello", mentions); err != nil {
			t.Fatal(err)
		}
	}
	unread := func(messages uint64, mentions uint32) func(client.Feed) bool {
		return func(f client.Feed) bool {
			return f.Room(id).GetRead().GetUnread() == messages && f.Room(id).GetMentions() == mentions
		}
	}
	both(unread(2, 1))
	join(t, desk, id, client.FromNow()).MarkRead(2)
	both(unread(0, 0))

	s.stop(t)
	s.start(t)
	if _, err := owner.Publish(ctx, id, "after a restart"); err != nil {
		t.Fatal(err)
	}
	both(unread(1, 0))
	if _, err := owner.Members().RemoveMember(ctx, &chatv1.RemoveMemberRequest{Room: id, UserId: me}); err != nil {
		t.Fatal(err)
	}
	both(func(f client.Feed) bool { return len(f.Rooms) == 0 })
}
