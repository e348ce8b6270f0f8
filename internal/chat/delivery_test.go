package chat_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// contiguous checks that events continue after rev without gap and repeat, and returns the last rev.
func contiguous(tb testing.TB, events []*chatv1.Event, rev uint64) uint64 {
	tb.Helper()
	for _, e := range events {
		switch {
		case e.GetSnapshot().GetMore():
		case e.GetSnapshot() != nil:
			rev = e.GetRev()
		case e.GetRev() != rev+1:
			tb.Fatalf("rev %d after %d", e.GetRev(), rev)
		default:
			rev++
		}
	}
	return rev
}

// digest is what a client knows after events: which message is at which seq.
func digest(events []*chatv1.Event) map[uint64]string {
	got := make(map[uint64]string)
	for _, e := range events {
		for _, m := range append(e.GetSnapshot().GetMessages(), e.GetPosted()) {
			if m != nil {
				got[m.GetSeq()] = m.GetSender().GetId() + ": " + m.GetText()
			}
		}
	}
	return got
}

// Publishers who also observe, and observers who only read, all see the same order, and each publisher's own messages in
// the order in which they were sent.
func TestManyPublishersAndObservers(t *testing.T) {
	t.Parallel()
	const people, each = 20, 25
	for name, delivery := range map[string]chat.Delivery{"default": {}, "tiny": tiny} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t, config{delivery: delivery})
			digests := make([]map[uint64]string, 2*people)
			var all sync.WaitGroup
			for i := range people {
				publisher, observer := l.guest(fmt.Sprint("P", i)), l.guest(fmt.Sprint("O", i))
				all.Go(func() {
					publisher.join(fromNow("lobby"))
					for n := range each {
						publisher.send(publishRequest("lobby", fmt.Sprint(i, " ", n)))
					}
					events := publisher.upTo("lobby", people*each)
					contiguous(t, events, 0)
					digests[i] = digest(events)
				})
				all.Go(func() {
					observer.join(history("lobby", 100))
					events := observer.upTo("lobby", people*each)
					contiguous(t, events, 0)
					digests[people+i] = digest(events)
				})
			}
			all.Wait()
			truth := digest(l.guest("late").from(resume("lobby", l.epoch("lobby"), 0), people*each))
			next := make(map[string]int)
			for seq := uint64(1); seq <= people*each; seq++ {
				var who, n int
				_, text, _ := strings.Cut(truth[seq], ": ")
				if _, err := fmt.Sscan(text, &who, &n); err != nil {
					t.Fatalf("seq %d: %q", seq, truth[seq])
				}
				if key := fmt.Sprint(who); next[key] != n {
					t.Fatalf("seq %d is message %d of %d, want %d", seq, n, who, next[key])
				} else {
					next[key]++
				}
			}
			for i, d := range digests {
				for seq, said := range d {
					if truth[seq] != said {
						t.Errorf("observer %d has %q at seq %d, want %q", i, said, seq, truth[seq])
					}
				}
			}
		})
	}
}

// epoch returns the epoch of a room's revs.
func (l *live) epoch(room string) string {
	l.tb.Helper()
	s := l.guest("asks")
	defer s.cancel()
	return s.join(fromNow(room)).GetEpoch()
}

// from joins and returns what comes up to a rev.
func (s *session) from(j *chatv1.Join, rev uint64) []*chatv1.Event {
	s.tb.Helper()
	s.join(j)
	return s.upTo(j.GetRoom(), rev)
}

