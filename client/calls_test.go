package client_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// tooMuch is the refusal of a server that was asked too often.
func tooMuch(retry time.Duration) error {
	s, err := status.New(codes.ResourceExhausted, "too much").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(retry)})
	if err != nil {
		panic(err)
	}
	return s.Err()
}

// refusing returns a handler that refuses so often, and counts how often it was called.
func refusing(times int, err error) (handler func(context.Context) error, calls *int) {
	calls = new(int)
	return func(ctx context.Context) error {
		if md, _ := metadata.FromIncomingContext(ctx); !slices.Equal(md.Get("authorization"), []string{"Bearer guest-token"}) {
			return status.Error(codes.Unauthenticated, "nobody")
		}
		if *calls++; *calls <= times {
			return err
		}
		return nil
	}, calls
}

// What was surely not done is repeated when the server says; what may have been done only if it reads.
func TestUnaryCallsAreRepeated(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		f.welcomed(t)
		ban := func(ctx context.Context) error {
			_, err := chatv1.NewMemberServiceClient(c.Conn()).BanMember(ctx, &chatv1.BanMemberRequest{})
			return err
		}
		list := func(ctx context.Context) error {
			_, err := c.Messages().ListMessages(ctx, &chatv1.ListMessagesRequest{})
			return err
		}
		for name, test := range map[string]struct {
			call    func(context.Context) error
			refusal error
			calls   int
			code    codes.Code
			after   time.Duration
		}{
			"a change, too much":           {ban, tooMuch(5 * time.Second), 3, codes.OK, 10 * time.Second},
			"a change, too much for good":  {ban, status.Error(codes.ResourceExhausted, "for good"), 1, codes.ResourceExhausted, 0},
			"a change without an answer":   {ban, status.Error(codes.Unavailable, "gone"), 1, codes.Unavailable, 0},
			"reading, too much":            {list, tooMuch(5 * time.Second), 3, codes.OK, 10 * time.Second},
			"reading without an answer":    {list, status.Error(codes.Unavailable, "gone"), 3, codes.OK, 0},
			"reading what may not be read": {list, status.Error(codes.NotFound, "no such room"), 1, codes.NotFound, 0},
		} {
			handler, calls := refusing(2, test.refusal)
			f.ban = handler
			f.listMsgs = func(ctx context.Context, _ *chatv1.ListMessagesRequest) (*chatv1.ListMessagesResponse, error) {
				return &chatv1.ListMessagesResponse{}, handler(ctx)
			}
			began := time.Now()
			err := test.call(t.Context())
			if waited := time.Since(began); status.Code(err) != test.code || *calls != test.calls || waited < test.after {
				t.Errorf("%s: %v after %d calls and %v", name, err, *calls, waited)
			}
		}

		f.ban, _ = refusing(1000, tooMuch(time.Minute))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := ban(ctx); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("at its deadline: %v", err)
		}
		ended := make(chan error)
		go func() { ended <- ban(t.Context()) }()
		time.Sleep(time.Second)
		c.Close()
		if err := <-ended; !errors.Is(err, client.ErrClosed) {
			t.Errorf("of a client that was closed: %v", err)
		}
	})
}

// A marker that the server refuses for now comes later, and then the newest.
func TestMarkersAreRepeated(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		room := joinRoom(t, c, s, 5)
		mark := func(seq uint64) (id string) {
			t.Helper()
			request := s.recv(t)
			if request.GetMarkRead().GetSeq() != seq {
				t.Fatalf("got %v, want a marker at %d", request, seq)
			}
			return request.GetRequestId()
		}
		refuse := func(id string, err error) {
			t.Helper()
			s.reply(t, &chatv1.Reply{RequestId: id, Result: &chatv1.Reply_Error{Error: status.Convert(err).Proto()}})
		}
		room.MarkRead(2)
		refuse(mark(2), tooMuch(5*time.Second))
		room.MarkRead(3)
		began := time.Now()
		id := mark(3)
		if waited := time.Since(began); waited < 5*time.Second {
			t.Errorf("again after %v", waited)
		}
		refuse(id, status.Error(codes.OutOfRange, "no such message"))
		room.MarkRead(4)
		mark(4)
	})
}

// people are the members of a room under test.
type people struct {
	room       string
	owner, ana *client.Client
	anaID      string
}

