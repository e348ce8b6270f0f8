package chat_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// gate is a sequencer that lets nothing pass until it is opened, and records the calls.
type gate struct {
	sequencer.Sequencer
	open chan struct{}
	err  error // instead of appending

	mu    sync.Mutex
	calls []int // records of each
}

func (g *gate) Append(ctx context.Context, recs ...state.Record) ([]state.Result, error) {
	g.mu.Lock()
	g.calls = append(g.calls, len(recs))
	g.mu.Unlock()
	select {
	case <-g.open:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", sequencer.ErrFull, ctx.Err())
	}
	if g.err != nil {
		return nil, g.err
	}
	return g.Sequencer.Append(ctx, recs...)
}

func (g *gate) records() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, c := range g.calls {
		n += c
	}
	return n
}

func (g *gate) wrap(s sequencer.Sequencer) sequencer.Sequencer {
	g.Sequencer = s
	return g
}

// Reading goes on while a commit runs, and what was read meanwhile is appended in one call, in its order.
func TestPublishesArePipelined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		l := start(t, config{wrap: g.wrap})
		s := l.guest("Ana")
		for i := range 50 {
			req := publishRequest("lobby", fmt.Sprint(i))
			req.RequestId = fmt.Sprint(i)
			s.send(req)
			if i == 0 {
				synctest.Wait() // the first is on its way, alone
			}
		}
		s.call(leaveRequest("lobby")) // overtakes the replies to the publishes
		if len(s.replies) != 0 {
			t.Errorf("replies before the commit: %v", s.replies)
		}
		close(g.open)
		for i := range 50 {
			if got := s.reply(fmt.Sprint(i)).GetPublish().GetSeq(); got != uint64(i+1) {
				t.Errorf("publish %d has seq %d", i, got)
			}
		}
		if !slices.Equal(g.calls, []int{1, 49}) {
			t.Errorf("calls of Append: %v", g.calls)
		}
	})
}

// A session reads no more than it may leave unanswered, in number and in bytes.
func TestUnansweredCommandsAreBounded(t *testing.T) {
	for _, c := range []struct {
		name string
		size int
		want int
	}{{"small", 1, 64}, {"large", 16 << 10, 64 / 5}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &gate{open: make(chan struct{})}
				l := start(t, config{wrap: g.wrap, delivery: chat.Delivery{Pending: 64}})
				s := l.guest("Ana")
				text := strings.Repeat("x", c.size)
				const messages = 200
				sent := make(chan error, 1)
				go func() {
					for range messages {
						if err := s.stream.Send(publishRequest("lobby", text)); err != nil {
							sent <- err
							return
						}
					}
					sent <- s.stream.CloseSend()
				}()
				synctest.Wait()
				if got := g.records() + l.service.Queued(); got != c.want {
					t.Errorf("%d messages are read and not answered, want %d", got, c.want)
				}
				close(g.open)
				if _, err := s.rest(); err != nil {
					t.Fatal(err)
				}
				if err := <-sent; err != nil {
					t.Error(err)
				}
				if got := g.records(); got != messages {
					t.Errorf("%d appended", got)
				}
			})
		})
	}
}

func TestAppendFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want codes.Code
	}{
		{sequencer.ErrFull, codes.ResourceExhausted},
		{sequencer.ErrUnknown, codes.Unavailable},
		{sequencer.ErrStopped, codes.Unavailable},
	} {
		g := &gate{open: make(chan struct{}), err: c.err}
		close(g.open)
		l := start(t, config{wrap: g.wrap})
		s := l.guest("Ana")
		for range 2 { // the session lives
			if got := s.refused(publishRequest("lobby", "x")); got.Code() != c.want || !hasRetryInfo(got) {
				t.Errorf("%v: got %v", c.err, got)
			}
		}
	}
}

