package chat_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// person is somebody with a token.
type person struct {
	context.Context
	id string
}

func (l *live) person(name string) person {
	ctx, p := l.as(name)
	return person{ctx, p.ID}
}

// private makes a private room with some people in it.
func (c *calls) private(room string, owner person, members ...person) {
	c.tb.Helper()
	must(c.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: room, Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE}))(c.tb)
	for _, m := range members {
		c.admit(room, owner, m)
	}
}

// admit invites somebody, who accepts.
func (c *calls) admit(room string, by, who person) {
	c.tb.Helper()
	must(c.members.InviteMember(by, &chatv1.InviteMemberRequest{Room: room, UserId: who.id}))(c.tb)
	must(c.members.AddMember(who, &chatv1.AddMemberRequest{Room: room}))(c.tb)
}

func (c *calls) setRole(room string, by, who person, role chatv1.Role) {
	c.tb.Helper()
	must(c.members.UpdateMember(by, &chatv1.UpdateMemberRequest{Room: room, UserId: who.id, Role: role}))(c.tb)
}

// TestAPrivateRoomIsNotThere shows that whoever may not see a private room cannot tell it from one that does not exist.
func TestAPrivateRoomIsNotThere(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, ben, eve := c.person("ana"), c.person("ben"), c.person("eve")
	c.private("den", ana, ben)
	c.post(ana, "den", "between us")
	must(c.members.InviteMember(ben, &chatv1.InviteMemberRequest{Room: "den", UserId: eve.id}))(t)
	invited := c.person("invited")
	must(c.members.InviteMember(ana, &chatv1.InviteMemberRequest{Room: "den", UserId: invited.id}))(t)

	head := must(c.rooms.GetRoom(ana, &chatv1.GetRoomRequest{Room: "den"}))(t).GetRoom().GetHeadRev()
	must(c.members.RemoveInvitation(ben, &chatv1.RemoveInvitationRequest{Room: "den", UserId: eve.id}))(t)
	for name, row := range c.every() {
		switch name {
		case "CreateRoom": // its id is taken
			refused(row, row.call(eve, "den"))(t, codes.AlreadyExists, "")
			continue
		case "PostMessage": // would make the other
			refused(row, row.call(eve, "den"))(t, codes.NotFound, "")
			continue
		}
		for _, who := range []context.Context{eve, c.context()} {
			there, not := status.Convert(row.call(who, "den")), status.Convert(row.call(who, "nowhere"))
			if there.Code() != not.Code() || there.Message() != not.Message() || len(there.Details()) != len(not.Details()) {
				t.Errorf("%s: %v, but %v where there is no room", name, there, not)
			}
		}
		// An invitation lets in, and that is all it does.
		if name != "AddMember" && name != "RemoveInvitation" && name != "RequestMembership" {
			refused(row, row.call(invited, "den"))(t, codes.NotFound, "")
		}
	}
	if s := c.connect(eve).refused(joinRequest(history("den", 10))); s.Code() != codes.NotFound {
		t.Errorf("joined: %v", s)
	}
	for name, who := range map[string]context.Context{"a stranger": eve, "nobody": c.context()} {
		stream := must(c.chat.Subscribe(who, &chatv1.SubscribeRequest{Rooms: []*chatv1.Join{fromNow("den")}}))(t)
		_, err := stream.Recv()
		wantCode(t, err, codes.NotFound)
		if rooms := must(c.rooms.ListRooms(who, &chatv1.ListRoomsRequest{}))(t).GetRooms(); len(rooms) != 0 {
			t.Errorf("%s sees %v", name, rooms)
		}
	}
	stream := must(c.chat.Subscribe(ben, &chatv1.SubscribeRequest{Rooms: []*chatv1.Join{history("den", 10)}}))(t)
	if resp := must(stream.Recv())(t); len(resp.GetEvents()) == 0 {
		t.Errorf("a member subscribes: %v", resp)
	}
	if rooms := must(c.rooms.ListRooms(ben, &chatv1.ListRoomsRequest{}))(t).GetRooms(); len(rooms) != 1 {
		t.Errorf("a member sees %v", rooms)
	}
	if after := must(c.rooms.GetRoom(ana, &chatv1.GetRoomRequest{Room: "den"}))(t).GetRoom().GetHeadRev(); after != head {
		t.Errorf("the room went from rev %d to %d", head, after)
	}
}