// A reader that takes nothing for a while holds up nobody, costs no memory but its window in the transport, and then gets
// all that it missed.
func TestStalledReader(t *testing.T) {
	t.Parallel()
	l := start(t, config{
		delivery: chat.Delivery{WindowEvents: 4, BlockEvents: 3},
		dial:     []grpc.DialOption{grpc.WithInitialWindowSize(64 << 10), grpc.WithInitialConnWindowSize(64 << 20)},
	})
	stalled, reader, writer := l.guest("stalled"), l.guest("reader"), l.guest("writer")
	stalled.join(fromNow("lobby"))
	reader.join(fromNow("lobby"))
	const messages = 300
	text := strings.Repeat("x", 4<<10) // 1.2 MB in all, far more than the stream's 64 KiB
	for i := range messages {
		writer.publish("lobby", fmt.Sprint(i, text))
	}
	contiguous(t, reader.upTo("lobby", messages), 0)
	missed := stalled.upTo("lobby", messages)
	contiguous(t, missed, 0)
	for _, e := range missed {
		if m := e.GetPosted(); m != nil && m.GetText() != fmt.Sprint(m.GetSeq()-1, text) {
			t.Fatalf("seq %d is not what was said", m.GetSeq())
		}
	}
	writer.publish("lobby", "live again")
	stalled.upTo("lobby", messages+1)
}

// However a join falls between commits, it shows every rev once.
func TestJoinWhilePublishing(t *testing.T) {
	t.Parallel()
	for name, delivery := range map[string]chat.Delivery{"default": {}, "tiny": tiny} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t, config{delivery: delivery})
			epoch := l.epoch("lobby")
			ctx, stop := context.WithCancel(t.Context())
			var publishing sync.WaitGroup
			for range 3 {
				s := l.guest("writer")
				publishing.Go(func() {
					for ctx.Err() == nil {
						s.publish("lobby", "x")
					}
				})
			}
			var joining sync.WaitGroup
			for i := range 4 {
				s := l.guest("reader")
				random := rand.New(rand.NewPCG(1, uint64(i)))
				joining.Go(func() {
					at := uint64(0) // where this reader is
					joined := false // whether the join replaces one, whose last events still come before it
					for range 60 {
						j := history("lobby", random.Uint32N(10))
						if !joined && random.IntN(2) == 0 {
							j = resume("lobby", epoch, at)
						}
						got := s.join(j)
						if j.GetResume() != nil && got.GetResumed() != (got.GetRoom().GetHeadRev()-at <= 500) {
							t.Errorf("resume of %d at head %d: %v", at, got.GetRoom().GetHeadRev(), got.GetResumed())
						}
						events := s.upTo("lobby", got.GetRoom().GetHeadRev()+random.Uint64N(8))
						if joined {
							for events[0].GetSnapshot() == nil {
								at = contiguous(t, events[:1], at)
								if events = events[1:]; len(events) == 0 {
									events = s.upTo("lobby", 0)
								}
							}
						}
						at = contiguous(t, events, at)
						if joined = random.IntN(2) == 0; !joined {
							s.call(leaveRequest("lobby"))
							if slices.ContainsFunc(s.last.GetEvents(), durable("lobby")) {
								t.Error("an event of a room beside the reply to leave")
							}
							s.events = nil
							s.call(leaveRequest("elsewhere"))
							if slices.ContainsFunc(s.events, durable("lobby")) {
								t.Error("an event of a room after the reply to leave")
							}
						}
					}
				})
			}
			joining.Wait()
			stop()
			publishing.Wait()
		})
	}
}

// viewHook is a store that calls a function, once, between taking a View and handing it out.
type viewHook struct {
	chat.Store
	then atomic.Pointer[func()]
}

func (h *viewHook) View() state.View {
	v := h.Store.View()
	if then := h.then.Swap(nil); then != nil {
		(*then)()
	}
	return v
}

// A message that is committed right after a join has taken its View, and that nothing follows, reaches it all the same.
func TestCommitJustAfterTheViewOfAJoin(t *testing.T) {
	t.Parallel()
	hook := &viewHook{}
	l := start(t, config{reads: func(s chat.Store) chat.Store { hook.Store = s; return hook }})
	writer, reader := l.guest("writer"), l.guest("reader")
	epoch := reader.join(fromNow("lobby")).GetEpoch()
	reader.call(leaveRequest("lobby")) // nobody keeps the room in memory
	for i, j := range []*chatv1.Join{history("lobby", 1), fromNow("lobby"), resume("lobby", epoch, 2)} {
		publish := func() { writer.publish("lobby", "the only one") }
		hook.then.Store(&publish)
		if got := reader.join(j).GetRoom().GetHeadRev(); got != uint64(i) {
			t.Fatalf("joined at rev %d", got)
		}
		reader.upTo("lobby", uint64(i+1))
		reader.call(leaveRequest("lobby"))
	}
}

