package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// flaky is a server that makes rooms, and takes an invitation only after it has refused as many as it is told to.
type flaky struct {
	refusals int
	rooms    int
	invited  []string // "room user"
}

func (f *flaky) Invoke(_ context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	switch name := method[strings.LastIndexByte(method, '/')+1:]; name {
	case "CreateRoom":
		f.rooms++
		reply.(*chatv1.CreateRoomResponse).Room = &chatv1.Room{Id: fmt.Sprintf("room-%d", f.rooms)}
	case "InviteMember":
		if f.refusals > 0 {
			f.refusals--
			return status.Error(codes.Unavailable, "no answer")
		}
		request := args.(*chatv1.InviteMemberRequest)
		f.invited = append(f.invited, request.GetRoom()+" "+request.GetUserId())
	default:
		return status.Error(codes.Unimplemented, name)
	}
	return nil
}

func (f *flaky) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unavailable, "there is no session")
}

func newInboxes(t *testing.T, server *flaky) *inboxes {
	t.Helper()
	c, err := client.New(server, client.WithToken("token"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &inboxes{client: c, rooms: make(map[string]string), invited: make(map[string]bool)}
}

func TestAnInboxIsOnlyThereOnceItsUserIsInvited(t *testing.T) {
	t.Parallel()
	server := &flaky{refusals: 1}
	inboxes := newInboxes(t, server)
	if room, err := inboxes.of(t.Context(), "ana"); status.Code(err) != codes.Unavailable {
		t.Fatalf("the invitation failed, and there is an inbox %q (%v)", room, err)
	}
	for range 2 {
		if room, err := inboxes.of(t.Context(), "ana"); room != "room-1" || err != nil {
			t.Fatalf("%q, %v; want room-1", room, err)
		}
	}
	if got := strings.Join(server.invited, ", "); server.rooms != 1 || got != "room-1 ana" {
		t.Errorf("%d rooms, invited: %s; want one room, and one invitation", server.rooms, got)
	}
}

func TestAnInboxOfAnEarlierRunIsNotTakenForInvited(t *testing.T) {
	t.Parallel()
	server := &flaky{}
	inboxes := newInboxes(t, server)
	inboxes.rooms["ana"] = "found"
	if room, err := inboxes.of(t.Context(), "ana"); room != "found" || err != nil {
		t.Fatalf("%q, %v; want found", room, err)
	}
	if got := strings.Join(server.invited, ", "); server.rooms != 0 || got != "found ana" {
		t.Errorf("%d rooms made, invited: %s; want none, and one invitation", server.rooms, got)
	}
}
