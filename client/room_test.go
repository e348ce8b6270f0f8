package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// next takes one event, described as its kind and rev.
func next(t *testing.T, room *client.Room) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	event, err := room.Next(ctx)
	if err != nil {
		return err.Error()
	}
	kind := strings.TrimPrefix(fmt.Sprintf("%T", event.GetKind()), "*chatv1.Event_")
	return fmt.Sprintf("%s %d", strings.ToLower(kind), event.GetRev())
}

func expectNext(t *testing.T, room *client.Room, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := next(t, room); got != w {
			t.Fatalf("next is %q, want %q", got, w)
		}
	}
}

func TestSnapshotArrivesWhole(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		room := joinRoom(t, c, s, 3)
		parts := snapshot(3,
			&chatv1.Snapshot{Messages: []*chatv1.Message{message(1)}},
			&chatv1.Snapshot{Messages: []*chatv1.Message{message(2)}},
			&chatv1.Snapshot{Messages: []*chatv1.Message{message(3)}})
		s.event(t, parts[:2]...)
		s.cut(status.Error(codes.Unavailable, "in the middle of a snapshot"))

		s = f.welcomed(t)
		if join := s.join(t, 3, false); join.GetHistory() != 50 {
			t.Errorf("after half a snapshot: %v, want to begin afresh", join)
		}
		s.event(t, parts...)
		event, err := room.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if messages := event.GetSnapshot().GetMessages(); len(messages) != 3 || messages[0].Seq != 1 || messages[2].Seq != 3 {
			t.Errorf("messages %v", messages)
		}
		if at := room.Position(); at != (client.Position{Epoch: epoch, Rev: 3}) {
			t.Errorf("position %v", at)
		}
	})
}

// What a join is answered may be from before events that came first: it takes nothing back that they said.
func TestJoinReplyAfterItsEvents(t *testing.T) {
	for name, c := range map[string]struct {
		events    []*chatv1.Event
		epoch     string // of the answer
		head      uint64
		title     string
		headShown uint64
	}{
		"nothing came":                  {nil, epoch, 10, "old", 10},
		"a message came":                {[]*chatv1.Event{posted(11)}, epoch, 10, "old", 11},
		"the room was changed":          {[]*chatv1.Event{posted(11), changed(12, "new")}, epoch, 10, "new", 12},
		"the room was changed before":   {[]*chatv1.Event{changed(11, "even older"), posted(12)}, epoch, 11, "old", 12},
		"the answer is of another room": {[]*chatv1.Event{posted(11), changed(12, "new")}, "epoch-2", 10, "old", 10},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fakeServer) {
				sdk := f.client(t)
				s := f.welcomed(t)
				joined := make(chan *client.Room, 1)
				go func() {
					room, err := sdk.Join(t.Context(), "lobby", client.FromNow())
					if err != nil {
						t.Error(err)
					}
					joined <- room
				}()
				request := s.recv(t)
				s.event(t, append(snapshot(10), c.events...)...)
				s.event(t, &chatv1.Event{Room: "lobby", Kind: &chatv1.Event_Read{Read: &chatv1.ReadMarker{Room: "lobby", Seq: 9}}})
				s.reply(t, &chatv1.Reply{RequestId: request.GetRequestId(), Result: &chatv1.Reply_Join{Join: &chatv1.JoinResult{
					Epoch: c.epoch, Room: &chatv1.Room{Id: "lobby", Title: "old", HeadRev: c.head, HeadSeq: c.head},
					Read: &chatv1.ReadMarker{Room: "lobby", Seq: 4},
				}}})
				room := <-joined
				if read := room.ReadUpTo(); read != 9 {
					t.Errorf("read up to %d", read)
				}
				info := room.Info()
				if info.GetTitle() != c.title || info.GetHeadRev() != c.headShown || info.GetHeadSeq() != c.headShown {
					t.Errorf("the room is %v", info)
				}
			})
		})
	}
}

// changed is a room with another title, whose messages are its revs.
func changed(rev uint64, title string) *chatv1.Event {
	room := &chatv1.Room{Id: "lobby", Title: title, HeadRev: rev, HeadSeq: rev}
	return &chatv1.Event{Room: "lobby", Rev: rev, Kind: &chatv1.Event_RoomChanged{RoomChanged: room}}
}

