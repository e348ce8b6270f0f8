package chat_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/durationpb"

	adminv1 "github.com/rialto-rpc/rialto/gen/go/rialto/admin/v1"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat"
)

// admin returns the operator's client of a service.
func (l *live) admin() adminv1.AdminServiceClient {
	l.tb.Helper()
	server, listener := grpc.NewServer(), bufconn.Listen(64<<10)
	l.service.RegisterAdmin(server, chat.Host{
		Version: "test", Started: time.Now(), FreeBytes: func() (uint64, bool) { return 7, true },
		BackUp: func(to string) (uint64, error) {
			if to == "/full" {
				return 0, errors.New("no space")
			}
			return 42, nil
		},
	})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///admin", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		l.tb.Fatal(err)
	}
	l.tb.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
		<-served
	})
	return adminv1.NewAdminServiceClient(conn)
}

// ending returns what a session ends with.
func (s *session) ending() *status.Status {
	for {
		if err := s.receive(); err != nil {
			return status.Convert(err)
		}
	}
}

// isBan checks that a status is what those get who are banned from the server.
func isBan(t *testing.T, s *status.Status) {
	t.Helper()
	details := s.Details()
	if s.Code() != codes.PermissionDenied || len(details) != 1 {
		t.Fatalf("%v with %v, want PERMISSION_DENIED with an ErrorInfo", s, details)
	}
	if info, ok := details[0].(*errdetails.ErrorInfo); !ok || info.GetReason() != "BANNED_FROM_SERVER" {
		t.Fatalf("details %v", details)
	}
}

// TestBanFromServer bans somebody who is connected over each wire, and lets them in again.
func TestBanFromServer(t *testing.T) {
	t.Parallel()
	native := start(t, config{})
	admin := native.admin()
	for name, l := range map[string]*live{"grpc": native, "bridge": native.bridged()} {
		c := callsOf(l)
		bob, who := l.as("bob")
		s := l.connect(bob)
		s.join(fromNow("lobby"))
		other := l.guest("ana")
		other.join(fromNow("lobby"))
		ban := must(admin.BanUser(t.Context(), &adminv1.BanUserRequest{UserId: who.ID, Reason: "spam"}))(t).GetBan()
		if ban.GetUserId() != who.ID || ban.GetReason() != "spam" || ban.GetEndTime() != nil {
			t.Errorf("%s: ban %v", name, ban)
		}
		isBan(t, s.ending())
		_, err := c.messages.PostMessage(bob, text("lobby", "hello"))
		isBan(t, status.Convert(err))
		isBan(t, l.connect(bob).ending())
		// The token may also come in hello, when the call is nobody's yet.
		late := l.connect(l.context())
		token := must(tokenOf(bob))(t)
		late.send(helloRequest(&chatv1.Hello{Token: token}))
		isBan(t, late.ending())
		other.publish("lobby", "still here")

		must(admin.UnbanUser(t.Context(), &adminv1.UnbanUserRequest{UserId: who.ID}))(t)
		c.post(bob, "lobby", "back")
	}
}

// TestBanAddress shuts out everybody from an address over a wire that has addresses.
func TestBanAddress(t *testing.T) {
	t.Parallel()
	native := start(t, config{})
	admin, l := native.admin(), native.bridged()
	c := callsOf(l)
	bob, _ := l.as("bob")
	s := l.connect(bob)
	s.join(fromNow("lobby"))
	elsewhere := native.guest("ana")
	elsewhere.join(fromNow("lobby"))
	ban := must(admin.BanAddress(t.Context(), &adminv1.BanAddressRequest{
		Prefix: "127.0.0.99/8", Duration: durationpb.New(time.Hour),
	}))(t).GetBan()
	if ban.GetPrefix() != "127.0.0.0/8" || ban.GetEndTime() == nil {
		t.Errorf("ban %v", ban)
	}
	isBan(t, s.ending())
	_, err := c.chat.CreateGuest(t.Context(), &chatv1.CreateGuestRequest{DisplayName: "somebody else"})
	isBan(t, status.Convert(err))
	isBan(t, l.connect(l.context()).ending())
	elsewhere.publish("lobby", "still here")
	must(admin.UnbanAddress(t.Context(), &adminv1.UnbanAddressRequest{Prefix: "127.0.0.0/8"}))(t)
	c.post(bob, "lobby", "back")
}