// TestMinRevTellsNothing: whoever waits for a rev of a room that is not there for them waits as for one that does not exist,
// whatever rev it is and whatever happens in the room.
func TestMinRevTellsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := startCalls(t, config{})
		ana, ben, eve := c.person("ana"), c.person("ben"), c.person("eve")
		c.private("den", ana)
		direct := must(c.rooms.OpenDirectRoom(ana, &chatv1.OpenDirectRoomRequest{UserIds: []string{ben.id}}))(t).GetRoom().GetId()
		type outcome struct {
			what string
			err  error
			took time.Duration
		}
		outcomes := make(chan outcome)
		waits := 0
		for name, read := range c.readsAt() {
			for _, who := range []context.Context{eve, c.context()} {
				for _, room := range []string{"den", direct, "nowhere"} {
					for _, rev := range []uint64{1, 2, 100} {
						waits++
						go func() {
							start := time.Now()
							err := read(who, room, rev)
							outcomes <- outcome{fmt.Sprintf("%s of %s at %d", name, room, rev), err, time.Since(start)}
						}()
					}
				}
			}
		}
		synctest.Wait()
		c.post(ana, "den", "rev 2")
		c.post(ana, direct, "rev 2")
		for range waits {
			if o := <-outcomes; status.Code(o.err) != codes.Unavailable || o.took != 5*time.Second {
				t.Errorf("%s: %v after %v", o.what, o.err, o.took)
			}
		}
		for name, read := range c.readsAt() {
			start := time.Now()
			if err := read(ana, "den", 2); err != nil || time.Since(start) != 0 {
				t.Errorf("%s by a member: %v after %v", name, err, time.Since(start))
			}
		}

		// What everybody may know comes at once.
		must(c.rooms.CreateRoom(ana, &chatv1.CreateRoomRequest{Room: "lobby"}))(t)
		must(c.members.BanMember(ana, &chatv1.BanMemberRequest{Room: "lobby", UserId: eve.id}))(t)
		must(c.rooms.DeleteRoom(ana, &chatv1.DeleteRoomRequest{Room: "den"}))(t)
		for name, read := range c.readsAt() {
			start := time.Now()
			banned, deleted := read(eve, "lobby", 100), read(eve, "den", 100)
			if status.Code(banned) != codes.PermissionDenied || status.Code(deleted) != codes.NotFound || time.Since(start) != 0 {
				t.Errorf("%s: %v, %v after %v", name, banned, deleted, time.Since(start))
			}
		}
	})
}

// readsAt returns all calls that wait for a rev.
func (c *calls) readsAt() map[string]func(ctx context.Context, room string, rev uint64) error {
	return map[string]func(ctx context.Context, room string, rev uint64) error{
		"GetRoom": func(ctx context.Context, room string, rev uint64) error {
			return last(c.rooms.GetRoom(ctx, &chatv1.GetRoomRequest{Room: room, MinRev: rev}))
		},
		"ListMessages": func(ctx context.Context, room string, rev uint64) error {
			return last(c.messages.ListMessages(ctx, &chatv1.ListMessagesRequest{Room: room, MinRev: rev}))
		},
		"GetMessage": func(ctx context.Context, room string, rev uint64) error {
			return last(c.messages.GetMessage(ctx, &chatv1.GetMessageRequest{Room: room, Seq: 1, MinRev: rev}))
		},
		"ListMembers": func(ctx context.Context, room string, rev uint64) error {
			return last(c.members.ListMembers(ctx, &chatv1.ListMembersRequest{Room: room, MinRev: rev}))
		},
	}
}

