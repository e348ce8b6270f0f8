package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat"
)

// fill posts n messages, many at a time.
func (l *live) fill(room string, n int) {
	l.tb.Helper()
	s := l.guest("filler")
	for i := range n {
		s.send(publishRequest(room, fmt.Sprint("message ", i+1)))
	}
	if _, err := s.end(); err != nil {
		l.tb.Fatal(err)
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	l := start(t, config{})
	l.fill("lobby", 120)
	for _, c := range []struct {
		join *chatv1.Join
		want int
	}{
		{fromNow("lobby"), 0}, {history("lobby", 0), 0}, {history("lobby", 1), 1}, {history("lobby", 100), 100},
		{history("lobby", 4e9), 100},
	} {
		s := l.guest("Ana")
		got := s.join(c.join)
		e := s.event(durable("lobby"))
		messages := e.GetSnapshot().GetMessages()
		if got.GetResumed() || e.GetRev() != 120 || len(messages) != c.want || e.GetTime() == nil ||
			e.GetSnapshot().GetReason() != chatv1.SnapshotReason_SNAPSHOT_REASON_HISTORY || !proto.Equal(e.GetSnapshot().GetRoom(), got.GetRoom()) {
			t.Errorf("%v: rev %d, %d messages, %v", c.join, e.GetRev(), len(messages), got)
		}
		for i, m := range messages {
			if want := uint64(120 - c.want + i + 1); m.GetSeq() != want || m.GetText() != fmt.Sprint("message ", want) {
				t.Fatalf("%v: message %d is %v", c.join, i, m)
			}
		}
	}
}

// A page larger than a response comes in parts, of which the last has the rev; other rooms' events may come between them.
func TestSnapshotInParts(t *testing.T) {
	t.Parallel()
	l := start(t, config{})
	writer := l.guest("Ana")
	text := strings.Repeat("x", 16<<10)
	for range 20 { // 320 KiB
		writer.publish("lobby", text)
	}
	s := l.guest("Ben")
	s.join(history("lobby", 100))
	var seqs []uint64
	for parts := 0; ; parts++ {
		e := s.event(func(e *chatv1.Event) bool { return e.GetRoom() == "lobby" })
		p := e.GetSnapshot()
		if p == nil {
			t.Fatalf("between parts: %v", e)
		}
		if size := proto.Size(e); size > 96<<10 {
			t.Errorf("a part of %d bytes", size)
		}
		if p.GetContinued() != (parts > 0) || (e.GetRev() == 0) != p.GetMore() || p.GetRoom().GetHeadRev() != 20 {
			t.Errorf("part %d: rev %d, more %v, continued %v", parts, e.GetRev(), p.GetMore(), p.GetContinued())
		}
		for _, m := range p.GetMessages() {
			seqs = append(seqs, m.GetSeq())
		}
		if !p.GetMore() {
			if e.GetRev() != 20 || parts < 4 {
				t.Errorf("%d parts, the last with rev %d", parts+1, e.GetRev())
			}
			break
		}
	}
	for i, seq := range seqs {
		if seq != uint64(i+1) {
			t.Fatalf("seqs: %v", seqs)
		}
	}
	if len(seqs) != 20 {
		t.Errorf("%d messages", len(seqs))
	}
}

func TestResume(t *testing.T) {
	t.Parallel()
	const (
		replay  = chatv1.SnapshotReason_SNAPSHOT_REASON_UNSPECIFIED
		epoch   = chatv1.SnapshotReason_SNAPSHOT_REASON_EPOCH_CHANGED
		tooFar  = chatv1.SnapshotReason_SNAPSHOT_REASON_TOO_FAR_BEHIND
		unknown = chatv1.SnapshotReason_SNAPSHOT_REASON_UNKNOWN_POSITION
	)
	for name, delivery := range map[string]chat.Delivery{"default": {}, "tiny": tiny} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t, config{delivery: delivery})
			const head = 501
			l.fill("lobby", head)
			current := l.epoch("lobby")
			for _, c := range []struct {
				name string
				join *chatv1.Join
				want chatv1.SnapshotReason
			}{
				{"nothing missing", resume("lobby", current, head), replay},
				{"one missing", resume("lobby", current, head-1), replay},
				{"500 missing", resume("lobby", current, head-500), replay},
				{"501 missing", resume("lobby", current, head-501), tooFar},
				{"other epoch", resume("lobby", "other", head), epoch},
				{"no epoch", resume("lobby", "", 0), epoch},
			} {
				t.Run(c.name, func(t *testing.T) { l.testResume(t, c.join, head, c.want, unknown) })
			}
			s := l.guest("Ana")
			if got := s.join(resume("new", current, 0)); !got.GetResumed() {
				t.Errorf("the very start of a room that does not exist: %v", got)
			}
			s.publish("new", "hello")
			contiguous(t, s.upTo("new", 1), 0)
		})
	}
}