// TestBansLast restarts the server: who was banned still is, and a ban with an end passes.
func TestBansLast(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	var id string
	t.Run("before", func(t *testing.T) {
		l := start(t, config{fs: fs})
		_, bob := l.as("bob")
		id = bob.ID
		must(l.admin().BanUser(t.Context(), &adminv1.BanUserRequest{UserId: id}))(t)
		must(l.admin().BanAddress(t.Context(), &adminv1.BanAddressRequest{Prefix: "2001:db8::1"}))(t)
		must(l.admin().BanUser(t.Context(), &adminv1.BanUserRequest{
			UserId: "eve", Duration: durationpb.New(time.Millisecond),
		}))(t)
	})
	admin := start(t, config{fs: fs}).admin()
	page := must(admin.ListBans(t.Context(), &adminv1.ListBansRequest{PageSize: 2}))(t)
	rest := must(admin.ListBans(t.Context(), &adminv1.ListBansRequest{PageSize: 2, PageToken: page.GetNextPageToken()}))(t)
	bans := append(page.GetBans(), rest.GetBans()...)
	if len(bans) != 2 || bans[0].GetUserId() != id || bans[1].GetPrefix() != "2001:db8::/64" || rest.GetNextPageToken() != "" {
		t.Errorf("bans %v", bans)
	}
	if ban := must(admin.GetUser(t.Context(), &adminv1.GetUserRequest{UserId: id}))(t).GetBan(); ban.GetUserId() != id {
		t.Errorf("ban of the user: %v", ban)
	}
	acts := must(admin.ListActs(t.Context(), &adminv1.ListActsRequest{PageSize: 2}))(t)
	older := must(admin.ListActs(t.Context(), &adminv1.ListActsRequest{PageToken: acts.GetNextPageToken()}))(t)
	if len(acts.GetActs()) != 2 || acts.GetActs()[0].GetUserId() != "eve" || len(older.GetActs()) != 1 ||
		older.GetActs()[0].GetAction() != adminv1.Action_ACTION_USER_BANNED {
		t.Errorf("acts %v, then %v", acts, older)
	}
}

