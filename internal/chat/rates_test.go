package chat_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat"
	"github.com/rialto-rpc/rialto/internal/limit"
)

// clock is a time that a test moves.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.ns.Load()) }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

// twice is the rate of all limits in these tests: of two tokens each comes back within five seconds.
var twice = limit.Rate{N: 2, Per: 10 * time.Second}

// tooOften checks that err is the refusal of a rate, and returns when to come back.
func tooOften(t *testing.T, err error, l chat.Limit) time.Duration {
	t.Helper()
	s := wantCode(t, err, codes.ResourceExhausted)
	if !strings.Contains(s.Message(), "("+l.String()+")") {
		t.Fatalf("%v does not name %v", err, l)
	}
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	t.Fatalf("%v has no RetryInfo", err)
	return 0
}

// rateCase empties a bucket: do does the n-th thing that takes a token, of the bucket that is emptied or of another.
type rateCase struct {
	limit chat.Limit
	rates chat.Rates
	do    func(c *calls, n int, other bool) error
}

// somebody returns a context of a fresh user from an address.
func (c *calls) somebody(address string) context.Context {
	ctx, _ := c.as("ana")
	return from(ctx, address)
}

const here, sameNetwork, elsewhere = "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"

// place returns an address of the same /64 as all places, or of another.
func place(n int, other bool) string {
	switch {
	case other:
		return elsewhere
	case n%2 == 1:
		return sameNetwork
	}
	return here
}

// users returns what gives contexts of two users.
func users() func(c *calls, other bool) context.Context {
	var ana, ben context.Context
	return func(c *calls, other bool) context.Context {
		if ana == nil {
			ana, ben = c.somebody(here), c.somebody(here)
		}
		if other {
			return ben
		}
		return ana
	}
}

func rateCases() []rateCase {
	writer, maker := users(), users()
	return []rateCase{
		{chat.UserWrites, chat.Rates{UserWrites: twice}, func(c *calls, n int, other bool) error {
			_, err := c.messages.PostMessage(writer(c, other), text(fmt.Sprint("room-", n), "hello"))
			return err
		}},
		{chat.RoomWrites, chat.Rates{RoomWrites: twice}, func(c *calls, _ int, other bool) error {
			_, err := c.messages.PostMessage(c.somebody(here), text(fmt.Sprint("room-", other), "hello"))
			return err
		}},
		{chat.AddressWrites, chat.Rates{AddressWrites: twice}, func(c *calls, n int, other bool) error {
			_, err := c.messages.PostMessage(c.somebody(place(n, other)), text("lobby", "hello"))
			return err
		}},
		{chat.UserRooms, chat.Rates{UserRooms: twice}, func(c *calls, n int, other bool) error {
			_, err := c.rooms.CreateRoom(maker(c, other), &chatv1.CreateRoomRequest{Room: fmt.Sprint("room-", n)})
			return err
		}},
		{chat.AddressRooms, chat.Rates{AddressRooms: twice}, func(c *calls, n int, other bool) error {
			if n == 0 { // to publish makes a room, too
				_, err := c.messages.PostMessage(c.somebody(place(n, other)), text("new", "hello"))
				return err
			}
			_, err := c.rooms.OpenDirectRoom(c.somebody(place(n, other)), &chatv1.OpenDirectRoomRequest{UserIds: []string{"ben"}})
			return err
		}},
		{chat.AddressGuests, chat.Rates{AddressGuests: twice}, func(c *calls, n int, other bool) error {
			ctx := from(c.context(), place(n, other))
			if n > 0 {
				_, err := c.chat.CreateGuest(ctx, &chatv1.CreateGuestRequest{})
				return err
			}
			s := c.connect(ctx) // without a token
			s.send(&chatv1.ConnectRequest{Command: joinRequest(fromNow("lobby")).GetCommand()})
			return s.receive()
		}},
		{chat.AddressConnections, chat.Rates{AddressConnections: twice}, func(c *calls, n int, other bool) error {
			ctx := c.somebody(place(n, other))
			if n > 0 {
				stream, err := c.chat.Subscribe(ctx, &chatv1.SubscribeRequest{Rooms: []*chatv1.Join{fromNow("lobby")}})
				if err == nil {
					_, err = stream.Recv()
				}
				return err
			}
			s := c.connect(ctx)
			s.send(joinRequest(fromNow("lobby")))
			return s.receive()
		}},
	}
}

