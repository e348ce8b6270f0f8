package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// pending returns what the session got until now and was not asked for, of a kind. In a synctest bubble "now" is when
// nothing happens any more.
func (s *session) pending(want func(*chatv1.Event) bool) []*chatv1.Event {
	s.tb.Helper()
	time.Sleep(60 * time.Millisecond) // news waits for more of it, but not longer
	synctest.Wait()
	s.send(&chatv1.ConnectRequest{})
	for {
		resp, err := s.stream.Recv()
		if err != nil {
			s.tb.Fatal(err)
		}
		if proto.Size(resp) == 0 { // the answer to the probe: all that was ready before it has come
			break
		}
		s.replies = append(s.replies, resp.GetReplies()...)
		s.events = append(s.events, resp.GetEvents()...)
	}
	got := slices.DeleteFunc(slices.Clone(s.events), func(e *chatv1.Event) bool { return !want(e) })
	s.events = slices.DeleteFunc(s.events, want)
	return got
}

// roster applies presence events as a client does and shows who is here.
func roster(events []*chatv1.Event, here map[string]string) string {
	for _, e := range events {
		p := e.GetPresence()
		if p.GetReset_() {
			clear(here)
		}
		for _, u := range p.GetJoined() {
			here[u.GetId()] = u.GetDisplayName()
		}
		for _, id := range p.GetLeft() {
			delete(here, id)
		}
		if int(p.GetOnline()) != len(here) {
			return fmt.Sprintf("%d online, but known are %v", p.GetOnline(), here)
		}
	}
	var names []string
	for _, name := range here {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{})
		ana := l.guest("Ana")
		ana.join(fromNow("lobby"))
		here := make(map[string]string)
		expect := func(what, want string) {
			t.Helper()
			if got := roster(ana.pending(isPresence), here); got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
		expect("alone", "Ana")

		benCtx, _ := l.as("Ben")
		ben := l.connect(benCtx)
		ben.join(fromNow("lobby"))
		time.Sleep(time.Second)
		expect("Ben joined", "Ana Ben")
		if got := roster(ben.pending(isPresence), make(map[string]string)); got != "Ana Ben" {
			t.Errorf("Ben sees %s", got)
		}

		second := l.connect(benCtx)
		second.join(fromNow("lobby"))
		time.Sleep(5 * time.Second)
		if got := ana.pending(isPresence); len(got) != 0 {
			t.Errorf("a second connection of Ben: %v", got)
		}
		second.call(leaveRequest("lobby"))
		time.Sleep(5 * time.Second)
		if got := ana.pending(isPresence); len(got) != 0 {
			t.Errorf("the second connection of Ben left: %v", got)
		}
		ben.join(history("lobby", 5))
		time.Sleep(5 * time.Second)
		if got := ana.pending(isPresence); len(got) != 0 {
			t.Errorf("Ben joined again where he was: %v", got)
		}

		ahead := resume("lobby", ben.join(fromNow("lobby")).GetEpoch(), 1000)
		ben.join(ahead) // waits longer than the grace
		if got := ana.pending(isPresence); len(got) != 0 {
			t.Errorf("Ben joined again, ahead of the room: %v", got)
		}

		ben.cancel()
		time.Sleep(1900 * time.Millisecond)
		if got := ana.pending(isPresence); len(got) != 0 {
			t.Errorf("within the grace: %v", got)
		}
		time.Sleep(200 * time.Millisecond)
		expect("Ben went", "Ana")
	})
}

// Who may not join a room does not show up in it, however often they try.
func TestRefusedJoinDoesNotShowUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startCalls(t, config{})
		owner, stranger := c.person("owner"), c.person("stranger")
		c.private("den", owner)
		must(c.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: "square"}))(t)
		must(c.members.BanMember(owner, &chatv1.BanMemberRequest{Room: "square", UserId: stranger.id}))(t)
		inside, outside := c.connect(owner), c.connect(stranger)
		for room, code := range map[string]codes.Code{"den": codes.NotFound, "square": codes.PermissionDenied} {
			inside.join(fromNow(room))
			time.Sleep(time.Second)
			inside.pending(isPresence)
			for range 3 {
				for _, j := range []*chatv1.Join{fromNow(room), history(room, 10), resume(room, "another", 7)} {
					if got := outside.refused(joinRequest(j)).Code(); got != code {
						t.Errorf("%s: refused with %v", room, got)
					}
				}
				time.Sleep(time.Second)
			}
			if got := inside.pending(isPresence); len(got) != 0 {
				t.Errorf("%s: got %v", room, got)
			}
		}
	})
}

// A reconnect within the grace goes unnoticed.
func TestReconnectDoesNotFlicker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{})
		ana := l.guest("Ana")
		ana.join(fromNow("lobby"))
		ctx, _ := l.as("Ben")
		// The third absence falls into what would have been the end of the second's grace.
		for _, absence := range []time.Duration{1000, 500, 1700, 1900, 100} {
			ben := l.connect(ctx)
			ben.join(fromNow("lobby"))
			time.Sleep(500 * time.Millisecond)
			ben.cancel()
			time.Sleep(absence * time.Millisecond)
		}
		joins := 0
		for _, e := range ana.pending(isPresence) {
			joins += len(e.GetPresence().GetJoined())
			if len(e.GetPresence().GetLeft()) != 0 {
				t.Errorf("left: %v", e)
			}
		}
		if joins != 2 { // Ana herself and Ben
			t.Errorf("%d joins", joins)
		}
	})
}