// Everything that people do with rooms and one another, by the generated clients with this package's identity and lists.
func TestRoomsAndTheirPeople(t *testing.T) {
	overWires(t, func(t *testing.T, s *realServer, over string) {
		ctx := t.Context()
		p := &people{owner: s.client(t, over, nil), ana: s.client(t, over, nil)}
		ana, err := p.ana.Ready(ctx)
		if err != nil {
			t.Fatal(err)
		}
		p.anaID = ana.GetId()
		created, err := p.owner.Rooms().CreateRoom(ctx, &chatv1.CreateRoomRequest{Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE})
		if err != nil {
			t.Fatal(err)
		}
		p.room = created.GetRoom().GetId()
		p.comeIn(t)
		p.moderate(t)

		direct, err := p.ana.Rooms().OpenDirectRoom(ctx, &chatv1.OpenDirectRoomRequest{UserIds: []string{p.owner.User().GetId()}})
		if err != nil || len(direct.GetRoom().GetPeople()) != 2 {
			t.Errorf("direct room %v, %v", direct, err)
		}
		awaitFeed(t, p.owner, func(f client.Feed) bool { return f.Room(direct.GetRoom().GetId()) != nil })
	})
}

// comeIn has ana ask to be let in, and be.
func (p *people) comeIn(t *testing.T) {
	ctx, members := t.Context(), p.owner.Members()
	takesRequests := true
	ok(t)(p.owner.Rooms().UpdateRoom(ctx, &chatv1.UpdateRoomRequest{Room: p.room, JoinRequests: &takesRequests}))
	ok(t)(p.ana.Members().RequestMembership(ctx, &chatv1.RequestMembershipRequest{Room: p.room, Note: "it's me"}))
	awaitFeed(t, p.owner, func(f client.Feed) bool { return f.Room(p.room).GetRequests() == 1 })
	requests := all(t, p.owner.ListMembershipRequests(ctx, p.room))
	if len(requests) != 1 || requests[0].GetUser().GetId() != p.anaID || requests[0].GetNote() != "it's me" {
		t.Errorf("requests %v", requests)
	}
	ok(t)(members.AnswerMembershipRequest(ctx, &chatv1.AnswerMembershipRequestRequest{Room: p.room, UserId: p.anaID, Accept: true}))
	if listed := all(t, p.ana.ListMembers(ctx, p.room)); len(listed) != 2 {
		t.Errorf("members %v", listed)
	}
}

// moderate has ana banned, and looks at the records of that.
func (p *people) moderate(t *testing.T) {
	ctx := t.Context()
	for _, err := range p.ana.ListAuditEntries(ctx, p.room) {
		if status.Code(err) != codes.PermissionDenied {
			t.Errorf("the audit for a member: %v", err)
		}
	}
	ok(t)(p.owner.Members().BanMember(ctx, &chatv1.BanMemberRequest{Room: p.room, UserId: p.anaID, Reason: "spam"}))
	if bans := all(t, p.owner.ListBans(ctx, p.room)); len(bans) != 1 || bans[0].GetReason() != "spam" {
		t.Errorf("bans %v", bans)
	}
	audit := all(t, p.owner.ListAuditEntries(ctx, p.room))
	if len(audit) != 3 || audit[0].GetAction() != chatv1.AuditAction_AUDIT_ACTION_BANNED || audit[0].GetUserId() != p.anaID {
		t.Errorf("audit %v", audit)
	}
	awaitFeed(t, p.ana, func(f client.Feed) bool { return f.Room(p.room) == nil })
}

// ok fails the test if a call was refused.
func ok(t *testing.T) func(response any, err error) {
	t.Helper()
	return func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

func all[Item any](t *testing.T, list iter.Seq2[Item, error]) (items []Item) {
	t.Helper()
	for item, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, item)
	}
	return items
}

// Lists page by themselves, and no further than they are looked at.
func TestListsPage(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	c := s.client(t, "grpc", nil)
	const rooms = 130
	for range rooms {
		ok(t)(c.Rooms().CreateRoom(t.Context(), &chatv1.CreateRoomRequest{}))
	}
	listed := all(t, c.ListRooms(t.Context()))
	if len(listed) != rooms || !slices.IsSortedFunc(listed, func(a, b client.ListedRoom) int {
		return strings.Compare(a.Room.GetId(), b.Room.GetId())
	}) {
		t.Errorf("%d rooms", len(listed))
	}
	for range c.ListRooms(t.Context()) {
		break
	}
	awaitFeed(t, c, func(f client.Feed) bool { return len(f.Rooms) == rooms })
}