// TestRates empties every bucket that is one of many: what is too much is refused until exactly when the refusal says,
// and others are not affected.
func TestRates(t *testing.T) {
	t.Parallel()
	for _, tt := range rateCases() {
		t.Run(tt.limit.String(), func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			c := startCalls(t, config{rates: tt.rates, clock: clock.now})
			for n := range 2 {
				if err := tt.do(c, n, false); err != nil {
					t.Fatalf("%d: %v", n, err)
				}
			}
			if wait := tooOften(t, tt.do(c, 2, false), tt.limit); wait != 5*time.Second {
				t.Errorf("wait %v", wait)
			}
			if err := tt.do(c, 3, true); err != nil {
				t.Errorf("of another: %v", err)
			}
			clock.advance(5*time.Second - time.Microsecond)
			if wait := tooOften(t, tt.do(c, 4, false), tt.limit); wait != time.Millisecond {
				t.Errorf("just before: wait %v", wait)
			}
			clock.advance(time.Microsecond)
			if err := tt.do(c, 5, false); err != nil {
				t.Errorf("after the wait: %v", err)
			}
			if n := c.service.Refused(tt.limit); n != 2 {
				t.Errorf("%d refusals are counted", n)
			}
		})
	}
}

// TestConnectionCommands: too many requests on a connection are refused one by one, the connection lives, and those on
// another are not affected.
func TestConnectionCommands(t *testing.T) {
	t.Parallel()
	clock := newClock()
	l := start(t, config{rates: chat.Rates{ConnectionCommands: limit.Rate{N: 5, Per: 10 * time.Second}}, clock: clock.now})
	ana, ben := l.guest("ana"), l.guest("ben")
	ben.join(fromNow("lobby"))
	ana.join(fromNow("lobby"))
	for n := range 4 {
		ana.publish("lobby", fmt.Sprint(n))
	}
	if wait := tooOften(t, ana.refused(publishRequest("lobby", "too much")).Err(), chat.ConnectionCommands); wait != 2*time.Second {
		t.Errorf("wait %v", wait)
	}
	ana.send(&chatv1.ConnectRequest{}) // a probe costs as much
	if r := ana.reply(""); status.FromProto(r.GetError()).Code() != codes.ResourceExhausted {
		t.Errorf("a probe too many: %v", r)
	}
	if r := ana.call(leaveRequest("lobby")); r.GetLeave() == nil {
		t.Errorf("leaving is not free: %v", r)
	}
	ben.publish("lobby", "all is well")
	events := ben.upTo("lobby", 5)
	if len(events) != 6 || events[5].GetPosted().GetText() != "all is well" { // the snapshot, and five messages
		t.Errorf("others got %v", events)
	}
	clock.advance(2 * time.Second)
	ana.publish("lobby", "at last")
}

// TestWritesOnASession: a session's publishes take from the same buckets as calls, its other commands do not.
func TestWritesOnASession(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c := startCalls(t, config{rates: chat.Rates{UserWrites: twice, UserRooms: limit.Rate{N: 1, Per: time.Hour}}, clock: clock.now})
	ctx, _ := c.as("ana")
	s := c.connect(ctx)
	s.publish("lobby", "one")
	c.post(ctx, "lobby", "two")
	tooOften(t, s.refused(publishRequest("lobby", "three")).Err(), chat.UserWrites)
	if r := s.call(markReadRequest("lobby", 2)); r.GetMarkRead() == nil {
		t.Errorf("mark_read: %v", r)
	}
	clock.advance(time.Minute)
	tooOften(t, s.refused(publishRequest("den", "another room")).Err(), chat.UserRooms)
	if r := s.refused(publishRequest("direct.x", "no room of this name is made")); r.Code() == codes.ResourceExhausted {
		t.Errorf("a room that cannot be made: %v", r)
	}
}

