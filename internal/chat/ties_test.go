package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	adminv1 "github.com/rialto-rpc/rialto/gen/go/rialto/admin/v1"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

func TestLinks(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	owner, ben := c.person("owner"), c.person("ben")
	c.private("den", owner)
	made := must(c.members.CreateLink(owner, &chatv1.CreateLinkRequest{
		Room: "den", Role: chatv1.Role_ROLE_GUEST, MaxUses: 2, Duration: durationpb.New(time.Hour),
	}))(t)
	if l := made.GetLink(); l.GetRoom() != "den" || l.GetCreator().GetId() != owner.id || l.GetMaxUses() != 2 || l.GetUses() != 0 ||
		l.GetEndTime() == nil || len(made.GetToken()) < 20 || strings.Contains(l.GetId(), made.GetToken()) {
		t.Errorf("made %v", made)
	}
	m := must(c.members.AddMember(ben, &chatv1.AddMemberRequest{Link: made.GetToken()}))(t).GetMember()
	if m.GetRoom() != "den" || m.GetRole() != chatv1.Role_ROLE_GUEST {
		t.Errorf("came in as %v", m)
	}
	must(c.members.AddMember(ben, &chatv1.AddMemberRequest{Link: made.GetToken()}))(t) // is one; uses nothing
	must(c.members.AddMember(c.person("cleo"), &chatv1.AddMemberRequest{Room: "den", Link: made.GetToken()}))(t)
	refused(c.members.AddMember(c.person("dan"), &chatv1.AddMemberRequest{Link: made.GetToken()}))(t, codes.NotFound, "")

	forGood := must(c.members.CreateLink(owner, &chatv1.CreateLinkRequest{Room: "den"}))(t)
	links := must(c.members.ListLinks(owner, &chatv1.ListLinksRequest{Room: "den"}))(t).GetLinks()
	if len(links) != 2 || links[0].GetUses()+links[1].GetUses() != 2 {
		t.Errorf("links: %v", links)
	}
	must(c.members.BanMember(owner, &chatv1.BanMemberRequest{Room: "den", UserId: ben.id}))(t)
	refused(c.members.AddMember(ben, &chatv1.AddMemberRequest{Link: forGood.GetToken()}))(t, codes.PermissionDenied, "")
	elsewhere := c.person("elsewhere")
	c.private("other", elsewhere)
	refused(c.members.AddMember(c.person("eve"), &chatv1.AddMemberRequest{Room: "other", Link: forGood.GetToken()}))(t, codes.NotFound, "")
	must(c.members.RemoveLink(owner, &chatv1.RemoveLinkRequest{Room: "den", LinkId: forGood.GetLink().GetId()}))(t)
	for _, token := range []string{forGood.GetToken(), "forged", forGood.GetLink().GetId()} {
		refused(c.members.AddMember(c.person("eve"), &chatv1.AddMemberRequest{Link: token}))(t, codes.NotFound, "")
	}
	refused(c.members.AddMember(ben, &chatv1.AddMemberRequest{Link: strings.Repeat("x", 129)}))(t, codes.InvalidArgument, "link")
	refused(c.members.CreateLink(owner, &chatv1.CreateLinkRequest{Room: "den", Role: chatv1.Role_ROLE_OWNER}))(t, codes.InvalidArgument, "role")
	for range 19 {
		must(c.members.CreateLink(owner, &chatv1.CreateLinkRequest{Room: "den"}))(t)
	}
	_, err := c.members.CreateLink(owner, &chatv1.CreateLinkRequest{Room: "den"})
	if s := wantCode(t, err, codes.ResourceExhausted); !strings.Contains(fmt.Sprint(s.Details()), "links") {
		t.Errorf("the 21st link: %v", s.Details())
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	owner, ben, cleo := c.person("owner"), c.person("ben"), c.person("cleo")
	c.private("den", owner)
	ask := func(who person, room string) {
		t.Helper()
		must(c.members.RequestMembership(who, &chatv1.RequestMembershipRequest{Room: room, Note: "please"}))(t)
	}
	list := func() []*chatv1.MembershipRequest {
		return must(c.members.ListMembershipRequests(owner, &chatv1.ListMembershipRequestsRequest{Room: "den"}))(t).GetRequests()
	}
	ask(ben, "den") // which takes none, and nobody can tell
	ask(ben, "nowhere")
	if got := list(); len(got) != 0 {
		t.Errorf("requests: %v", got)
	}
	must(c.rooms.UpdateRoom(owner, &chatv1.UpdateRoomRequest{Room: "den", JoinRequests: proto.Bool(true)}))(t)
	ask(ben, "den")
	ask(ben, "den")
	ask(cleo, "den")
	got := list()
	if len(got) != 2 || !slices.ContainsFunc(got, func(r *chatv1.MembershipRequest) bool {
		return r.GetUser().GetId() == ben.id && r.GetUser().GetDisplayName() == "ben" && r.GetNote() == "please" && r.GetCreateTime() != nil
	}) {
		t.Errorf("requests: %v", got)
	}
	must(c.members.AnswerMembershipRequest(owner, &chatv1.AnswerMembershipRequestRequest{Room: "den", UserId: ben.id, Accept: true}))(t)
	must(c.members.AnswerMembershipRequest(owner, &chatv1.AnswerMembershipRequestRequest{Room: "den", UserId: cleo.id}))(t)
	if got := list(); len(got) != 0 {
		t.Errorf("requests: %v", got)
	}
	c.post(ben, "den", "thank you")
	refused(c.messages.PostMessage(cleo, text("den", "please")))(t, codes.NotFound, "")
	c.post(owner, "lobby", "hello")
	ask(ben, "lobby") // is public: they are in
	if m := must(c.members.ListMembers(owner, &chatv1.ListMembersRequest{Room: "lobby"}))(t).GetMembers(); len(m) != 2 {
		t.Errorf("members: %v", m)
	}
	refused(c.members.RequestMembership(ben, &chatv1.RequestMembershipRequest{Room: "den", Note: "\n"}))(t, codes.InvalidArgument, "note")
}

func TestDirectRooms(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, ben, eve := c.person("ana"), c.person("ben"), c.person("eve")
	open := func(who person, others ...string) *chatv1.Room {
		t.Helper()
		return must(c.rooms.OpenDirectRoom(who, &chatv1.OpenDirectRoomRequest{UserIds: others}))(t).GetRoom()
	}
	room := open(ana, ben.id)
	people := slices.Sorted(slices.Values([]string{ana.id, ben.id}))
	if !slices.Equal(room.GetPeople(), people) || room.GetKind() != chatv1.RoomKind_ROOM_KIND_DIRECT || room.GetMemberCount() != 2 {
		t.Errorf("opened %v", room)
	}
	id := room.GetId()
	c.post(ben, id, "hi")
	must(c.messages.AddReaction(ana, &chatv1.AddReactionRequest{Room: id, Seq: 1, Emoji: "👍"}))(t)
	if again := open(ben, ana.id, ben.id); again.GetId() != id || again.GetHeadSeq() != 1 {
		t.Errorf("opened again: %v", again)
	}
	c.post(ana, id, "hello")
	three := open(eve, ana.id, ben.id)
	if other := open(ana, ben.id, eve.id); three.GetId() == id || other.GetId() != three.GetId() {
		t.Errorf("of three: %v, %v", three, other)
	}
	refused(c.rooms.GetRoom(eve, &chatv1.GetRoomRequest{Room: id}))(t, codes.NotFound, "")

	// Whether there is a direct room of others cannot be found out.
	not := "direct." + strings.Repeat("a", 32)
	for _, room := range []string{id, not} {
		if s := c.connect(eve).refused(joinRequest(fromNow(room))); s.Code() != codes.NotFound {
			t.Errorf("joined %s: %v", room, s)
		}
		refused(c.messages.PostMessage(eve, text(room, "x")))(t, codes.NotFound, "")
		answer := text(room, "x")
		answer.ReplyTo = 1
		if s := status.Convert(second(c.messages.PostMessage(eve, answer))); s.Code() != codes.NotFound || s.Message() != "no such room" {
			t.Errorf("an answer in %s: %v", room, s)
		}
		refused(c.rooms.CreateRoom(eve, &chatv1.CreateRoomRequest{Room: room}))(t, codes.InvalidArgument, "room")
	}

	must(c.members.BlockUser(ben, &chatv1.BlockUserRequest{UserId: ana.id}))(t)
	refused(c.messages.PostMessage(ana, text(id, "x")))(t, codes.PermissionDenied, "")
	refused(c.chat.SendSignal(ana, &chatv1.SendSignalRequest{Signal: typingSignal(id, true)}))(t, codes.PermissionDenied, "")
	typing := c.connect(ana)
	typing.join(fromNow(id))
	if s := typing.refused(typingRequest(id, true)); s.Code() != codes.PermissionDenied {
		t.Errorf("typing: %v", s)
	}
	refused(c.messages.EditMessage(ana, &chatv1.EditMessageRequest{Room: id, Seq: 2, Text: "listen"}))(t, codes.PermissionDenied, "")
	refused(c.messages.AddReaction(ana, &chatv1.AddReactionRequest{Room: id, Seq: 1, Emoji: "😡"}))(t, codes.PermissionDenied, "")
	must(c.messages.RemoveReaction(ana, &chatv1.RemoveReactionRequest{Room: id, Seq: 1, Emoji: "👍"}))(t)
	must(c.messages.DeleteMessage(ana, &chatv1.DeleteMessageRequest{Room: id, Seq: 2}))(t)
	must(c.chat.SendSignal(ben, &chatv1.SendSignalRequest{Signal: typingSignal(id, true)}))(t)
	c.post(ben, id, "this is how it is")
	c.post(ana, three.GetId(), "with others it goes on")
	must(c.members.BlockUser(eve, &chatv1.BlockUserRequest{UserId: ana.id}))(t)
	refused(c.rooms.OpenDirectRoom(ana, &chatv1.OpenDirectRoomRequest{UserIds: []string{eve.id}}))(t, codes.PermissionDenied, "")
	c.private("den", ana)
	must(c.members.InviteMember(ana, &chatv1.InviteMemberRequest{Room: "den", UserId: ben.id}))(t)
	if got := must(c.members.ListInvitations(ben, &chatv1.ListInvitationsRequest{}))(t).GetInvitations(); len(got) != 0 {
		t.Errorf("invited by one whom they have blocked: %v", got)
	}
	if got := must(c.members.ListBlockedUsers(ben, &chatv1.ListBlockedUsersRequest{}))(t).GetUserIds(); !slices.Equal(got, []string{ana.id}) {
		t.Errorf("blocked: %v", got)
	}
	must(c.members.UnblockUser(ben, &chatv1.UnblockUserRequest{UserId: ana.id}))(t)
	c.post(ana, id, "again")

	for _, others := range [][]string{nil, {ana.id}, {""}, {"a b"}, {"1", "2", "3", "4", "5", "6", "7", "8"}, make([]string, 100)} {
		refused(c.rooms.OpenDirectRoom(ana, &chatv1.OpenDirectRoomRequest{UserIds: others}))(t, codes.InvalidArgument, "user_ids")
	}
	for _, whom := range []string{"", ana.id, "a\n"} {
		refused(c.members.BlockUser(ana, &chatv1.BlockUserRequest{UserId: whom}))(t, codes.InvalidArgument, "user_id")
	}
	refused(c.rooms.OpenDirectRoom(c.context(), &chatv1.OpenDirectRoomRequest{UserIds: []string{"x"}}))(t, codes.Unauthenticated, "")
	refused(c.members.ListBlockedUsers(c.context(), &chatv1.ListBlockedUsersRequest{}))(t, codes.Unauthenticated, "")
}

// After an operator has deleted a direct room its people have another, in which nothing of the first is.
func TestDirectRoomAfterItsDeletion(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	admin, ana, ben := c.admin(), c.person("ana"), c.person("ben")
	open := func(who person, other person) *chatv1.Room {
		t.Helper()
		return must(c.rooms.OpenDirectRoom(who, &chatv1.OpenDirectRoomRequest{UserIds: []string{other.id}}))(t).GetRoom()
	}
	was := map[string]bool{}
	for round := range 3 {
		room := open(ana, ben)
		if was[room.GetId()] || room.GetHeadSeq() != 0 || room.GetMemberCount() != 2 {
			t.Fatalf("opened for time %d: %v", round, room)
		}
		was[room.GetId()] = true
		posted := must(c.messages.PostMessage(ana, &chatv1.PostMessageRequest{
			Room: room.GetId(), ClientId: "1", Body: &chatv1.PostMessageRequest_Text{Text: "psst"},
		}))(t)
		if posted.GetDuplicate() || posted.GetMessage().GetSeq() != 1 {
			t.Errorf("posted for time %d: %v", round, posted)
		}
		if again := open(ben, ana); again.GetId() != room.GetId() || again.GetHeadSeq() != 1 {
			t.Errorf("opened by the other: %v", again)
		}
		must(admin.DeleteRoom(t.Context(), &adminv1.DeleteRoomRequest{Room: room.GetId()}))(t)
		refused(c.messages.ListMessages(ben, &chatv1.ListMessagesRequest{Room: room.GetId()}))(t, codes.NotFound, "")
	}
}

func TestAudit(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	owner, mod, ben := c.person("owner"), c.person("mod"), c.person("ben")
	c.private("den", owner, mod, ben)
	c.setRole("den", owner, mod, chatv1.Role_ROLE_MODERATOR)
	c.post(ben, "den", "spam")
	must(c.messages.DeleteMessage(mod, &chatv1.DeleteMessageRequest{Room: "den", Seq: 1}))(t)
	c.post(ben, "den", "more spam")
	must(c.messages.DeleteMessage(ben, &chatv1.DeleteMessageRequest{Room: "den", Seq: 2}))(t) // no moderation
	must(c.members.MuteMember(mod, &chatv1.MuteMemberRequest{Room: "den", UserId: ben.id, Duration: durationpb.New(time.Hour)}))(t)
	must(c.members.BanMember(mod, &chatv1.BanMemberRequest{Room: "den", UserId: ben.id, Reason: "spam"}))(t)
	must(c.members.UnbanMember(owner, &chatv1.UnbanMemberRequest{Room: "den", UserId: ben.id}))(t)
	must(c.members.UnmuteMember(owner, &chatv1.UnmuteMemberRequest{Room: "den", UserId: ben.id}))(t)
	must(c.rooms.UpdateRoom(mod, &chatv1.UpdateRoomRequest{Room: "den", Title: proto.String("The den")}))(t)
	must(c.members.RemoveMember(owner, &chatv1.RemoveMemberRequest{Room: "den", UserId: mod.id}))(t)

	want := []string{
		"MEMBER_REMOVED owner mod", "ROOM_CHANGED mod ", "UNMUTED owner ben", "UNBANNED owner ben", "BANNED mod ben spam",
		"MUTED mod ben until", "MESSAGE_DELETED mod ben 1", "ROLE_CHANGED owner mod ROLE_MODERATOR",
	}
	names := map[string]string{owner.id: "owner", mod.id: "mod", ben.id: "ben"}
	var got []string
	for token := ""; ; {
		page := must(c.rooms.ListAuditEntries(owner, &chatv1.ListAuditEntriesRequest{Room: "den", PageSize: 3, PageToken: token}))(t)
		for _, e := range page.GetEntries() {
			line := strings.TrimPrefix(e.GetAction().String(), "AUDIT_ACTION_") + " " + names[e.GetActor().GetId()] + " " + names[e.GetUserId()]
			if e.GetText() != "" {
				line += " " + e.GetText()
			}
			if e.GetEndTime() != nil {
				line += " until"
			}
			if e.GetSeq() != 0 {
				line += fmt.Sprint(" ", e.GetSeq())
			}
			if e.GetRole() != 0 {
				line += " " + e.GetRole().String()
			}
			if e.GetTime() == nil || e.GetRoom() != "den" {
				t.Errorf("entry %v", e)
			}
			got = append(got, line)
		}
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	refused(c.rooms.ListAuditEntries(owner, &chatv1.ListAuditEntriesRequest{Room: "den", PageToken: "forged"}))(t, codes.InvalidArgument, "page_token")
}

// TestBlockedAtMost lets somebody block all they may, at once, and then what changes nothing.
func TestBlockedAtMost(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana := c.person("ana")
	block := func(n int) error {
		_, err := c.members.BlockUser(ana, &chatv1.BlockUserRequest{UserId: fmt.Sprintf("user-%04d", n)})
		return err
	}
	const most, tries = 1000, 1010
	var blocks sync.WaitGroup
	var refusals atomic.Int64
	for n := range tries {
		blocks.Go(func() {
			switch err := block(n); status.Code(err) {
			case codes.OK:
			case codes.ResourceExhausted:
				refusals.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	blocks.Wait()
	list := func() []string {
		return must(c.members.ListBlockedUsers(ana, &chatv1.ListBlockedUsersRequest{}))(t).GetUserIds()
	}
	blocked := list()
	if len(blocked) != most || refusals.Load() != tries-most {
		t.Fatalf("%d are blocked, %d were refused", len(blocked), refusals.Load())
	}
	must(c.members.BlockUser(ana, &chatv1.BlockUserRequest{UserId: blocked[0]}))(t) // is already
	refused(c.members.BlockUser(ana, &chatv1.BlockUserRequest{UserId: "one more"}))(t, codes.InvalidArgument, "user_id")
	_, err := c.members.BlockUser(ana, &chatv1.BlockUserRequest{UserId: "one-more"})
	if s := wantCode(t, err, codes.ResourceExhausted); !strings.Contains(fmt.Sprint(s.Details()), "1,000 blocked") {
		t.Errorf("one more: %v", s.Details())
	}
	must(c.members.UnblockUser(ana, &chatv1.UnblockUserRequest{UserId: blocked[0]}))(t)
	must(c.members.BlockUser(ana, &chatv1.BlockUserRequest{UserId: "one-more"}))(t)
	if len(list()) != most {
		t.Errorf("%d are blocked", len(list()))
	}
}
