package chat_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
)

// calls are the clients of a service's unary calls.
type calls struct {
	*live
	chat     chatv1.ChatServiceClient
	rooms    chatv1.RoomServiceClient
	messages chatv1.MessageServiceClient
	members  chatv1.MemberServiceClient
}

func startCalls(tb testing.TB, c config) *calls { return callsOf(start(tb, c)) }

func callsOf(l *live) *calls {
	return &calls{
		live:     l,
		chat:     chatv1.NewChatServiceClient(l.conn),
		rooms:    chatv1.NewRoomServiceClient(l.conn),
		messages: chatv1.NewMessageServiceClient(l.conn),
		members:  chatv1.NewMemberServiceClient(l.conn),
	}
}

// must unpacks the answer of a call that has to succeed: must(call())(tb).
func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// refused checks the status of a call that must fail, and the field that it names; "" for none.
func refused[T any](_ T, err error) func(tb testing.TB, code codes.Code, path string) {
	return func(tb testing.TB, code codes.Code, path string) {
		tb.Helper()
		if s := status.Convert(err); s.Code() != code || field(s) != path {
			tb.Errorf("got %v naming %q, want %v naming %q", err, field(s), code, path)
		}
	}
}

func text(room, s string) *chatv1.PostMessageRequest {
	return &chatv1.PostMessageRequest{Room: room, Body: &chatv1.PostMessageRequest_Text{Text: s}}
}

func typed(room string, d *chatv1.Data) *chatv1.PostMessageRequest {
	return &chatv1.PostMessageRequest{Room: room, Body: &chatv1.PostMessageRequest_Data{Data: d}}
}

// post posts a text and returns the message.
func (c *calls) post(ctx context.Context, room, s string) *chatv1.Message {
	c.tb.Helper()
	return must(c.messages.PostMessage(ctx, text(room, s)))(c.tb).GetMessage()
}

// headRev returns a room's head.
func (c *calls) headRev(room string) uint64 {
	c.tb.Helper()
	return must(c.rooms.GetRoom(c.context(), &chatv1.GetRoomRequest{Room: room}))(c.tb).GetRoom().GetHeadRev()
}

// unchanged fails the test if do brings the room to another rev.
func (c *calls) unchanged(room string, do func()) {
	c.tb.Helper()
	before := c.headRev(room)
	do()
	if after := c.headRev(room); after != before {
		c.tb.Errorf("the room went from rev %d to %d", before, after)
	}
}

// roomCall is a unary call about a room, otherwise valid.
type roomCall struct {
	personal bool // whether it needs somebody
	call     func(ctx context.Context, room string) error
}