// TestShutOut shows what those see who may not see a room any more, on every device, and that others notice nothing.
func TestShutOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		private bool
		do      func(c *calls, owner, who person) error
		code    codes.Code // of what they ask afterwards
	}{
		"removed from a private room": {true, func(c *calls, owner, who person) error {
			_, err := c.members.RemoveMember(owner, &chatv1.RemoveMemberRequest{Room: "den", UserId: who.id})
			return err
		}, codes.NotFound},
		"leaves a private room": {true, func(c *calls, _, who person) error {
			_, err := c.members.RemoveMember(who, &chatv1.RemoveMemberRequest{Room: "den"})
			return err
		}, codes.NotFound},
		"banned from a private room": {true, func(c *calls, owner, who person) error {
			_, err := c.members.BanMember(owner, &chatv1.BanMemberRequest{Room: "den", UserId: who.id})
			return err
		}, codes.NotFound},
		"banned from a public room": {false, func(c *calls, owner, who person) error {
			_, err := c.members.BanMember(owner, &chatv1.BanMemberRequest{Room: "den", UserId: who.id})
			return err
		}, codes.PermissionDenied},
		"a visitor of a room that becomes private": {false, func(c *calls, owner, _ person) error {
			_, err := c.rooms.UpdateRoom(owner, &chatv1.UpdateRoomRequest{Room: "den", Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE.Enum()})
			return err
		}, codes.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startCalls(t, config{})
			owner, who, member := l.person("owner"), l.person("who"), l.person("member")
			if c.private {
				l.private("den", owner, who, member)
			} else {
				must(l.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: "den"}))(t)
				must(l.members.AddMember(member, &chatv1.AddMemberRequest{Room: "den"}))(t)
			}
			devices := []*session{l.connect(who), l.connect(who)}
			for _, s := range devices {
				s.join(fromNow("den"))
				s.join(fromNow("elsewhere"))
			}
			subscriber := must(l.chat.Subscribe(who, &chatv1.SubscribeRequest{Rooms: []*chatv1.Join{fromNow("den")}}))(t)
			must(subscriber.Recv())(t)
			stays := l.connect(member)
			at := stays.join(fromNow("den")).GetRoom().GetHeadRev()

			l.post(owner, "den", "the last they see") // at + 1
			if err := c.do(l, owner, who); err != nil {
				t.Fatal(err)
			}
			l.post(owner, "den", "without them")
			contiguous(t, stays.upTo("den", at+3)[1:], at)

			for _, s := range devices {
				contiguous(t, s.upTo("den", at+2)[1:], at)
				s.event(isShutOut)
				l.post(owner, "elsewhere", "the session goes on")
				s.event(func(e *chatv1.Event) bool {
					if e.GetRoom() == "den" {
						t.Errorf("after the end came %v", e)
					}
					return e.GetPosted() != nil
				})
				if st := s.refused(joinRequest(resume("den", l.epochAs(owner, "den"), at))); st.Code() != c.code {
					t.Errorf("joined again: %v", st)
				}
			}
			for {
				resp := must(subscriber.Recv())(t)
				if slices.ContainsFunc(resp.GetEvents(), isShutOut) {
					break
				}
				for _, e := range resp.GetEvents() {
					if e.GetRev() > at+2 {
						t.Errorf("the subscriber got %v", e)
					}
				}
			}
			_, err := l.messages.ListMessages(who, &chatv1.ListMessagesRequest{Room: "den"})
			wantCode(t, err, c.code)
		})
	}
}

func isShutOut(e *chatv1.Event) bool { return e.GetShutOut() != nil }

// epochAs returns a room's epoch as somebody sees it.
func (c *calls) epochAs(who person, room string) string {
	c.tb.Helper()
	return must(c.rooms.GetRoom(who, &chatv1.GetRoomRequest{Room: room}))(c.tb).GetEpoch()
}

// TestNothingComesAfterTheRemoval removes a member, whose socket is slow, at random moments of a busy room: never do they
// receive a rev above their removal, nor a message in a form that it got after it.
func TestNothingComesAfterTheRemoval(t *testing.T) {
	t.Parallel()
	for range 20 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 0))
			c := startCalls(t, config{delivery: tiny, linger: time.Nanosecond})
			owner, who := c.person("owner"), c.person("who")
			c.private("den", owner, who)
			before := random.IntN(30)
			for i := range before {
				c.post(owner, "den", fmt.Sprint(strings.Repeat("x", random.IntN(8000)), i))
			}
			s := c.connect(who)
			join := joinRequest([]*chatv1.Join{fromNow("den"), history("den", 20), resume("den", c.epochAs(owner, "den"), 0)}[random.IntN(3)])
			join.RequestId = "join"
			s.send(join)
			const writes = 60
			written := make(chan struct{}, writes)
			go func() { // ends by itself; the test waits below
				defer close(written)
				random := rand.New(rand.NewPCG(seed, 1))
				for i := range writes {
					seq := uint64(1 + random.IntN(before+i+1))
					c.messages.PostMessage(owner, text("den", fmt.Sprint(strings.Repeat("y", 4000), i)))
					c.messages.EditMessage(owner, &chatv1.EditMessageRequest{Room: "den", Seq: seq, Text: fmt.Sprint("edit ", i)})
					written <- struct{}{}
				}
			}()
			for range random.IntN(40) { // in which nothing is received: what does not fit into the connection waits
				<-written
			}
			must(c.members.RemoveMember(owner, &chatv1.RemoveMemberRequest{Room: "den", UserId: who.id}))(t)
			for range written {
			}
			if s.reply("join").GetError() != nil { // it came too late
				return
			}
			checkEndsWithRemoval(t, s, who.id)
		})
	}
}