// A repetition yields the first result; other content is refused and changes nothing.
func TestPublishTwice(t *testing.T) {
	t.Parallel()
	l := start(t, config{})
	s := l.guest("Ana")
	with := func(text string) *chatv1.ConnectRequest {
		req := publishRequest("lobby", text)
		req.GetPublish().ClientId = "m1"
		return req
	}
	first := s.call(with("hello")).GetPublish()
	s.publish("lobby", "between")
	again := s.call(with("hello")).GetPublish()
	if first.GetDuplicate() || !again.GetDuplicate() || again.GetSeq() != first.GetSeq() || again.GetRev() != first.GetRev() ||
		!again.GetTime().AsTime().Equal(first.GetTime().AsTime()) {
		t.Errorf("first %v, again %v", first, again)
	}
	if got := s.refused(with("other")).Code(); got != codes.AlreadyExists {
		t.Errorf("other content: %v", got)
	}
	if got := s.publish("lobby", "after").GetSeq(); got != 3 {
		t.Errorf("seq %d", got)
	}
}

// A session that ends lets go of everything: its rooms are forgotten with their windows, its goroutines end.
func TestCancelFreesTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		l := start(t, config{wrap: g.wrap})
		s := l.guest("Ana")
		epoch := s.join(history("lobby", 10)).GetEpoch()
		s.send(publishRequest("lobby", "on its way"))
		s.send(joinRequest(resume("ahead", epoch, 7)))
		synctest.Wait()
		if held := l.service.Stats(); held.Rooms != 2 || held.Sessions != 1 {
			t.Errorf("%d rooms, %d sessions", held.Rooms, held.Sessions)
		}
		began := time.Now()
		s.cancel()
		synctest.Wait()
		if held := l.service.Stats(); held.Rooms != 0 || held.Sessions != 0 || time.Since(began) != 0 {
			t.Errorf("after the end: %d rooms, %d sessions", held.Rooms, held.Sessions)
		}
	})
}

func TestDrain(t *testing.T) {
	t.Parallel()
	l := start(t, config{})
	var ends []func() error
	for i := range 10 {
		s := l.guest(fmt.Sprint(i))
		s.join(fromNow("lobby"))
		ends = append(ends, func() error { _, err := s.rest(); return err })
	}
	reader, err := chatv1.NewChatServiceClient(l.conn).Subscribe(l.context(), &chatv1.SubscribeRequest{Rooms: []*chatv1.Join{fromNow("lobby")}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Recv(); err != nil {
		t.Fatal(err)
	}
	ends = append(ends, func() (err error) {
		for err == nil {
			_, err = reader.Recv()
		}
		return err
	})
	if err := l.service.Drain(l.context()); err != nil {
		t.Fatal(err)
	}
	delays := make(map[string]bool)
	for _, end := range append(ends, func() error { _, err := l.guest("late").rest(); return err }) {
		s := wantCode(t, end(), codes.Unavailable)
		if !hasRetryInfo(s) {
			t.Errorf("no RetryInfo: %v", s)
		}
		delays[fmt.Sprint(s.Details())] = true
	}
	if len(delays) < 6 {
		t.Errorf("%d sessions come back at %d times", len(ends), len(delays))
	}
}

// What a session sent before the drain is answered.
func TestDrainAnswersFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		l := start(t, config{wrap: g.wrap})
		s := l.guest("Ana")
		req := publishRequest("lobby", "x")
		req.RequestId = "x"
		s.send(req)
		synctest.Wait()
		drained := make(chan error, 1)
		go func() { drained <- l.service.Drain(l.context()) }()
		synctest.Wait()
		close(g.open)
		_, err := s.rest()
		wantCode(t, err, codes.Unavailable)
		if got := s.reply("x").GetPublish().GetSeq(); got != 1 {
			t.Errorf("seq %d", got)
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}
	})
}

// A peer that takes nothing does not hold up a drain for long.
func TestDrainOfAStalledPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{dial: []grpc.DialOption{grpc.WithInitialWindowSize(64 << 10), grpc.WithInitialConnWindowSize(64 << 20)}})
		stalled, writer := l.guest("stalled"), l.guest("writer")
		stalled.join(fromNow("lobby"))
		for range 20 {
			writer.publish("lobby", strings.Repeat("x", 16<<10))
		}
		synctest.Wait()
		began := time.Now()
		if err := l.service.Drain(l.context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