// TestOperatorInRooms has the operator see and set right what nobody else can.
func TestOperatorInRooms(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	admin := c.admin()
	ana, _ := c.as("ana")
	bob, who := c.as("bob")
	must(c.rooms.CreateRoom(ana, &chatv1.CreateRoomRequest{Room: "den", Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE}))(t)
	must(c.members.RemoveMember(ana, &chatv1.RemoveMemberRequest{Room: "den"}))(t)
	must(c.rooms.OpenDirectRoom(ana, &chatv1.OpenDirectRoomRequest{UserIds: []string{who.ID}}))(t)

	rooms := must(admin.ListRooms(t.Context(), &adminv1.ListRoomsRequest{PageSize: 1}))(t)
	more := must(admin.ListRooms(t.Context(), &adminv1.ListRoomsRequest{PageToken: rooms.GetNextPageToken()}))(t)
	if len(rooms.GetRooms()) != 1 || rooms.GetRooms()[0].GetId() != "den" || len(more.GetRooms()) != 1 {
		t.Errorf("rooms %v, then %v", rooms, more)
	}
	member := must(admin.SetRole(t.Context(), &adminv1.SetRoleRequest{
		Room: "den", UserId: who.ID, Role: chatv1.Role_ROLE_OWNER,
	}))(t).GetMember()
	if member.GetRole() != chatv1.Role_ROLE_OWNER {
		t.Errorf("member %v", member)
	}
	c.post(bob, "den", "I own this now")
	room := must(admin.GetRoom(t.Context(), &adminv1.GetRoomRequest{Room: "den"}))(t)
	if len(room.GetModerators()) != 1 || room.GetModerators()[0].GetUser().GetId() != who.ID {
		t.Errorf("room %v", room)
	}
	audit := must(c.rooms.ListAuditEntries(bob, &chatv1.ListAuditEntriesRequest{Room: "den"}))(t).GetEntries()
	if len(audit) != 1 || audit[0].GetActor().GetId() != "operator" {
		t.Errorf("the room's audit: %v", audit)
	}
	archived := must(admin.ArchiveRoom(t.Context(), &adminv1.ArchiveRoomRequest{Room: "den"}))(t).GetRoom()
	if archived.GetArchiveTime() == nil {
		t.Errorf("room %v", archived)
	}
	must(admin.ArchiveRoom(t.Context(), &adminv1.ArchiveRoomRequest{Room: "den", Undo: true}))(t)
	acts := must(admin.ListActs(t.Context(), &adminv1.ListActsRequest{PageSize: 2}))(t).GetActs()
	if acts[0].GetAction() != adminv1.Action_ACTION_ROOM_REOPENED || acts[1].GetAction() != adminv1.Action_ACTION_ROOM_ARCHIVED {
		t.Errorf("acts %v", acts)
	}
	must(admin.RemoveMember(t.Context(), &adminv1.RemoveMemberRequest{Room: "den", UserId: who.ID}))(t)
	if members := must(admin.ListMembers(t.Context(), &adminv1.ListMembersRequest{Room: "den"}))(t).GetMembers(); len(members) != 0 {
		t.Errorf("members %v", members)
	}
	refused(admin.SetRole(t.Context(), &adminv1.SetRoleRequest{
		Room: more.GetRooms()[0].GetId(), UserId: "eve", Role: chatv1.Role_ROLE_OWNER,
	}))(t, codes.FailedPrecondition, "")
	refused(admin.GetRoom(t.Context(), &adminv1.GetRoomRequest{Room: "nowhere"}))(t, codes.NotFound, "")
	must(admin.DeleteRoom(t.Context(), &adminv1.DeleteRoomRequest{Room: "den"}))(t)
	refused(admin.DeleteRoom(t.Context(), &adminv1.DeleteRoomRequest{Room: "den"}))(t, codes.NotFound, "")
	if left := must(admin.ListRooms(t.Context(), &adminv1.ListRoomsRequest{}))(t).GetRooms(); len(left) != 1 || left[0].GetId() == "den" {
		t.Errorf("rooms %v", left)
	}
	act := must(admin.ListActs(t.Context(), &adminv1.ListActsRequest{PageSize: 1}))(t).GetActs()[0]
	if act.GetAction() != adminv1.Action_ACTION_ROOM_DELETED || act.GetRoom() != "den" {
		t.Errorf("act %v", act)
	}
}