// One busy room does not keep another from the same connection.
func TestRoomsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{delivery: tiny})
		writer := l.guest("writer")
		for range 400 {
			writer.publish("busy", strings.Repeat("x", 400))
		}
		writer.publish("quiet", "hello")
		epoch := l.epoch("busy")
		p, _, err := l.guests.Issue("reader")
		if err != nil {
			t.Fatal(err)
		}
		busy, before := 0, -1
		reader := newTransport(auth.WithPrincipal(context.Background(), p), func(resp *chatv1.ConnectResponse) {
			for _, e := range resp.GetEvents() {
				switch {
				case e.GetPosted() == nil:
				case e.GetRoom() == "busy":
					busy++
				default:
					before = busy
				}
			}
		})
		reader.stall() // until both rooms are joined
		var running sync.WaitGroup
		running.Go(func() { _ = l.service.Connect(reader) }) // ends with the transport
		reader.requests <- joinRequest(resume("busy", epoch, 0))
		reader.requests <- joinRequest(resume("quiet", epoch, 0))
		synctest.Wait()
		reader.resume()
		synctest.Wait()
		if busy != 400 || before < 0 || before > 10 {
			t.Errorf("the quiet room came after %d of %d events of the busy one", before, busy)
		}
		reader.cut()
		running.Wait()
	})
}

// A message that is deleted, edited or reacted to is shown in that form from then on, whether from the window or from
// disk: whoever reads its `posted` again does not get the old body.
func TestDeletedBodyIsNotShownAgain(t *testing.T) {
	t.Parallel()
	for name, delivery := range map[string]chat.Delivery{"window": {}, "disk": {WindowEvents: 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t, config{delivery: delivery})
			ctx, _ := l.as("Ana")
			ana := l.connect(ctx)
			epoch := ana.join(fromNow("lobby")).GetEpoch() // keeps the room's window alive
			messages := chatv1.NewMessageServiceClient(l.conn)
			ana.publish("lobby", "secret")
			ana.publish("lobby", "tpyo")
			ana.publish("lobby", "funny")
			_, err1 := messages.DeleteMessage(ctx, &chatv1.DeleteMessageRequest{Room: "lobby", Seq: 1})
			_, err2 := messages.EditMessage(ctx, &chatv1.EditMessageRequest{Room: "lobby", Seq: 2, Text: "typo"})
			_, err3 := messages.AddReaction(ctx, &chatv1.AddReactionRequest{Room: "lobby", Seq: 3, Emoji: "+1"})
			if err1 != nil || err2 != nil || err3 != nil {
				t.Fatal(err1, err2, err3)
			}
			live := ana.upTo("lobby", 6)
			contiguous(t, live, 0)
			if live[len(live)-3].GetDeleted() == nil || live[len(live)-2].GetEdited().GetText() != "typo" ||
				len(live[len(live)-1].GetReacted().GetReactions()) != 1 {
				t.Errorf("live events: %v", live[len(live)-3:])
			}
			replay := l.guest("Ben").from(resume("lobby", epoch, 0), 6)
			contiguous(t, replay, 0)
			if m := replay[0].GetPosted(); m.GetText() != "" || m.GetDeleteTime() == nil || m.GetRev() != 4 {
				t.Errorf("the deleted message is replayed as %v", m)
			}
			if m := replay[1].GetPosted(); m.GetText() != "typo" || m.GetRev() != 5 {
				t.Errorf("the edited message is replayed as %v", m)
			}
			if m := replay[2].GetPosted(); len(m.GetReactions()) != 1 || m.GetRev() != 6 {
				t.Errorf("the message reacted to is replayed as %v", m)
			}
		})
	}
}
