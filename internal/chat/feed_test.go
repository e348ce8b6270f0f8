package chat_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// feedState is what a client makes of feed events.
type feedState struct {
	session     *session
	rooms       map[string]*chatv1.FeedRoom
	invitations map[string]*chatv1.Invitation
	version     uint64
	whole       bool
	events      int
}

// watchFeed begins a session and reads its feed.
func (c *calls) watchFeed(ctx context.Context) *feedState {
	c.tb.Helper()
	f := &feedState{session: c.connect(ctx)}
	f.session.send(&chatv1.ConnectRequest{RequestId: "hello", Command: &chatv1.ConnectRequest_Hello{Hello: &chatv1.Hello{}}})
	f.until(func() bool { return f.whole })
	return f
}

// until takes feed events until a condition holds.
func (f *feedState) until(holds func() bool) {
	f.session.tb.Helper()
	for !holds() {
		f.take(f.session.event(func(e *chatv1.Event) bool { return e.GetFeed() != nil }).GetFeed())
	}
}

func (f *feedState) take(e *chatv1.Feed) {
	f.session.tb.Helper()
	if e.GetReset_() {
		f.rooms, f.invitations, f.whole = make(map[string]*chatv1.FeedRoom), make(map[string]*chatv1.Invitation), false
	}
	if f.rooms == nil || e.GetVersion() < f.version {
		f.session.tb.Errorf("version %d after %d: %v", e.GetVersion(), f.version, e)
	}
	f.events++
	f.version = e.GetVersion()
	f.whole = f.whole || !e.GetMore()
	for _, r := range e.GetRooms() {
		f.rooms[r.GetRoom().GetId()] = r
	}
	for _, id := range e.GetRemovedRooms() {
		if f.rooms[id] == nil {
			f.session.tb.Errorf("removed %s, which was not there", id)
		}
		delete(f.rooms, id)
	}
	for _, i := range e.GetInvitations() {
		f.invitations[i.GetRoom().GetId()] = i
	}
	for _, id := range e.GetRemovedInvitations() {
		if f.invitations[id] == nil {
			f.session.tb.Errorf("removed the invitation to %s, which was not there", id)
		}
		delete(f.invitations, id)
	}
}

// counts returns what is unread in a room, and how many mentions.
func (f *feedState) counts(room string) [2]uint64 {
	return [2]uint64{f.rooms[room].GetRead().GetUnread(), uint64(f.rooms[room].GetMentions())}
}

// equal reports whether two clients know the same. How many members a room has, an invitation tells of when it is new.
func (f *feedState) equal(other *feedState) bool {
	return maps.EqualFunc(f.rooms, other.rooms, func(a, b *chatv1.FeedRoom) bool { return proto.Equal(a, b) }) &&
		maps.EqualFunc(f.invitations, other.invitations, func(a, b *chatv1.Invitation) bool {
			a, b = proto.CloneOf(a), proto.CloneOf(b)
			a.Room.MemberCount, b.Room.MemberCount = 0, 0
			return proto.Equal(a, b)
		})
}

