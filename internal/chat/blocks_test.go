package chat_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// countingStore counts how often events are read.
type countingStore struct {
	chat.Store
	reads atomic.Int64
}

type countingView struct {
	state.View
	reads *atomic.Int64
}

func (s *countingStore) View() state.View { return &countingView{s.Store.View(), &s.reads} }

func (v *countingView) Events(r state.RoomID, after uint64, n, bytes int) ([]*state.Event, error) {
	v.reads.Add(1)
	return v.View.Events(r, after, n, bytes)
}

// Those who catch up share what is read for them, from wherever they start; what does not fit into memory is read again.
func TestLaggingSessionsShareBlocks(t *testing.T) {
	t.Parallel()
	const messages, readers, block = 200, 20, 16
	for name, c := range map[string]struct {
		memory int
		most   int64 // reads
	}{
		"enough memory": {0, 2 * (messages/block + 1)},
		"no memory":     {1, readers * (messages/block + 2)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			counting := &countingStore{}
			l := start(t, config{
				reads: func(s chat.Store) chat.Store { counting.Store = s; return counting },
				delivery: chat.Delivery{
					WindowEvents: 4, BlockEvents: block, MemoryBytes: c.memory, TurnBytes: 300, ResponseBytes: 600,
				},
			})
			writer := l.guest("writer")
			epoch := writer.join(fromNow("lobby")).GetEpoch() // keeps the room alive
			for i := range messages {
				writer.publish("lobby", fmt.Sprint("message ", i))
			}
			counting.reads.Store(0)
			for i := range uint64(readers) {
				reader := l.guest("reader")
				events := reader.from(resume("lobby", epoch, i*7), messages)
				contiguous(t, events, i*7)
				for _, e := range events {
					if got, want := e.GetPosted().GetText(), fmt.Sprint("message ", e.GetRev()-1); got != want {
						t.Fatalf("rev %d is %q, want %q", e.GetRev(), got, want)
					}
				}
			}
			if got := counting.reads.Load(); got > c.most {
				t.Errorf("%d reads, want at most %d", got, c.most)
			}
			if c.memory == 1 && counting.reads.Load() < messages/block {
				t.Errorf("%d reads without memory", counting.reads.Load())
			}
		})
	}
}

// Bodies that are larger than a block may be are read in several, and all of them come.
func TestBlocksOfLargeBodies(t *testing.T) {
	t.Parallel()
	l := start(t, config{delivery: chat.Delivery{WindowEvents: 1}})
	writer := l.guest("writer")
	epoch := writer.join(fromNow("lobby")).GetEpoch()
	const messages = 150
	for range messages {
		writer.publish("lobby", strings.Repeat("x", 16<<10)) // a block of 64 is 1 MiB
	}
	for _, from := range []uint64{0, 63, 64, 100} {
		contiguous(t, l.guest("reader").from(resume("lobby", epoch, from), messages), from)
	}
}

// What was read for others is not shown any more once the message has changed.
func TestBlocksShowNoDeletedBody(t *testing.T) {
	t.Parallel()
	l := start(t, config{delivery: chat.Delivery{WindowEvents: 1}})
	ctx, _ := l.as("Ana")
	ana := l.connect(ctx)
	epoch := ana.join(fromNow("lobby")).GetEpoch()
	for range 10 {
		ana.publish("lobby", "secret")
	}
	l.guest("early").from(resume("lobby", epoch, 0), 10)
	messages := chatv1.NewMessageServiceClient(l.conn)
	if _, err := messages.DeleteMessage(ctx, &chatv1.DeleteMessageRequest{Room: "lobby", Seq: 3}); err != nil {
		t.Fatal(err)
	}
	events := l.guest("late").from(resume("lobby", epoch, 0), 11)
	contiguous(t, events, 0)
	if m := events[2].GetPosted(); m.GetText() != "" || m.GetDeleteTime() == nil {
		t.Errorf("the deleted message is replayed as %v", m)
	}
}

// deletingStore does something once between the look at a room and the reading of its events.
type deletingStore struct {
	chat.Store
	meanwhile atomic.Pointer[func()]
}

type deletingView struct {
	state.View
	store *deletingStore
}

func (s *deletingStore) View() state.View { return &deletingView{s.Store.View(), s} }

func (v *deletingView) Events(r state.RoomID, after uint64, n, bytes int) ([]*state.Event, error) {
	if do := v.store.meanwhile.Swap(nil); do != nil {
		(*do)()
	}
	later := v.store.Store.View()
	defer later.Close()
	return later.Events(r, after, n, bytes)
}

func (v *deletingView) Messages(r state.RoomID, from uint64, back bool, n, bytes int) ([]*state.Message, error) {
	if do := v.store.meanwhile.Swap(nil); do != nil {
		(*do)()
	}
	later := v.store.Store.View()
	defer later.Close()
	return later.Messages(r, from, back, n, bytes)
}