// checkEndsWithRemoval reads a session to the end of its room.
func checkEndsWithRemoval(t *testing.T, s *session, user string) {
	t.Helper()
	removed, highest := uint64(0), uint64(0)
	s.event(func(e *chatv1.Event) bool {
		if e.GetMemberRemoved().GetUser().GetId() == user {
			removed = e.GetRev()
		}
		highest = max(highest, e.GetRev(), e.GetPosted().GetRev(), e.GetEdited().GetRev())
		for _, m := range e.GetSnapshot().GetMessages() {
			highest = max(highest, m.GetRev())
		}
		return isShutOut(e)
	})
	if removed != 0 && highest > removed {
		t.Errorf("removed at rev %d, received rev %d", removed, highest)
	}
	s.send(&chatv1.ConnectRequest{})
	if events, err := s.end(); err != nil || slices.ContainsFunc(events, func(e *chatv1.Event) bool { return e.GetRoom() == "den" }) {
		t.Errorf("after the end came %v, %v", events, err)
	}
}

// TestRanks shows that moderators reach only those below them, and that roles are judged as they are.
func TestRanks(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	owner, second, mod, other, member := c.person("owner"), c.person("second"), c.person("mod"), c.person("other"), c.person("member")
	c.private("den", owner, second, mod, other, member)
	c.setRole("den", owner, second, chatv1.Role_ROLE_OWNER)
	c.setRole("den", owner, mod, chatv1.Role_ROLE_MODERATOR)
	c.setRole("den", second, other, chatv1.Role_ROLE_MODERATOR)
	for _, whom := range []person{owner, second, other, mod} {
		if whom != mod {
			refused(c.members.RemoveMember(mod, &chatv1.RemoveMemberRequest{Room: "den", UserId: whom.id}))(t, codes.PermissionDenied, "")
		}
		refused(c.members.BanMember(mod, &chatv1.BanMemberRequest{Room: "den", UserId: whom.id}))(t, codes.PermissionDenied, "")
		refused(c.members.MuteMember(mod, &chatv1.MuteMemberRequest{Room: "den", UserId: whom.id}))(t, codes.PermissionDenied, "")
	}
	refused(c.members.BanMember(owner, &chatv1.BanMemberRequest{Room: "den", UserId: second.id}))(t, codes.PermissionDenied, "")
	// One owner may take the other's role, and then reach them.
	c.setRole("den", owner, second, chatv1.Role_ROLE_MEMBER)
	must(c.members.BanMember(mod, &chatv1.BanMemberRequest{Room: "den", UserId: second.id, Reason: "a coup"}))(t)
	bans := must(c.members.ListBans(mod, &chatv1.ListBansRequest{Room: "den"}))(t).GetBans()
	if len(bans) != 1 || bans[0].GetUser().GetDisplayName() != "second" || bans[0].GetBannedBy().GetId() != mod.id ||
		bans[0].GetReason() != "a coup" || bans[0].GetCreateTime() == nil || bans[0].GetEndTime() != nil {
		t.Errorf("bans: %v", bans)
	}
	refused(c.members.InviteMember(mod, &chatv1.InviteMemberRequest{Room: "den", UserId: second.id}))(t, codes.FailedPrecondition, "")
	refused(c.members.UpdateMember(owner, &chatv1.UpdateMemberRequest{Room: "den", UserId: second.id, Role: 1}))(t, codes.FailedPrecondition, "")
	must(c.members.UnbanMember(mod, &chatv1.UnbanMemberRequest{Room: "den", UserId: second.id}))(t)
	if bans := must(c.members.ListBans(mod, &chatv1.ListBansRequest{Room: "den"}))(t).GetBans(); len(bans) != 0 {
		t.Errorf("bans: %v", bans)
	}
	refused(c.rooms.GetRoom(second, &chatv1.GetRoomRequest{Room: "den"}))(t, codes.NotFound, "")
	c.admit("den", mod, second)

	for path, err := range map[string]error{
		"role":    last(c.members.UpdateMember(owner, &chatv1.UpdateMemberRequest{Room: "den", UserId: mod.id})),
		"user_id": last(c.members.UpdateMember(owner, &chatv1.UpdateMemberRequest{Room: "den", Role: 1})),
		"reason":  last(c.members.BanMember(owner, &chatv1.BanMemberRequest{Room: "den", UserId: "x", Reason: strings.Repeat("x", 257)})),
	} {
		refused(0, err)(t, codes.InvalidArgument, path)
	}
	for _, d := range []*durationpb.Duration{{}, durationpb.New(-1), durationpb.New(time.Microsecond), durationpb.New(20 * 365 * 24 * time.Hour)} {
		refused(c.members.MuteMember(owner, &chatv1.MuteMemberRequest{Room: "den", UserId: "x", Duration: d}))(t, codes.InvalidArgument, "duration")
	}
}