func TestFeed(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	owner, ana := c.person("owner"), c.person("ana")
	phone := c.watchFeed(ana)
	if len(phone.rooms)+len(phone.invitations) != 0 {
		t.Errorf("begins with %v, %v", phone.rooms, phone.invitations)
	}
	must(c.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: "den", Title: "A den", Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE}))(t)
	must(c.members.InviteMember(owner, &chatv1.InviteMemberRequest{Room: "den", UserId: ana.id}))(t)
	phone.until(func() bool { return phone.invitations["den"].GetRoom().GetTitle() == "A den" })
	must(c.members.AddMember(ana, &chatv1.AddMemberRequest{Room: "den"}))(t)
	phone.until(func() bool {
		return len(phone.invitations) == 0 && phone.rooms["den"].GetMember().GetRole() == chatv1.Role_ROLE_MEMBER
	})

	desk := c.watchFeed(ana)
	devices := []*feedState{phone, desk}
	counts := func(unread, mentions uint64) {
		t.Helper()
		for _, d := range devices {
			d.until(func() bool { return d.counts("den") == [2]uint64{unread, mentions} })
		}
	}
	post := func(who person, mention ...string) uint64 {
		t.Helper()
		req := text("den", "hello")
		req.Mentions = mention
		return must(c.messages.PostMessage(who, req))(t).GetMessage().GetSeq()
	}
	edit := func(seq uint64, mention ...string) {
		t.Helper()
		must(c.messages.EditMessage(owner, &chatv1.EditMessageRequest{Room: "den", Seq: seq, Text: "hello", Mentions: mention}))(t)
	}
	first := post(owner, ana.id)
	counts(1, 1)
	post(owner, owner.id) // mentions nobody else
	second := post(owner, ana.id, "somebody")
	counts(3, 2)
	edit(first)
	counts(3, 1)
	edit(first, ana.id)
	counts(3, 2)
	must(c.messages.DeleteMessage(owner, &chatv1.DeleteMessageRequest{Room: "den", Seq: second}))(t)
	counts(3, 1) // a tombstone is something to read, and mentions nobody
	must(c.members.MarkRead(ana, &chatv1.MarkReadRequest{Room: "den", Seq: first}))(t)
	counts(2, 0)
	post(owner, ana.id)
	counts(3, 1)
	post(ana, ana.id) // has read what came before, and does not mention herself
	counts(0, 0)

	must(c.members.UpdateMember(owner, &chatv1.UpdateMemberRequest{Room: "den", UserId: ana.id, Role: chatv1.Role_ROLE_MODERATOR}))(t)
	must(c.rooms.UpdateRoom(owner, &chatv1.UpdateRoomRequest{Room: "den", JoinRequests: proto.Bool(true)}))(t)
	must(c.members.RequestMembership(c.person("ben"), &chatv1.RequestMembershipRequest{Room: "den"}))(t)
	for _, d := range devices {
		d.until(func() bool {
			r := d.rooms["den"]
			return r.GetMember().GetRole() == chatv1.Role_ROLE_MODERATOR && r.GetRequests() == 1 && r.GetRoom().GetJoinRequests()
		})
	}
	if fresh := c.watchFeed(ana); !fresh.equal(phone) || !fresh.equal(desk) {
		t.Errorf("a fresh session has %v, the phone %v, the desk %v", fresh.rooms, phone.rooms, desk.rooms)
	}
	must(c.members.RemoveMember(owner, &chatv1.RemoveMemberRequest{Room: "den", UserId: ana.id}))(t)
	for _, d := range devices {
		d.until(func() bool { return len(d.rooms) == 0 })
	}
}

// TestFeedOfManyRooms pages.
func TestFeedOfManyRooms(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{linger: time.Nanosecond})
	ana := c.person("ana")
	for i := range 250 {
		must(c.rooms.CreateRoom(ana, &chatv1.CreateRoomRequest{Room: fmt.Sprintf("room-%03d", i)}))(t)
	}
	f := c.watchFeed(ana)
	if len(f.rooms) != 250 || f.events != 3 {
		t.Errorf("%d rooms in %d events", len(f.rooms), f.events)
	}
	c.post(c.person("ben"), "room-249", "hello")
	f.until(func() bool { return f.counts("room-249") == [2]uint64{1, 0} })
}

// TestFeedPartsAreSmall: whatever rooms and invitations say of themselves, the responses of a feed aim at 64 KiB, when it begins and
// when much changes at once.
func TestFeedPartsAreSmall(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{linger: time.Nanosecond})
	owner, ana, ben := c.person("owner"), c.person("ana"), c.person("ben")
	const many = 120
	title, topic := strings.Repeat("🦜", 128), strings.Repeat("t", 1024)
	phone := c.watchFeed(ben)
	for i := range many {
		for who, kind := range map[person]string{ana: "den", owner: "hall"} {
			must(c.rooms.CreateRoom(who, &chatv1.CreateRoomRequest{
				Room: fmt.Sprintf("%s-%03d", kind, i), Title: title, Topic: topic, Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE,
			}))(t)
		}
		must(c.members.InviteMember(owner, &chatv1.InviteMemberRequest{Room: fmt.Sprintf("hall-%03d", i), UserId: ana.id}))(t)
		must(c.members.InviteMember(owner, &chatv1.InviteMemberRequest{Room: fmt.Sprintf("hall-%03d", i), UserId: ben.id}))(t)
	}
	desk := &feedState{session: c.connect(ana)}
	desk.session.send(&chatv1.ConnectRequest{RequestId: "hello", Command: &chatv1.ConnectRequest_Hello{Hello: &chatv1.Hello{}}})
	for f, whole := range map[*feedState]func() bool{
		desk:  func() bool { return desk.whole && len(desk.rooms) == many && len(desk.invitations) == many },
		phone: func() bool { return len(phone.invitations) == many },
	} {
		f.until(func() bool {
			if n := proto.Size(f.session.last); f.session.last != nil && n > 64<<10+4<<10 {
				t.Errorf("a response of %d bytes", n)
			}
			return whole()
		})
	}
}