func TestRoomResumesAfterTheLastRev(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		room := joinRoom(t, c, s, 1)
		s.event(t, append(snapshot(1), posted(2))...)
		expectNext(t, room, "snapshot 1", "posted 2")
		s.event(t, &chatv1.Event{Room: "lobby", Rev: 3}) // a kind of the future
		synctest.Wait()
		s.cut(status.Error(codes.Unavailable, "going away"))

		s = f.welcomed(t)
		if r := s.join(t, 5, true).GetResume(); r.GetRev() != 3 || r.GetEpoch() != epoch {
			t.Errorf("resume %v", r)
		}
		s.event(t, posted(3), posted(4), posted(5)) // 3 is a repetition
		expectNext(t, room, "<nil> 3", "posted 4", "posted 5")
	})
}

func TestResetWhenTheServerCannotContinue(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		room := joinRoom(t, c, s, 900)
		s.event(t, snapshot(900)...)
		s.cut(status.Error(codes.Unavailable, "restored from a backup"))
		s = f.welcomed(t)
		s.join(t, 7, false)
		s.event(t, append(snapshot(7, &chatv1.Snapshot{
			Epoch: "epoch-2", Reason: chatv1.SnapshotReason_SNAPSHOT_REASON_EPOCH_CHANGED,
		}), posted(8))...)
		expectNext(t, room, "snapshot 900", "snapshot 7", "posted 8")
		if at := room.Position(); at != (client.Position{Epoch: "epoch-2", Rev: 8}) {
			t.Errorf("position %v", at)
		}
	})
}

func TestGapIsHealedByJoiningAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		room := joinRoom(t, c, s, 1)
		s.event(t, append(snapshot(1), posted(2), posted(5), posted(6))...)
		if r := s.join(t, 7, true).GetResume(); r.GetRev() != 2 {
			t.Errorf("resume %v", r)
		}
		s.event(t, posted(7), posted(3), posted(4), posted(5), posted(6), posted(7)) // the first is still the old join's
		expectNext(t, room, "snapshot 1", "posted 2", "posted 3", "posted 4", "posted 5", "posted 6", "posted 7")
	})
}

func TestRoomThatTheServerForgetsIsJoinedInAnotherSession(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		room := joinRoom(t, c, s, 5) // and no snapshot follows
		began := time.Now()
		first := s.stream
		go func() { // the server lives
			for {
				if _, err := first.Recv(); err != nil || first.Send(&chatv1.ConnectResponse{}) != nil {
					return
				}
			}
		}()
		s = f.welcomed(t)
		if waited := time.Since(began); waited < time.Minute || waited > 62*time.Second {
			t.Errorf("another session after %v", waited)
		}
		s.join(t, 5, false)
		s.event(t, snapshot(5)...)
		expectNext(t, room, "snapshot 5")
	})
}

func TestSlowConsumerFallsBackOnTheLog(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t, client.WithBuffer(4))
		s := f.welcomed(t)
		room := joinRoom(t, c, s, 0)
		s.event(t, snapshot(0)...)
		for rev := range uint64(100) {
			s.event(t, posted(rev+1))
		}
		// The consumer sleeps, and yet the session lives.
		published := make(chan error)
		go func() { _, err := c.Publish(t.Context(), "lobby", "hello"); published <- err }()
		id, _ := s.publish(t)
		s.reply(t, &chatv1.Reply{RequestId: id, Result: &chatv1.Reply_Publish{Publish: &chatv1.PublishResult{}}})
		if err := <-published; err != nil {
			t.Fatal(err)
		}
		expectNext(t, room, "snapshot 0", "posted 1")
		for got := uint64(1); got < 100; {
			resume := s.join(t, 100, true).GetResume()
			for rev := resume.GetRev(); rev < 100; rev++ {
				s.event(t, posted(rev+1))
			}
			synctest.Wait()
			for ; got < 100 && got < resume.GetRev()+2; got++ {
				expectNext(t, room, fmt.Sprintf("posted %d", got+1))
			}
		}
	})
}

func TestEventLargerThanTheBufferPasses(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		room := joinRoom(t, c, s, 30)
		large := make([]*chatv1.Message, 30)
		for i := range large {
			large[i] = message(uint64(i + 1))
			large[i].Body = &chatv1.Message_Data{Data: &chatv1.Data{Type: "x", Value: make([]byte, 60<<10)}}
		}
		s.event(t, snapshot(30, &chatv1.Snapshot{Messages: large})...)
		expectNext(t, room, "snapshot 30")
	})
}