func (l *live) testResume(t *testing.T, j *chatv1.Join, head uint64, want, never chatv1.SnapshotReason) {
	s := l.guest("Ana")
	got := s.join(j)
	if got.GetRoom().GetHeadRev() != head || got.GetResumed() != (want == 0) {
		t.Fatalf("got %v", got)
	}
	if want == 0 {
		rev := j.GetResume().GetRev()
		if rev < head {
			rev = contiguous(t, s.upTo("lobby", head), rev)
		}
		if rev != head {
			t.Errorf("replayed up to %d", rev)
		}
		return
	}
	var messages []*chatv1.Message
	for {
		e := s.event(durable("lobby"))
		if e.GetSnapshot().GetReason() != want || e.GetSnapshot().GetReason() == never {
			t.Fatalf("got %v", e)
		}
		messages = append(messages, e.GetSnapshot().GetMessages()...)
		if !e.GetSnapshot().GetMore() {
			break
		}
	}
	if len(messages) != 50 || messages[49].GetSeq() != head {
		t.Errorf("%d messages, the last %v", len(messages), messages[len(messages)-1])
	}
}

// A position ahead of this node is waited for, while the session goes on; one that does not come is no position of ours.
func TestResumeAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{})
		writer, reader, lost := l.guest("Ana"), l.guest("Ben"), l.guest("Cid")
		writer.publish("lobby", "one")
		epoch := l.epoch("lobby")
		ahead := joinRequest(resume("lobby", epoch, 2))
		ahead.RequestId = "ahead"
		reader.send(ahead)
		reader.publish("other", "meanwhile")
		synctest.Wait()
		if len(reader.replies) != 0 {
			t.Fatalf("before the position is reached: %v", reader.replies)
		}
		lost.send(&chatv1.ConnectRequest{RequestId: "lost", Command: joinRequest(resume("lobby", epoch, 99)).GetCommand()})
		lost.send(&chatv1.ConnectRequest{RequestId: "left", Command: joinRequest(resume("elsewhere", epoch, 99)).GetCommand()})
		lost.call(leaveRequest("elsewhere"))
		if got := codes.Code(lost.reply("left").GetError().GetCode()); got != codes.Aborted {
			t.Errorf("a join that is left before its position came: %v", got)
		}

		writer.publish("lobby", "two")
		if r := reader.reply("ahead").GetJoin(); !r.GetResumed() || r.GetRoom().GetHeadRev() < 2 {
			t.Errorf("after the position was reached: %v", r)
		}
		writer.publish("lobby", "three")
		contiguous(t, reader.upTo("lobby", 3), 2)

		before := time.Now()
		if r := lost.reply("lost").GetJoin(); r.GetResumed() {
			t.Errorf("a position that never came: %v", r)
		}
		if waited := time.Since(before); waited < 4*time.Second || waited > 6*time.Second {
			t.Errorf("waited %v", waited)
		}
		e := lost.event(durable("lobby"))
		if e.GetRev() != 3 || e.GetSnapshot().GetReason() != chatv1.SnapshotReason_SNAPSHOT_REASON_UNKNOWN_POSITION ||
			len(e.GetSnapshot().GetMessages()) != 3 {
			t.Errorf("a position that never came: %v", e)
		}
	})
}