// TestOutsidersLeaveARoomItsTokens: what those try who may not write in a room takes nothing from those who may, and whoever may
// not see it does not learn that it is busy.
func TestOutsidersLeaveARoomItsTokens(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{rates: chat.Rates{RoomWrites: twice}, clock: newClock().now})
	owner, _ := c.as("owner")
	must(c.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: "den", Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE}))(t)
	ctx, _ := c.as("outsider")
	outsider := c.connect(ctx)
	tries := func() {
		t.Helper()
		for range 5 {
			if s := outsider.refused(publishRequest("den", "let me in")); s.Code() != codes.NotFound {
				t.Fatalf("on a session: %v", s)
			}
			for name, err := range map[string]error{
				"PostMessage": second(c.messages.PostMessage(ctx, text("den", "let me in"))),
				"SendSignal":  second(c.chat.SendSignal(ctx, &chatv1.SendSignalRequest{Signal: typingSignal("den", true)})),
				"MarkRead":    second(c.members.MarkRead(ctx, &chatv1.MarkReadRequest{Room: "den", Seq: 1})),
				"UpdateRoom":  second(c.rooms.UpdateRoom(ctx, &chatv1.UpdateRoomRequest{Room: "den", Title: proto.String("mine")})),
			} {
				if status.Code(err) != codes.NotFound {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
	tries()
	c.post(owner, "den", "the second token")
	tooOften(t, second(c.messages.PostMessage(owner, text("den", "too much"))), chat.RoomWrites)
	tries()
}

// TestReadersLeaveARoomItsTokens: who may read a room and not write in it takes nothing from those who may, however often they
// mark what they have read.
func TestReadersLeaveARoomItsTokens(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{rates: chat.Rates{RoomWrites: twice}, clock: newClock().now})
	owner, _ := c.as("owner")
	must(c.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: "news", Posting: chatv1.Role_ROLE_OWNER}))(t)
	for range 5 {
		reader, _ := c.as("reader") // each somebody else: markers of one user and room are stored once a second
		must(c.members.MarkRead(reader, &chatv1.MarkReadRequest{Room: "news"}))(t)
	}
	c.post(owner, "news", "the second token")
	tooOften(t, second(c.messages.PostMessage(owner, text("news", "too much"))), chat.RoomWrites)
	reader, _ := c.as("reader")
	must(c.members.MarkRead(reader, &chatv1.MarkReadRequest{Room: "news", Seq: 1}))(t)
}

// second returns the error of a call.
func second[T any](_ T, err error) error { return err }

// TestRoomsThatAreNotMade: a room that was deleted costs nothing to try, since none is made; a try that was refused pays for no
// later one.
func TestRoomsThatAreNotMade(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{rates: chat.Rates{UserRooms: limit.Rate{N: 1, Per: time.Hour}}, clock: newClock().now})
	owner, _ := c.as("owner")
	must(c.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: "den"}))(t)
	must(c.rooms.DeleteRoom(owner, &chatv1.DeleteRoomRequest{Room: "den"}))(t)
	ben, _ := c.as("ben")
	for range 3 {
		refused(c.messages.PostMessage(ben, text("den", "hello")))(t, codes.FailedPrecondition, "")
	}
	answer := text("new", "to nothing")
	answer.ReplyTo = 1
	refused(c.messages.PostMessage(ben, answer))(t, codes.NotFound, "")
	tooOften(t, second(c.messages.PostMessage(ben, text("new", "hello"))), chat.UserRooms)
}

// TestANewRoomIsPaidForOnce: whoever says much at once in a room that does not exist yet has made one room.
func TestANewRoomIsPaidForOnce(t *testing.T) {
	t.Parallel()
	l := start(t, config{rates: chat.Rates{UserRooms: twice}})
	s := l.guest("ana")
	for _, room := range []string{"one", "two"} {
		for range 10 {
			s.send(publishRequest(room, "at once"))
		}
	}
	if got := s.publish("two", "last").GetSeq(); got != 11 {
		t.Errorf("the room has %d messages", got)
	}
	s.publish("one", "a room that exists costs nothing")
}

// TestUnknownAddress: a call that comes from nowhere, as in this process, is not limited by its address.
func TestUnknownAddress(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{rates: chat.Rates{AddressGuests: twice, AddressWrites: twice, AddressRooms: twice}})
	for n := range 5 {
		must(c.chat.CreateGuest(c.context(), &chatv1.CreateGuestRequest{}))(t)
		ctx, _ := c.as("ana")
		c.post(ctx, fmt.Sprint("room-", n), "hello")
	}
}

func TestBadRates(t *testing.T) {
	t.Parallel()
	for l, bad := range map[string]chat.Rates{
		"connection-commands": {ConnectionCommands: limit.Rate{N: 1}},
		"address-guests":      {AddressGuests: limit.Rate{N: -1, Per: time.Second}},
		"address-connections": {AddressConnections: limit.Rate{N: 1, Per: time.Millisecond}},
	} {
		if err := bad.Validate(); err == nil || !strings.HasPrefix(err.Error(), l+":") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