// TestFeedOfManyInvitations pages, and tells of 500.
func TestFeedOfManyInvitations(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{linger: time.Nanosecond})
	owner, ana := c.person("owner"), c.person("ana")
	s := c.connect(owner)
	for i := range 501 {
		s.send(publishRequest(fmt.Sprintf("room-%03d", i), "hello"))
	}
	s.publish("last", "hello")
	invite := func(n int) {
		var invites sync.WaitGroup
		for i := range n {
			invites.Go(func() {
				_, err := c.members.InviteMember(owner, &chatv1.InviteMemberRequest{Room: fmt.Sprintf("room-%03d", i), UserId: ana.id})
				if err != nil {
					t.Error(err)
				}
			})
		}
		invites.Wait()
	}
	for _, n := range []int{100, 101, 500, 501} {
		invite(n)
		if f := c.watchFeed(ana); len(f.invitations) != min(n, 500) || f.events != (min(n, 500)+99)/100 {
			t.Errorf("of %d: %d invitations in %d events", n, len(f.invitations), f.events)
		}
	}
}

// TestAFreshGuestHasNoFeed shows that nothing comes to those who have nothing to do with rooms yet.
func TestAFreshGuestHasNoFeed(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	s := c.connect(c.context())
	s.join(fromNow("lobby"))
	s.publish("elsewhere", "makes it, and its owner") // which is the first they have to do with one
	e := s.event(func(e *chatv1.Event) bool { return e.GetFeed() != nil })
	if f := e.GetFeed(); f.GetReset_() || len(f.GetRooms()) != 1 || f.GetRooms()[0].GetRoom().GetId() != "elsewhere" {
		t.Errorf("the first feed event is %v", f)
	}
}

// TestFeedsAgree has people do things at random, with devices that come and go: in the end those that stayed have what a
// fresh one has.
func TestFeedsAgree(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	c := startCalls(t, config{linger: time.Nanosecond, delivery: tiny})
	people := []person{c.person("a"), c.person("b"), c.person("c")}
	stayed := make([]*feedState, len(people))
	for i, p := range people {
		stayed[i] = c.watchFeed(p)
	}
	rooms := []string{"r0", "r1", "r2"}
	for i, room := range rooms {
		must(c.rooms.CreateRoom(people[i], &chatv1.CreateRoomRequest{Room: room, Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE}))(t)
	}
	for range 200 {
		who, whom, room := people[random.IntN(3)], people[random.IntN(3)], rooms[random.IntN(3)]
		switch random.IntN(7) { // refusals are no matter
		case 0:
			c.members.InviteMember(who, &chatv1.InviteMemberRequest{Room: room, UserId: whom.id})
		case 1:
			c.members.AddMember(who, &chatv1.AddMemberRequest{Room: room})
		case 2:
			c.members.RemoveMember(who, &chatv1.RemoveMemberRequest{Room: room, UserId: whom.id})
		case 3:
			c.members.RemoveInvitation(who, &chatv1.RemoveInvitationRequest{Room: room})
		case 4, 5:
			req := text(room, "hello")
			req.Mentions = []string{whom.id}
			c.messages.PostMessage(who, req)
		case 6:
			c.messages.DeleteMessage(who, &chatv1.DeleteMessageRequest{Room: room, Seq: uint64(random.IntN(10))})
		}
	}
	for i, f := range stayed {
		fresh := c.watchFeed(people[i])
		f.until(func() bool { return f.equal(fresh) })
	}
}