// Who is banned while they are about to read from disk, where a message has another form by then, gets nothing of that form; nor
// who leaves the room meanwhile, too.
func TestBannedBeforeAReadFromDisk(t *testing.T) {
	t.Parallel()
	t.Run("left", func(t *testing.T) { synctest.Test(t, leftAndBannedBeforeARead) })
	for name, from := range map[string]func(epoch string) *chatv1.Join{
		"events":   func(epoch string) *chatv1.Join { return resume("den", epoch, 1) },
		"snapshot": func(string) *chatv1.Join { return history("den", 10) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deleting := &deletingStore{}
			c := startCalls(t, config{
				reads:    func(s chat.Store) chat.Store { deleting.Store = s; return deleting },
				delivery: chat.Delivery{WindowEvents: 1},
			})
			owner, member := c.person("owner"), c.person("member")
			c.private("den", owner, member)
			for range 10 {
				c.post(owner, "den", "as it was")
			}
			meanwhile := func() {
				must(c.members.BanMember(owner, &chatv1.BanMemberRequest{Room: "den", UserId: member.id}))(t)
				must(c.messages.EditMessage(owner, &chatv1.EditMessageRequest{Room: "den", Seq: 5, Text: "as it became"}))(t)
			}
			epoch := c.epochAs(owner, "den")
			deleting.meanwhile.Store(&meanwhile)
			s := c.connect(member)
			s.join(from(epoch))
			s.event(func(e *chatv1.Event) bool {
				for _, m := range append(e.GetSnapshot().GetMessages(), e.GetPosted(), e.GetEdited()) {
					if m.GetText() == "as it became" {
						t.Errorf("got %v", e)
					}
				}
				return isShutOut(e)
			})
			s.call(leaveRequest("lobby"))
		})
	}
}

func leftAndBannedBeforeARead(t *testing.T) {
	deleting := &deletingStore{}
	c := startCalls(t, config{
		reads:    func(s chat.Store) chat.Store { deleting.Store = s; return deleting },
		delivery: chat.Delivery{WindowEvents: 1},
	})
	owner, member := c.person("owner"), c.person("member")
	c.private("den", owner, member)
	for range 10 {
		c.post(owner, "den", "as it was")
	}
	epoch := c.epochAs(owner, "den")
	s := c.connect(member)
	meanwhile := func() {
		s.send(leaveRequest("den"))
		synctest.Wait()
		must(c.members.BanMember(owner, &chatv1.BanMemberRequest{Room: "den", UserId: member.id}))(t)
		must(c.messages.EditMessage(owner, &chatv1.EditMessageRequest{Room: "den", Seq: 5, Text: "as it became"}))(t)
	}
	deleting.meanwhile.Store(&meanwhile)
	s.send(joinRequest(resume("den", epoch, 1)))
	time.Sleep(time.Second)
	s.call(leaveRequest("lobby"))
	for _, e := range s.events {
		if e.GetPosted().GetText() == "as it became" {
			t.Errorf("got %v", e)
		}
	}
}

// A room that is deleted while somebody reads it from disk ends for them as for all others, and their session lives.
func TestDeletedWhileReadFromDisk(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]func(epoch string) *chatv1.Join{
		"events":   func(epoch string) *chatv1.Join { return resume("den", epoch, 1) },
		"snapshot": func(string) *chatv1.Join { return history("den", 10) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deletedWhileReadFromDisk(t, from)
		})
	}
}

func deletedWhileReadFromDisk(t *testing.T, from func(epoch string) *chatv1.Join) {
	t.Helper()
	deleting := &deletingStore{}
	c := startCalls(t, config{
		reads:    func(s chat.Store) chat.Store { deleting.Store = s; return deleting },
		delivery: chat.Delivery{WindowEvents: 1},
	})
	owner, _ := c.as("owner")
	must(c.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: "den"}))(t)
	for range 10 {
		c.post(owner, "den", "hello")
	}
	epoch := c.guest("first").join(fromNow("den")).GetEpoch()
	deletion := func() { must(c.rooms.DeleteRoom(owner, &chatv1.DeleteRoomRequest{Room: "den"}))(t) }
	deleting.meanwhile.Store(&deletion)
	reader := c.guest("reader")
	reader.join(from(epoch))
	e := reader.event(func(e *chatv1.Event) bool { return e.GetShutOut() != nil })
	if e.GetShutOut().GetReason() != chatv1.ShutOutReason_SHUT_OUT_REASON_ROOM_DELETED {
		t.Errorf("it ended with %v", e)
	}
	reader.publish("lobby", "still here")
}

// Where a block begins before the oldest change that is kept, those who need none that is gone get the others.
func TestBlockThatIsTrimmedInPart(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{delivery: chat.Delivery{WindowEvents: 1, BlockEvents: 4096}})
	owner, _ := c.as("owner")
	c.postMany("lobby", 1200, 10)
	epoch := c.guest("first").join(fromNow("lobby")).GetEpoch()
	if err := c.service.Trim(t.Context(), "lobby", 1100, &storev1.Retention{Messages: 100}); err != nil {
		t.Fatal(err)
	}
	if err := c.service.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := c.store.View()
	room, _, err := v.Room("lobby")
	v.Close()
	if err != nil || room.Removal.Rev < 100 {
		t.Fatalf("%+v, %v", room, err)
	}
	c.post(owner, "lobby", "last")
	head := room.Head.Rev + 1
	contiguous(t, c.guest("reader").from(resume("lobby", epoch, head-300), head), head-300)
}

// A room that nobody follows any more holds no memory.
func TestMemoryIsFreedWithTheRoom(t *testing.T) {
	t.Parallel()
	l := start(t, config{delivery: chat.Delivery{WindowEvents: 4}})
	writer := l.guest("writer")
	epoch := writer.join(fromNow("lobby")).GetEpoch()
	for range 50 {
		writer.publish("lobby", "hello")
	}
	reader := l.guest("reader")
	reader.from(resume("lobby", epoch, 0), 50)
	if got := l.service.Stats().Memory; got < 50*100 {
		t.Errorf("%d bytes for a window and a block", got)
	}
	reader.call(leaveRequest("lobby"))
	writer.call(leaveRequest("lobby"))
	if got := l.service.Stats().Memory; got != 0 {
		t.Errorf("%d bytes for nothing", got)
	}
}