// last returns the error of a call.
func last[T any](_ T, err error) error { return err }

func TestMute(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	owner, ben := c.person("owner"), c.person("ben")
	must(c.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: "lobby"}))(t)
	c.post(ben, "lobby", "loud") // a visitor
	watcher := c.guest("watcher")
	at := watcher.join(fromNow("lobby")).GetRoom().GetHeadRev()
	must(c.members.MuteMember(owner, &chatv1.MuteMemberRequest{Room: "lobby", UserId: ben.id, Duration: durationpb.New(time.Hour)}))(t)
	e := watcher.upTo("lobby", at+1)[1]
	if m := e.GetMemberChanged(); m.GetUser().GetId() != ben.id || !m.GetMuted() || m.GetMuteEnd() == nil || m.GetRole() != 0 ||
		e.GetActor().GetDisplayName() != "owner" {
		t.Errorf("the watcher saw %v", e)
	}
	_, err := c.messages.PostMessage(ben, text("lobby", "LOUD"))
	if wait := retryDelay(wantCode(t, err, codes.PermissionDenied)); wait <= 59*time.Minute || wait > time.Hour {
		t.Errorf("may post after %v", wait)
	}
	s := c.connect(ben)
	if m := s.join(fromNow("lobby")).GetMember(); !m.GetMuted() {
		t.Errorf("joined as %v", m)
	}
	if st := s.refused(typingRequest("lobby", true)); st.Code() != codes.PermissionDenied {
		t.Errorf("typing: %v", st)
	}
	// Becoming a member does not help; leaving and coming back does not, either.
	must(c.members.AddMember(ben, &chatv1.AddMemberRequest{Room: "lobby"}))(t)
	must(c.members.RemoveMember(ben, &chatv1.RemoveMemberRequest{Room: "lobby"}))(t)
	_, err = c.messages.PostMessage(ben, text("lobby", "LOUD"))
	wantCode(t, err, codes.PermissionDenied)
	must(c.members.MuteMember(owner, &chatv1.MuteMemberRequest{Room: "lobby", UserId: ben.id}))(t)
	_, err = c.messages.PostMessage(ben, text("lobby", "LOUD"))
	if wait := retryDelay(wantCode(t, err, codes.PermissionDenied)); wait != 0 {
		t.Errorf("muted for good, but may post after %v", wait)
	}
	must(c.members.UnmuteMember(owner, &chatv1.UnmuteMemberRequest{Room: "lobby", UserId: ben.id}))(t)
	c.post(ben, "lobby", "quiet")
	if got := must(c.members.ListMembers(owner, &chatv1.ListMembersRequest{Room: "lobby"}))(t).GetMembers(); len(got) != 1 {
		t.Errorf("members: %v", got)
	}
}