func TestPresenceIsFolded(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		room := joinRoom(t, c, s, 0)
		presence := func(p *chatv1.Presence) *chatv1.Event {
			return &chatv1.Event{Room: "lobby", Kind: &chatv1.Event_Presence{Presence: p}}
		}
		s.event(t, snapshot(0)...)
		s.event(t,
			presence(&chatv1.Presence{Reset_: true, Joined: []*chatv1.User{ana}, Online: 1}),
			presence(&chatv1.Presence{Joined: []*chatv1.User{ben}, Online: 2}),
			presence(&chatv1.Presence{Left: []string{ana.Id}, Online: 1}))
		synctest.Wait()
		expectNext(t, room, "snapshot 0")
		event, err := room.Next(t.Context())
		p := event.GetPresence()
		if err != nil || !p.GetReset_() || len(p.GetJoined()) != 1 || p.GetJoined()[0].Id != ben.Id || p.GetOnline() != 1 {
			t.Errorf("presence %v, %v", p, err)
		}
		s.event(t, posted(1))
		expectNext(t, room, "posted 1") // and no second presence before it
	})
}

func TestJoinRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t, client.WithBackoff(time.Millisecond, time.Second))
		s := f.welcomed(t)
		joined := make(chan error)
		go func() { _, err := c.Join(t.Context(), "UPPER", client.FromNow()); joined <- err }()
		for _, code := range []codes.Code{codes.Unavailable, codes.InvalidArgument} { // the first is worth repeating
			request := s.recv(t)
			if request.GetJoin() == nil {
				t.Fatalf("got %v", request)
			}
			s.reply(t, &chatv1.Reply{
				RequestId: request.RequestId,
				Result:    &chatv1.Reply_Error{Error: status.New(code, "no").Proto()},
			})
		}
		if err := <-joined; status.Code(err) != codes.InvalidArgument {
			t.Errorf("Join: %v", err)
		}
	})
}

func TestJoinGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := c.Join(ctx, "lobby", client.FromNow()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Join: %v", err)
		}
		joinAgain := make(chan error)
		go func() { _, err := c.Join(t.Context(), "lobby", client.FromNow()); joinAgain <- err }()
		synctest.Wait() // before that the client would leave the room, as it should
		s := f.welcomed(t)
		s.join(t, 0, false)
		if err := <-joinAgain; err != nil {
			t.Error(err)
		}
		if _, err := c.Join(t.Context(), "lobby", client.FromNow()); !errors.Is(err, client.ErrJoined) {
			t.Errorf("second handle: %v", err)
		}
	})
}

func TestLeave(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		room := joinRoom(t, c, s, 1)
		s.event(t, append(snapshot(1), posted(2))...)
		var revs []uint64
		for event, err := range room.Events(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if revs = append(revs, event.GetRev()); len(revs) == 2 {
				room.Leave()
			}
		}
		if request := s.recv(t); request.GetLeave().GetRoom() != "lobby" {
			t.Errorf("got %v, want leave", request)
		}
		if _, err := room.Next(t.Context()); !errors.Is(err, client.ErrLeft) {
			t.Errorf("Next: %v", err)
		}
		// A new handle is not disturbed by what the old join still sends.
		again := joinRoom(t, c, s, 4)
		s.event(t, posted(3))
		s.event(t, append(snapshot(4), posted(5))...)
		expectNext(t, again, "snapshot 4", "posted 5")
	})
}

func TestTrimmedRoom(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		room := joinRoom(t, c, s, 3)
		trimmed := &chatv1.Event{Room: "lobby", Rev: 4, Kind: &chatv1.Event_Trimmed{Trimmed: &chatv1.Trimmed{FirstSeq: 3}}}
		s.event(t, append(snapshot(3), trimmed)...)
		for range 2 {
			if _, err := room.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if info := room.Info(); info.GetFirstSeq() != 3 || info.GetHeadRev() != 4 {
			t.Errorf("the room is %v", info)
		}
		if at := room.Position(); at.Rev != 4 {
			t.Errorf("position %v", at)
		}
	})
}