// What a client holds survives a restart of the server, and only as long as the data does.
func TestResumeAfterRestart(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	var epoch string
	t.Run("before", func(t *testing.T) {
		l := start(t, config{fs: fs})
		l.fill("lobby", 3)
		epoch = l.epoch("lobby")
	})
	t.Run("same data", func(t *testing.T) {
		l := start(t, config{fs: fs})
		contiguous(t, l.guest("Ana").from(resume("lobby", epoch, 1), 3), 1)
	})
	t.Run("other data", func(t *testing.T) {
		s := start(t, config{}).guest("Ana")
		s.join(resume("lobby", epoch, 3))
		if e := s.event(durable("lobby")); e.GetSnapshot().GetReason() != chatv1.SnapshotReason_SNAPSHOT_REASON_EPOCH_CHANGED {
			t.Errorf("got %v", e)
		}
	})
}

func TestLeave(t *testing.T) {
	t.Parallel()
	l := start(t, config{})
	ana, ben := l.guest("Ana"), l.guest("Ben")
	ana.join(fromNow("lobby"))
	ana.call(leaveRequest("lobby"))
	ana.call(leaveRequest("lobby"))
	ana.events = nil
	ben.publish("lobby", "not for Ana")
	events, err := ana.end()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.GetRoom() == "lobby" {
			t.Errorf("after leave: %v", e)
		}
	}
}

// From the response with the reply to leave on, nothing of the room comes, also if much of it waited.
func TestLeaveOfWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{dial: []grpc.DialOption{
			grpc.WithInitialWindowSize(64 << 10), grpc.WithInitialConnWindowSize(64 << 20),
		}})
		stalled, writer := l.guest("stalled"), l.guest("writer")
		stalled.join(fromNow("lobby"))
		for range 40 {
			writer.publish("lobby", strings.Repeat("x", 16<<10))
		}
		synctest.Wait()
		stalled.call(leaveRequest("lobby"))
		if len(stalled.events) < 2 || slices.ContainsFunc(stalled.last.GetEvents(), durable("lobby")) {
			t.Errorf("%d events before and beside the reply", len(stalled.events))
		}
		stalled.events = nil
		if got := stalled.pending(durable("lobby")); len(got) != 0 {
			t.Errorf("%d events after the reply", len(got))
		}
	})
}

func TestRoomsOfAConnection(t *testing.T) {
	t.Parallel()
	l := start(t, config{maxRooms: 3})
	s := l.guest("Ana")
	for i := range 3 {
		s.join(fromNow(fmt.Sprint("room-", i)))
	}
	if got := s.refused(joinRequest(fromNow("one-more"))).Code(); got != codes.ResourceExhausted {
		t.Errorf("one room too many: %v", got)
	}
	s.join(history("room-1", 1)) // joined already
	s.call(leaveRequest("room-0"))
	s.join(fromNow("one-more"))
}

func TestTenThousandJoins(t *testing.T) {
	t.Parallel()
	l := start(t, config{})
	bystander := l.guest("Ben")
	bystander.join(fromNow("room-7"))
	s := l.guest("Ana")
	const joins = 10_000
	go func() {
		for i := range joins {
			if s.stream.Send(&chatv1.ConnectRequest{
				RequestId: fmt.Sprint(i), Command: joinRequest(fromNow(fmt.Sprint("room-", i))).GetCommand(),
			}) != nil {
				return
			}
		}
		_ = s.stream.CloseSend()
	}()
	if _, err := s.rest(); err != nil {
		t.Fatal(err)
	}
	joined, refused := 0, 0
	for _, r := range s.replies {
		switch {
		case r.GetJoin() != nil:
			joined++
		case codes.Code(r.GetError().GetCode()) == codes.ResourceExhausted:
			refused++
		}
	}
	if joined != 200 || refused != joins-200 {
		t.Errorf("%d joined, %d refused", joined, refused)
	}
	bystander.publish("room-7", "noticed nothing")
	bystander.upTo("room-7", 1)
}