func TestOperatorSeesAndDisconnects(t *testing.T) {
	t.Parallel()
	l := start(t, config{})
	admin, over := l.admin(), l.bridged()
	bob, who := over.as("bob")
	s := over.connect(bob)
	s.join(fromNow("lobby"))
	user := must(admin.GetUser(t.Context(), &adminv1.GetUserRequest{UserId: who.ID}))(t)
	if user.GetUser().GetDisplayName() != "bob" || len(user.GetSessions()) != 1 || user.GetSessions()[0].GetRooms() != 1 ||
		!strings.HasPrefix(user.GetSessions()[0].GetAddress(), "127.") {
		t.Errorf("user %v", user)
	}
	stats := must(admin.GetStats(t.Context(), &adminv1.GetStatsRequest{}))(t)
	if stats.GetSessions() != 1 || stats.GetUsers() != 1 || stats.GetLiveRooms() != 1 || stats.GetFreeBytes() != 7 {
		t.Errorf("stats %v", stats)
	}
	if n := must(admin.DisconnectUser(t.Context(), &adminv1.DisconnectUserRequest{UserId: who.ID}))(t).GetSessions(); n != 1 {
		t.Errorf("%d disconnected", n)
	}
	if end := s.ending(); end.Code() != codes.Unavailable || len(end.Details()) != 1 {
		t.Errorf("the session ended with %v", end)
	}
	over.connect(bob).join(fromNow("lobby"))
	if n := must(admin.BackUp(t.Context(), &adminv1.BackUpRequest{Directory: "/backup"}))(t).GetBytes(); n != 42 {
		t.Errorf("%d bytes", n)
	}
	refused(admin.BackUp(t.Context(), &adminv1.BackUpRequest{Directory: "/full"}))(t, codes.FailedPrecondition, "")
}

func TestOperatorsRequestsAreChecked(t *testing.T) {
	t.Parallel()
	l := start(t, config{})
	a, ctx := l.admin(), t.Context()
	invalid := codes.InvalidArgument
	refused(a.GetRoom(ctx, &adminv1.GetRoomRequest{Room: "A"}))(t, invalid, "room")
	refused(a.ListMembers(ctx, &adminv1.ListMembersRequest{Room: "A"}))(t, invalid, "room")
	refused(a.ListRooms(ctx, &adminv1.ListRoomsRequest{PageToken: "x"}))(t, invalid, "page_token")
	refused(a.ListBans(ctx, &adminv1.ListBansRequest{PageToken: "x"}))(t, invalid, "page_token")
	refused(a.ListActs(ctx, &adminv1.ListActsRequest{PageToken: "x"}))(t, invalid, "page_token")
	refused(a.SetRole(ctx, &adminv1.SetRoleRequest{Room: "a", UserId: "b"}))(t, invalid, "role")
	refused(a.SetRole(ctx, &adminv1.SetRoleRequest{Room: "a", UserId: "b c", Role: 1}))(t, invalid, "user_id")
	refused(a.RemoveMember(ctx, &adminv1.RemoveMemberRequest{Room: "a"}))(t, invalid, "user_id")
	refused(a.ArchiveRoom(ctx, &adminv1.ArchiveRoomRequest{}))(t, invalid, "room")
	refused(a.DeleteRoom(ctx, &adminv1.DeleteRoomRequest{}))(t, invalid, "room")
	refused(a.GetUser(ctx, &adminv1.GetUserRequest{}))(t, invalid, "user_id")
	refused(a.DisconnectUser(ctx, &adminv1.DisconnectUserRequest{}))(t, invalid, "user_id")
	refused(a.BanUser(ctx, &adminv1.BanUserRequest{UserId: "b", Duration: durationpb.New(0)}))(t, invalid, "duration")
	refused(a.BanUser(ctx, &adminv1.BanUserRequest{UserId: "b", Reason: "\n"}))(t, invalid, "reason")
	refused(a.EraseUser(ctx, &adminv1.EraseUserRequest{UserId: "b c"}))(t, invalid, "user_id")
	refused(a.UnbanUser(ctx, &adminv1.UnbanUserRequest{}))(t, invalid, "user_id")
	for _, prefix := range []string{"", "here", "10.0.0.0/33", "::ffff:10.0.0.0/104"} {
		refused(a.BanAddress(ctx, &adminv1.BanAddressRequest{Prefix: prefix}))(t, invalid, "prefix")
		refused(a.UnbanAddress(ctx, &adminv1.UnbanAddressRequest{Prefix: prefix}))(t, invalid, "prefix")
	}
	refused(a.BackUp(ctx, &adminv1.BackUpRequest{Directory: "here"}))(t, invalid, "directory")
}