func TestShutOut(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		room := joinRoom(t, c, s, 1)
		s.event(t, append(snapshot(1), posted(2), &chatv1.Event{Room: "lobby", Kind: &chatv1.Event_ShutOut{ShutOut: &chatv1.ShutOut{}}})...)
		expectNext(t, room, "snapshot 1", "posted 2")
		if _, err := room.Next(t.Context()); !errors.Is(err, client.ErrShutOut) {
			t.Errorf("Next: %v", err)
		}
		room.Leave() // changes nothing
		s.cut(status.Error(codes.Unavailable, "going away"))
		s = f.welcomed(t)
		synctest.Wait()
		if state := c.State(); state.Phase != client.Live {
			t.Errorf("state %v: it waits for a room that is none", state)
		}
		joinRoom(t, c, s, 1) // asks again
	})
}

func TestStoredPositionIsResumed(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		rooms := make(chan *client.Room)
		go func() {
			room, err := c.Join(t.Context(), "lobby", client.ResumeAfter(client.Position{Epoch: epoch, Rev: 41}))
			if err != nil {
				t.Error(err)
			}
			rooms <- room
		}()
		if r := s.join(t, 42, true).GetResume(); r.GetEpoch() != epoch || r.GetRev() != 41 {
			t.Errorf("resume %v", r)
		}
		s.event(t, posted(42))
		expectNext(t, <-rooms, "posted 42")
	})
}

func TestNextIsOneCursor(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		room := joinRoom(t, c, s, 1)
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error)
		go func() { _, err := room.Next(ctx); first <- err }()
		synctest.Wait()
		if _, err := room.Next(t.Context()); !errors.Is(err, client.ErrBusy) {
			t.Errorf("second Next: %v", err)
		}
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("first Next: %v", err)
		}
		s.event(t, snapshot(1)...)
		expectNext(t, room, "snapshot 1")
	})
}

func TestTypingAndMarksAreThrottled(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		room := joinRoom(t, c, s, 0)
		s.event(t, snapshot(0)...)
		press := func() {
			room.Typing(true)
			synctest.Wait()
		}
		for range 5 {
			press()
		}
		if signal := s.recv(t).GetSignal(); !signal.GetTyping() {
			t.Errorf("got %v", signal)
		}
		time.Sleep(4 * time.Second)
		press()
		if signal := s.recv(t).GetSignal(); !signal.GetTyping() {
			t.Errorf("got %v", signal)
		}
		room.Typing(false)
		if request := s.recv(t); request.GetSignal() == nil || request.GetSignal().GetTyping() {
			t.Errorf("got %v", request)
		}
		room.Typing(false)
		synctest.Wait()

		// A message is the end of typing, so that what is typed next is news at once.
		time.Sleep(4 * time.Second)
		press()
		if signal := s.recv(t).GetSignal(); !signal.GetTyping() {
			t.Errorf("got %v", signal)
		}
		if _, err := room.PublishAsync(t.Context(), "hello"); err != nil {
			t.Fatal(err)
		}
		id, _ := s.publish(t)
		s.reply(t, stored(id, 1))
		press()
		if signal := s.recv(t).GetSignal(); !signal.GetTyping() {
			t.Errorf("got %v", signal)
		}

		room.MarkRead(1)
		mark := s.recv(t)
		if mark.GetMarkRead().GetSeq() != 1 {
			t.Fatalf("got %v", mark)
		}
		sent := time.Now()
		for seq := uint64(2); seq <= 9; seq++ {
			room.MarkRead(seq)
		}
		s.cut(status.Error(codes.Unavailable, "before the answer"))
		s = f.welcomed(t)
		s.join(t, 0, true)
		mark = s.recv(t)
		if mark.GetMarkRead().GetSeq() != 9 {
			t.Errorf("got %v", mark)
		}
		if time.Since(sent) < time.Second {
			t.Errorf("next marker after %v", time.Since(sent))
		}
	})
}

func TestHistoryAsksForThePageBefore(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		f.listMsgs = func(_ context.Context, r *chatv1.ListMessagesRequest) (*chatv1.ListMessagesResponse, error) {
			if r.GetBeforeSeq() != 3 || r.GetPageSize() != 100 || r.GetRoom() != "lobby" {
				t.Errorf("request %v", r)
			}
			return &chatv1.ListMessagesResponse{Messages: []*chatv1.Message{message(1), message(2)}}, nil
		}
		c := f.client(t)
		room := joinRoom(t, c, f.welcomed(t), 0)
		messages, err := room.History(t.Context(), 3, 1000)
		if err != nil || len(messages) != 2 || messages[0].Seq != 1 {
			t.Errorf("%v, %v", messages, err)
		}
	})
}
