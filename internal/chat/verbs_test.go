package chat_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
)

var updateVerbs = flag.Bool("update-verbs", false, "write testdata/verbs.txt; read what changed, it is the specification")

const verbsPath = "testdata/verbs.txt"

// TestVerbs does everything that can be done in a room as everybody who can be there, in every kind of room, over native
// gRPC and over the bridge, and compares the result, the status and the event that each observer sees with testdata/verbs.txt.
func TestVerbs(t *testing.T) {
	t.Parallel()
	l := start(t, config{linger: time.Nanosecond}) // each does one thing at a time
	tables := make([][]string, 2)
	t.Run("wires", func(t *testing.T) {
		for i, wire := range []*live{l, l.bridged()} {
			t.Run([]string{"grpc", "bridge"}[i], func(t *testing.T) {
				t.Parallel()
				tables[i] = verbLines(t, wire, fmt.Sprint("wire-", i))
			})
		}
	})
	if *updateVerbs {
		if err := os.WriteFile(verbsPath, []byte(strings.Join(tables[0], "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(verbsPath)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(file)), "\n")
	for i, table := range tables {
		if len(table) != len(want) {
			t.Fatalf("wire %d: %d lines, want %d", i, len(table), len(want))
		}
		for n, line := range table {
			if line != want[n] {
				t.Errorf("wire %d: line %d is\n%s\nwant\n%s", i, n+1, line, want[n])
			}
		}
	}
}

// Who can be in which room.
var (
	roomKinds = []string{"public", "private", "archived", "direct"}
	roleNames = []string{"visitor", "guest", "member", "moderator", "owner", "banned", "muted"}
	roles     = map[string]chatv1.Role{
		"guest": chatv1.Role_ROLE_GUEST, "member": chatv1.Role_ROLE_MEMBER, "moderator": chatv1.Role_ROLE_MODERATOR,
		"owner": chatv1.Role_ROLE_OWNER,
	}
)

// verbTable does verbs and writes down what comes of them.
type verbTable struct {
	*calls
	t      *testing.T
	prefix string // of the rooms' ids

	owner, other    context.Context // who made every room; a member of each
	otherID         string
	insider, passer *session // observers: the owner on another device; somebody who is in no room
}

func newVerbTable(t *testing.T, c *calls, prefix string) *verbTable {
	v := &verbTable{calls: c, t: t, prefix: prefix}
	var other auth.Principal
	v.owner, _ = c.as("owner")
	v.other, other = c.as("other")
	v.otherID = other.ID
	v.insider = c.connect(v.owner)
	v.passer = c.guest("passer-by")
	return v
}

// verb is something to do as somebody, in a room where their own message has seq 2 and the other's has seq 1.
type verb struct {
	name string
	do   func(v *verbTable, ctx context.Context, room string) error
}

// verbLines does all verbs over one wire and returns the lines of the table.
func verbLines(t *testing.T, wire *live, prefix string) []string {
	head := fmt.Sprintf("%-24s %-9s", "# verb", "kind")
	for _, role := range roleNames {
		head += fmt.Sprintf(" %-18s", role)
	}
	lines := []string{
		"# What each command yields, and the event that the room then sees; \"-\" means OK without an event, \".\" that nobody is that.",
		strings.TrimRight(head, " "),
	}
	rows := make([]string, len(verbs)*len(roomKinds))
	t.Run("verbs", func(t *testing.T) {
		for i, verb := range verbs {
			t.Run(verb.name, func(t *testing.T) {
				t.Parallel()
				over := *wire
				over.tb = t
				v := newVerbTable(t, callsOf(&over), fmt.Sprint(prefix, "-", i))
				for j, kind := range roomKinds {
					row := fmt.Sprintf("%-24s %-9s", verb.name, kind)
					for _, role := range roleNames {
						row += fmt.Sprintf(" %-18s", v.outcome(verb, kind, role))
					}
					rows[i*len(roomKinds)+j] = strings.TrimRight(row, " ")
				}
			})
		}
	})
	return append(lines, rows...)
}

// outcome does one verb as one role in a fresh room.
func (v *verbTable) outcome(verb verb, kind, role string) string {
	if kind == "direct" && role != "visitor" && role != "member" {
		return "." // there is nobody with that role
	}
	actor, room := v.prepare(fmt.Sprintf("%s-%s-%s", v.prefix, kind, role), kind, role)
	head := must(v.rooms.GetRoom(v.owner, &chatv1.GetRoomRequest{Room: room}))(v.t).GetRoom().GetHeadRev()
	seen := v.observe(room, kind)
	err := verb.do(v, actor, room)
	is, gone := v.rooms.GetRoom(v.owner, &chatv1.GetRoomRequest{Room: room})
	if err == nil && status.Code(gone) == codes.NotFound {
		return v.deleted(room, kind)
	}
	after := must(is, gone)(v.t).GetRoom().GetHeadRev()
	events := seen(after)
	switch {
	case err != nil && after != head:
		v.t.Errorf("%s as %s in a %s room: %v, but the room went from rev %d to %d", verb.name, role, kind, err, head, after)
	case err != nil:
		return strings.ToLower(status.Code(err).String())
	case after == head:
		return "-"
	case after != head+1 || len(events) != 1:
		v.t.Errorf("%s as %s in a %s room: events %v from rev %d to %d", verb.name, role, kind, events, head, after)
	}
	return kindOf(events[0])
}

// deleted says what the observers see of a room that was deleted: both, if both could see it, the same.
func (v *verbTable) deleted(room, kind string) string {
	seeing := []*session{v.insider, v.passer}
	if kind == "private" {
		seeing = seeing[:1]
	}
	for _, s := range seeing {
		e := s.event(func(e *chatv1.Event) bool {
			return e.GetRoom() == room && (e.GetRev() > 0 && e.GetSnapshot() == nil || e.GetShutOut() != nil)
		})
		if e.GetShutOut().GetReason() != chatv1.ShutOutReason_SHUT_OUT_REASON_ROOM_DELETED {
			v.t.Errorf("of a deleted %s room came %v", kind, e)
		}
	}
	return "shut_out"
}

// kindOf names an event as the API does.
func kindOf(e *chatv1.Event) string {
	m := e.ProtoReflect()
	return string(m.WhichOneof(m.Descriptor().Oneofs().ByName("kind")).Name())
}

// prepareDirect makes a direct room of the owner, the other and the actor; there are no roles in one but that of a member.
func (v *verbTable) prepareDirect(role string, actor context.Context, who string) (context.Context, string) {
	people := []string{v.otherID, who}
	if role != "member" {
		people = people[:1]
	}
	room := must(v.rooms.OpenDirectRoom(v.owner, &chatv1.OpenDirectRoomRequest{UserIds: people}))(v.t).GetRoom().GetId()
	v.post(v.other, room, "the other's")
	if role == "member" {
		v.post(actor, room, "one's own")
	}
	return actor, room
}

// prepare makes a room of a kind and somebody who is there what role says.
func (v *verbTable) prepare(room, kind, role string) (context.Context, string) {
	t := v.t
	t.Helper()
	actor, who := v.as(role)
	if kind == "direct" {
		return v.prepareDirect(role, actor, who.ID)
	}
	create := &chatv1.CreateRoomRequest{Room: room, Title: "A room"}
	if kind == "private" {
		create.Kind = chatv1.RoomKind_ROOM_KIND_PRIVATE
	}
	must(v.rooms.CreateRoom(v.owner, create))(t)
	for id, ctx := range map[string]context.Context{v.otherID: v.other, who.ID: actor} {
		must(v.members.InviteMember(v.owner, &chatv1.InviteMemberRequest{Room: room, UserId: id}))(t)
		must(v.members.AddMember(ctx, &chatv1.AddMemberRequest{Room: room}))(t)
	}
	must(v.members.InviteMember(v.other, &chatv1.InviteMemberRequest{Room: room, UserId: "invited"}))(t)
	v.post(v.other, room, "the other's")
	v.post(actor, room, "one's own")
	switch role {
	case "visitor":
		must(v.members.RemoveMember(actor, &chatv1.RemoveMemberRequest{Room: room}))(t)
	case "banned":
		must(v.members.BanMember(v.owner, &chatv1.BanMemberRequest{Room: room, UserId: who.ID}))(t)
	case "muted":
		must(v.members.MuteMember(v.owner, &chatv1.MuteMemberRequest{Room: room, UserId: who.ID}))(t)
	default:
		must(v.members.UpdateMember(v.owner, &chatv1.UpdateMemberRequest{Room: room, UserId: who.ID, Role: roles[role]}))(t)
	}
	if kind == "archived" {
		must(v.rooms.UpdateRoom(v.owner, &chatv1.UpdateRoomRequest{Room: room, Archived: proto.Bool(true)}))(t)
	}
	return actor, room
}

// observe joins the observers and returns a function that leaves the room and returns the events, up to a rev, which all
// observers must have seen alike; those who may not see the room must not get in.
func (v *verbTable) observe(room, kind string) func(rev uint64) []*chatv1.Event {
	joined := v.insider.join(fromNow(room)).GetRoom().GetHeadRev()
	if kind == "private" || kind == "direct" {
		if s := v.passer.refused(joinRequest(fromNow(room))); s.Code() != codes.NotFound {
			v.t.Errorf("a passer-by joined a private room: %v", s)
		}
	} else {
		v.passer.join(fromNow(room))
	}
	return func(rev uint64) (events []*chatv1.Event) {
		if rev > joined {
			events = v.insider.upTo(room, rev)[1:]
		}
		// A room that has just become private ends for who passes by, with the event that says so.
		if kind != "private" && kind != "direct" && rev > joined {
			for i, e := range v.passer.upTo(room, rev)[1:] {
				if !proto.Equal(e, events[i]) {
					v.t.Errorf("a passer-by saw %v, the owner %v", e, events[i])
				}
			}
		}
		v.insider.call(leaveRequest(room))
		v.passer.call(leaveRequest(room))
		return events
	}
}