// every returns all unary calls that take a room.
func (c *calls) every() map[string]roomCall {
	return map[string]roomCall{
		"SendSignal": {true, func(ctx context.Context, room string) error {
			_, err := c.chat.SendSignal(ctx, &chatv1.SendSignalRequest{Signal: typingSignal(room, true)})
			return err
		}},
		"CreateRoom": {true, func(ctx context.Context, room string) error {
			_, err := c.rooms.CreateRoom(ctx, &chatv1.CreateRoomRequest{Room: room})
			return err
		}},
		"GetRoom": {false, func(ctx context.Context, room string) error {
			_, err := c.rooms.GetRoom(ctx, &chatv1.GetRoomRequest{Room: room})
			return err
		}},
		"UpdateRoom": {true, func(ctx context.Context, room string) error {
			_, err := c.rooms.UpdateRoom(ctx, &chatv1.UpdateRoomRequest{Room: room})
			return err
		}},
		"ListMessages": {false, func(ctx context.Context, room string) error {
			_, err := c.messages.ListMessages(ctx, &chatv1.ListMessagesRequest{Room: room})
			return err
		}},
		"GetMessage": {false, func(ctx context.Context, room string) error {
			_, err := c.messages.GetMessage(ctx, &chatv1.GetMessageRequest{Room: room, Seq: 1})
			return err
		}},
		"PostMessage": {true, func(ctx context.Context, room string) error {
			_, err := c.messages.PostMessage(ctx, text(room, "x"))
			return err
		}},
		"EditMessage": {true, func(ctx context.Context, room string) error {
			_, err := c.messages.EditMessage(ctx, &chatv1.EditMessageRequest{Room: room, Seq: 1, Text: "x"})
			return err
		}},
		"DeleteMessage": {true, func(ctx context.Context, room string) error {
			_, err := c.messages.DeleteMessage(ctx, &chatv1.DeleteMessageRequest{Room: room, Seq: 1})
			return err
		}},
		"AddReaction": {true, func(ctx context.Context, room string) error {
			_, err := c.messages.AddReaction(ctx, &chatv1.AddReactionRequest{Room: room, Seq: 1, Emoji: "x"})
			return err
		}},
		"RemoveReaction": {true, func(ctx context.Context, room string) error {
			_, err := c.messages.RemoveReaction(ctx, &chatv1.RemoveReactionRequest{Room: room, Seq: 1, Emoji: "x"})
			return err
		}},
		"AddMember": {true, func(ctx context.Context, room string) error {
			_, err := c.members.AddMember(ctx, &chatv1.AddMemberRequest{Room: room})
			return err
		}},
		"RemoveMember": {true, func(ctx context.Context, room string) error {
			_, err := c.members.RemoveMember(ctx, &chatv1.RemoveMemberRequest{Room: room})
			return err
		}},
		"UpdateMember": {true, func(ctx context.Context, room string) error {
			_, err := c.members.UpdateMember(ctx, &chatv1.UpdateMemberRequest{Room: room, UserId: "ben", Role: chatv1.Role_ROLE_GUEST})
			return err
		}},
		"MuteMember": {true, func(ctx context.Context, room string) error {
			_, err := c.members.MuteMember(ctx, &chatv1.MuteMemberRequest{Room: room, UserId: "ben"})
			return err
		}},
		"UnmuteMember": {true, func(ctx context.Context, room string) error {
			_, err := c.members.UnmuteMember(ctx, &chatv1.UnmuteMemberRequest{Room: room, UserId: "ben"})
			return err
		}},
		"BanMember": {true, func(ctx context.Context, room string) error {
			_, err := c.members.BanMember(ctx, &chatv1.BanMemberRequest{Room: room, UserId: "ben"})
			return err
		}},
		"UnbanMember": {true, func(ctx context.Context, room string) error {
			_, err := c.members.UnbanMember(ctx, &chatv1.UnbanMemberRequest{Room: room, UserId: "ben"})
			return err
		}},
		"ListBans": {true, func(ctx context.Context, room string) error {
			_, err := c.members.ListBans(ctx, &chatv1.ListBansRequest{Room: room})
			return err
		}},
		"DeleteRoom": {true, func(ctx context.Context, room string) error {
			_, err := c.rooms.DeleteRoom(ctx, &chatv1.DeleteRoomRequest{Room: room})
			return err
		}},
		"ListAuditEntries": {true, func(ctx context.Context, room string) error {
			_, err := c.rooms.ListAuditEntries(ctx, &chatv1.ListAuditEntriesRequest{Room: room})
			return err
		}},
		"CreateLink": {true, func(ctx context.Context, room string) error {
			_, err := c.members.CreateLink(ctx, &chatv1.CreateLinkRequest{Room: room})
			return err
		}},
		"RemoveLink": {true, func(ctx context.Context, room string) error {
			_, err := c.members.RemoveLink(ctx, &chatv1.RemoveLinkRequest{Room: room, LinkId: "x"})
			return err
		}},
		"ListLinks": {true, func(ctx context.Context, room string) error {
			_, err := c.members.ListLinks(ctx, &chatv1.ListLinksRequest{Room: room})
			return err
		}},
		"RequestMembership": {true, func(ctx context.Context, room string) error {
			_, err := c.members.RequestMembership(ctx, &chatv1.RequestMembershipRequest{Room: room})
			return err
		}},
		"ListMembershipRequests": {true, func(ctx context.Context, room string) error {
			_, err := c.members.ListMembershipRequests(ctx, &chatv1.ListMembershipRequestsRequest{Room: room})
			return err
		}},
		"AnswerMembershipRequest": {true, func(ctx context.Context, room string) error {
			_, err := c.members.AnswerMembershipRequest(ctx, &chatv1.AnswerMembershipRequestRequest{Room: room, UserId: "ben"})
			return err
		}},
		"InviteMember": {true, func(ctx context.Context, room string) error {
			_, err := c.members.InviteMember(ctx, &chatv1.InviteMemberRequest{Room: room, UserId: "ben"})
			return err
		}},
		"RemoveInvitation": {true, func(ctx context.Context, room string) error {
			_, err := c.members.RemoveInvitation(ctx, &chatv1.RemoveInvitationRequest{Room: room})
			return err
		}},
		"ListMembers": {false, func(ctx context.Context, room string) error {
			_, err := c.members.ListMembers(ctx, &chatv1.ListMembersRequest{Room: room})
			return err
		}},
		"MarkRead": {true, func(ctx context.Context, room string) error {
			_, err := c.members.MarkRead(ctx, &chatv1.MarkReadRequest{Room: room})
			return err
		}},
		"GetReadMarker": {true, func(ctx context.Context, room string) error {
			_, err := c.members.GetReadMarker(ctx, &chatv1.GetReadMarkerRequest{Room: room})
			return err
		}},
	}
}