func TestInvitations(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	owner, ben, cleo := c.person("owner"), c.person("ben"), c.person("cleo")
	for i := range 5 {
		room := fmt.Sprint("den-", i)
		must(c.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: room, Title: "A den", Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE}))(t)
		must(c.members.InviteMember(owner, &chatv1.InviteMemberRequest{Room: room, UserId: ben.id, Role: chatv1.Role_ROLE_GUEST}))(t)
		must(c.members.InviteMember(owner, &chatv1.InviteMemberRequest{Room: room, UserId: ben.id}))(t) // stays a guest's
	}
	list := func(who person) (invitations []*chatv1.Invitation) {
		token := ""
		for {
			page := must(c.members.ListInvitations(who, &chatv1.ListInvitationsRequest{PageSize: 2, PageToken: token}))(t)
			invitations = append(invitations, page.GetInvitations()...)
			if token = page.GetNextPageToken(); token == "" {
				return invitations
			}
		}
	}
	got := list(ben)
	if len(got) != 5 {
		t.Fatalf("invitations: %v", got)
	}
	for i, in := range got {
		if in.GetRoom().GetId() != fmt.Sprint("den-", i) || in.GetRoom().GetTitle() != "A den" || in.GetRoom().GetHeadRev() != 0 ||
			in.GetInvitedBy().GetId() != owner.id || in.GetRole() != chatv1.Role_ROLE_GUEST || in.GetUserId() != ben.id {
			t.Errorf("invitation %d: %v", i, in)
		}
	}
	m := must(c.members.AddMember(ben, &chatv1.AddMemberRequest{Room: "den-0"}))(t).GetMember()
	if m.GetRole() != chatv1.Role_ROLE_GUEST {
		t.Errorf("came in as %v", m)
	}
	refused(c.members.InviteMember(ben, &chatv1.InviteMemberRequest{Room: "den-0", UserId: cleo.id}))(t, codes.PermissionDenied, "")
	must(c.members.RemoveInvitation(ben, &chatv1.RemoveInvitationRequest{Room: "den-1"}))(t)                    // declined
	must(c.members.RemoveInvitation(owner, &chatv1.RemoveInvitationRequest{Room: "den-2", UserId: ben.id}))(t)  // taken back
	must(c.members.BanMember(owner, &chatv1.BanMemberRequest{Room: "den-3", UserId: ben.id}))(t)                // which takes it, too
	must(c.rooms.UpdateRoom(owner, &chatv1.UpdateRoomRequest{Room: "den-4", Archived: proto.Bool(true)}))(t)    // which does not
	refused(c.members.AddMember(ben, &chatv1.AddMemberRequest{Room: "den-4"}))(t, codes.FailedPrecondition, "") // but it is closed
	for _, room := range []string{"den-1", "den-2", "den-3"} {
		refused(c.members.AddMember(ben, &chatv1.AddMemberRequest{Room: room}))(t, codes.NotFound, "")
	}
	if got := list(ben); len(got) != 1 || got[0].GetRoom().GetId() != "den-4" {
		t.Errorf("invitations: %v", got)
	}
	if got := list(cleo); len(got) != 0 {
		t.Errorf("invitations: %v", got)
	}
	refused(c.members.InviteMember(owner, &chatv1.InviteMemberRequest{Room: "den-0", UserId: "x", Role: chatv1.Role_ROLE_OWNER}))(t, codes.InvalidArgument, "role")
	refused(c.members.ListInvitations(ben, &chatv1.ListInvitationsRequest{PageToken: "forged"}))(t, codes.InvalidArgument, "page_token")
	refused(c.members.ListInvitations(c.context(), &chatv1.ListInvitationsRequest{}))(t, codes.Unauthenticated, "")
}

func TestPosting(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	owner, ben := c.person("owner"), c.person("ben")
	room := must(c.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Posting: chatv1.Role_ROLE_MODERATOR}))(t).GetRoom()
	if len(room.GetId()) < 20 || room.GetPosting() != chatv1.Role_ROLE_MODERATOR {
		t.Errorf("made %v", room)
	}
	id := room.GetId()
	c.post(owner, id, "news")
	must(c.members.AddMember(ben, &chatv1.AddMemberRequest{Room: id}))(t)
	c.unchanged(id, func() {
		refused(c.messages.PostMessage(ben, text(id, "x")))(t, codes.PermissionDenied, "")
		refused(c.messages.AddReaction(ben, &chatv1.AddReactionRequest{Room: id, Seq: 1, Emoji: "+"}))(t, codes.PermissionDenied, "")
		refused(c.chat.SendSignal(ben, &chatv1.SendSignalRequest{Signal: typingSignal(id, true)}))(t, codes.PermissionDenied, "")
	})
	must(c.rooms.UpdateRoom(owner, &chatv1.UpdateRoomRequest{Room: id, Posting: chatv1.Role_ROLE_UNSPECIFIED.Enum()}))(t)
	c.post(ben, id, "a discussion")
	refused(c.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: "x", Posting: 99}))(t, codes.InvalidArgument, "posting")
	refused(c.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: "x", Kind: 99}))(t, codes.InvalidArgument, "kind")
	refused(c.rooms.UpdateRoom(owner, &chatv1.UpdateRoomRequest{Room: id, Kind: new(chatv1.RoomKind)}))(t, codes.InvalidArgument, "kind")
}