// Many who come at once are announced together.
func TestPresenceIsAnnouncedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{})
		ana := l.guest("Ana")
		ana.join(fromNow("lobby"))
		time.Sleep(time.Second)
		ana.pending(isPresence)
		for i := range 20 {
			l.guest(fmt.Sprint("guest ", i)).join(fromNow("lobby"))
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		got := ana.pending(isPresence)
		if len(got) > 3 {
			t.Errorf("%d announcements", len(got))
		}
		if n := got[len(got)-1].GetPresence().GetOnline(); n != 21 {
			t.Errorf("%d online", n)
		}
	})
}

// Above 500 people only the count is told; below it again, everybody.
func TestPresenceOfACrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{})
		ana := l.guest("Ana")
		ana.join(fromNow("lobby"))
		var crowd []*session
		for i := range 500 {
			s := l.guest(fmt.Sprint("guest ", i))
			s.join(fromNow("lobby"))
			crowd = append(crowd, s)
		}
		time.Sleep(time.Second)
		got := ana.pending(isPresence)
		last := got[len(got)-1].GetPresence()
		if last.GetOnline() != 501 || !last.GetReset_() || len(last.GetJoined()) != 0 {
			t.Errorf("a crowd: %d online, reset %v, %d named", last.GetOnline(), last.GetReset_(), len(last.GetJoined()))
		}
		for _, s := range crowd[:2] {
			s.cancel()
		}
		time.Sleep(3 * time.Second)
		got = ana.pending(isPresence)
		last = got[len(got)-1].GetPresence()
		if last.GetOnline() != 499 || !last.GetReset_() || len(last.GetJoined()) != 499 {
			t.Errorf("few again: %d online, reset %v, %d named", last.GetOnline(), last.GetReset_(), len(last.GetJoined()))
		}
	})
}

func TestTyping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{})
		ana, ben := l.guest("Ana"), l.guest("Ben")
		ana.join(fromNow("lobby"))
		ben.join(fromNow("lobby"))
		for range 3 {
			ana.call(typingRequest("lobby", true))
		}
		got := ben.pending(isSignal)
		if len(got) == 0 {
			t.Fatal("Ben does not see Ana typing")
		}
		for _, e := range got {
			g := e.GetSignaled()
			if e.GetRoom() != "lobby" || e.GetRev() != 0 || g.GetUser().GetDisplayName() != "Ana" || !g.GetTyping() {
				t.Errorf("got %v", e)
			}
		}
		if got := ana.pending(isSignal); len(got) != 0 {
			t.Errorf("Ana gets her own: %v", got)
		}
		late := l.guest("Cid")
		late.join(fromNow("lobby"))
		if got := late.pending(isSignal); len(got) != 0 {
			t.Errorf("from before the join: %v", got)
		}

		ctx, _ := l.as("Dan")
		service := chatv1.NewChatServiceClient(l.conn)
		ana.publish("lobby", "now there is a room")
		if _, err := service.SendSignal(ctx, &chatv1.SendSignalRequest{Signal: typingSignal("lobby", false)}); err != nil {
			t.Fatal(err)
		}
		for _, s := range []*session{ana, ben, late} {
			got := s.pending(isSignal)
			if len(got) != 1 || got[0].GetSignaled().GetUser().GetDisplayName() != "Dan" || got[0].GetSignaled().GetTyping() {
				t.Errorf("got %v", got)
			}
		}
	})
}

// Signals are overwritten: whoever took nothing for a while gets the newest of each user, and all messages.
func TestSignalsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{dial: []grpc.DialOption{
			grpc.WithInitialWindowSize(64 << 10), grpc.WithInitialConnWindowSize(64 << 20),
		}})
		stalled, writer := l.guest("stalled"), l.guest("writer")
		stalled.join(fromNow("lobby"))
		writer.join(fromNow("lobby"))
		for range 20 { // five times what the stream takes
			writer.publish("lobby", strings.Repeat("x", 16<<10))
		}
		for range 500 {
			writer.call(typingRequest("lobby", true))
		}
		writer.call(typingRequest("lobby", false))
		stalled.gather(20)
		got := stalled.pending(isSignal)
		if len(got) == 0 || len(got) > 10 || got[len(got)-1].GetSignaled().GetTyping() {
			t.Errorf("%d signals", len(got))
		}
		contiguous(t, stalled.pending(durable("lobby")), 0)
	})
}

// A signal that nobody would show any more is not sent.
func TestOldSignalsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{dial: []grpc.DialOption{
			grpc.WithInitialWindowSize(64 << 10), grpc.WithInitialConnWindowSize(64 << 20),
		}})
		stalled, writer := l.guest("stalled"), l.guest("writer")
		stalled.join(fromNow("lobby"))
		writer.join(fromNow("lobby"))
		for range 20 {
			writer.publish("lobby", strings.Repeat("x", 16<<10))
		}
		writer.call(typingRequest("lobby", true))
		time.Sleep(7 * time.Second)
		stalled.gather(20)
		if got := stalled.pending(isSignal); len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})
}

// gather receives up to a rev and keeps everything.
func (s *session) gather(rev uint64) {
	s.tb.Helper()
	for !slices.ContainsFunc(s.events, func(e *chatv1.Event) bool { return e.GetRev() == rev }) {
		if err := s.receive(); err != nil {
			s.tb.Fatal(err)
		}
	}
}