// TestEveryCallIsWalked keeps every complete.
func TestEveryCallIsWalked(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	walked := c.every()
	for _, service := range []grpc.ServiceDesc{
		chatv1.ChatService_ServiceDesc, chatv1.RoomService_ServiceDesc,
		chatv1.MessageService_ServiceDesc, chatv1.MemberService_ServiceDesc,
	} {
		for _, m := range service.Methods {
			takesRoom := !slices.Contains([]string{
				"ListRooms", "CreateGuest", "ListInvitations", "OpenDirectRoom", "BlockUser", "UnblockUser", "ListBlockedUsers",
			}, m.MethodName)
			if _, ok := walked[m.MethodName]; ok != takesRoom {
				t.Errorf("%s: walked %v", m.MethodName, ok)
			}
		}
	}
}

func TestCallsCheckTheRoomID(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ctx, _ := c.as("ana")
	for name, row := range c.every() {
		path := "room"
		if name == "SendSignal" {
			path = "signal.room"
		}
		for _, room := range []string{"", strings.Repeat("a", 65), strings.Repeat("a", 100<<10), "Lobby", "a b", "-a", "a\x00", "ä"} {
			if room != "" || name != "CreateRoom" { // which then chooses one
				refused(row, row.call(ctx, room))(t, codes.InvalidArgument, path)
			}
		}
	}
	if got := must(c.rooms.ListRooms(ctx, &chatv1.ListRoomsRequest{}))(t).GetRooms(); len(got) != 0 {
		t.Errorf("rooms were made: %v", got)
	}
}

func TestCallsOnARoomThatDoesNotExist(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ctx, _ := c.as("ana")
	for name, row := range c.every() {
		if name == "RequestMembership" { // which tells nothing
			if err := row.call(ctx, "nowhere"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if name != "CreateRoom" && name != "PostMessage" { // which make it
			refused(row, row.call(ctx, "nowhere"))(t, codes.NotFound, "")
		}
	}
}

func TestPersonalCallsNeedSomebody(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, _ := c.as("ana")
	c.post(ana, "lobby", "hello")
	for name, row := range c.every() {
		if !row.personal {
			if err := row.call(c.context(), "lobby"); err != nil {
				t.Errorf("%s without a token: %v", name, err)
			}
			continue
		}
		// The caller comes before everything else.
		for _, room := range []string{"lobby", "nowhere", "Not An Id"} {
			refused(row, row.call(c.context(), room))(t, codes.Unauthenticated, "")
		}
	}
	if got := c.headRev("lobby"); got != 1 {
		t.Errorf("nobody brought the room to rev %d", got)
	}
}

func TestAnInvalidTokenIsRefusedEverywhere(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, _ := c.as("ana")
	c.post(ana, "lobby", "hello")
	_, foreign, err := auth.NewGuests(auth.Key{9}, time.Now).Issue("ana")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range c.every() {
		for _, token := range []string{"x", foreign} {
			ctx := metadata.AppendToOutgoingContext(c.context(), "authorization", "Bearer "+token)
			refused(row, row.call(ctx, "lobby"))(t, codes.Unauthenticated, "")
		}
	}
}
