package chat

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

func headAt(rev uint64) func() (uint64, error) {
	return func() (uint64, error) { return rev, nil }
}

func committed(room state.RoomID, rev uint64) *state.Change {
	return &state.Change{Events: []*state.Event{{Room: room, Rev: rev}}}
}

// idle fails the test if somebody is still registered.
func (w *revWaits) idle(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := w.waiting.Load(); n != 0 || len(w.rooms) != 0 {
		t.Errorf("%d wait, in %d rooms", n, len(w.rooms))
	}
}

func TestWaitForARev(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w revWaits
		start := time.Now()
		if err := w.wait(t.Context(), "r", 7, headAt(7)); err != nil || time.Since(start) != 0 {
			t.Errorf("a rev that is there: %v after %v", err, time.Since(start))
		}
		var head atomic.Uint64
		head.Store(3)
		result := make(chan error, 1)
		go func() {
			result <- w.wait(t.Context(), "r", 7, func() (uint64, error) { return head.Load(), nil })
		}()
		synctest.Wait()
		w.committed(committed("r", 6))
		w.committed(committed("other", 7))
		synctest.Wait()
		if len(result) != 0 {
			t.Fatalf("it ended early: %v", <-result)
		}
		head.Store(8)
		w.committed(committed("r", 8))
		if err := <-result; err != nil || time.Since(start) != 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		w.idle(t)
	})
}

func TestWaitForARevThatDoesNotCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w revWaits
		start := time.Now()
		err := w.wait(t.Context(), "r", 7, headAt(3))
		if status.Code(err) != codes.Unavailable || time.Since(start) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if detail[*errdetails.RetryInfo](t, err).GetRetryDelay().AsDuration() <= 0 {
			t.Errorf("%v does not say when to try again", err)
		}
		w.idle(t)
		w.committed(committed("r", 9)) // nobody is there any more
	})
}

// TestWaitIsForHead: a commit to which head is blind, since it is nothing for the caller to see, ends no wait; head itself does.
func TestWaitIsForHead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w revWaits
		var head atomic.Uint64
		start := time.Now()
		results := make(chan error, 1)
		wait := func() {
			results <- w.wait(t.Context(), "r", 7, func() (uint64, error) { return head.Load(), nil })
		}
		go wait()
		for rev := uint64(6); rev < 100; rev++ {
			synctest.Wait()
			w.committed(committed("r", rev))
		}
		if err := <-results; status.Code(err) != codes.Unavailable || time.Since(start) != maxRevWait {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		start = time.Now()
		go wait()
		synctest.Wait()
		w.committed(committed("r", 100))
		synctest.Wait()
		head.Store(100)
		if err := <-results; err != nil || time.Since(start) > time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		w.idle(t)
	})
}

// TestManyWait has many wait for a rev that is far away, and one for one that comes.
func TestManyWait(t *testing.T) {
	t.Parallel()
	var w revWaits
	const waits = 1000
	for n := range uint64(waits) {
		_, cancel := w.register("r", 1<<60-n)
		defer cancel()
	}
	reached, cancel := w.register("r", 20)
	defer cancel()
	for rev := range uint64(21) {
		w.committed(committed("r", rev))
	}
	select {
	case <-reached:
	default:
		t.Error("who waited for the last was not woken")
	}
	if n := w.waiting.Load(); n != waits {
		t.Errorf("%d wait", n)
	}
}

// BenchmarkCommitBesideWaits tells what a commit costs where so many wait for a rev that is far away: how many does not matter.
func BenchmarkCommitBesideWaits(b *testing.B) {
	for _, waits := range []uint64{1, 100_000} {
		b.Run(fmt.Sprint(waits), func(b *testing.B) {
			var w revWaits
			for n := range waits {
				w.register("r", 1<<60-n) // for as long as w is there
			}
			change := committed("r", 1)
			b.ReportAllocs()
			for b.Loop() {
				w.committed(change)
			}
		})
	}
}

func TestWaitEndsWithItsCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w revWaits
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.wait(ctx, "r", 7, headAt(3)); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("deadline: %v", err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		if err := w.wait(ctx, "r", 7, headAt(3)); status.Code(err) != codes.Canceled {
			t.Errorf("cancel: %v", err)
		}
		broken := errors.New("broken")
		if err := w.wait(t.Context(), "r", 7, func() (uint64, error) { return 0, broken }); !errors.Is(err, broken) {
			t.Errorf("head: %v", err)
		}
		w.idle(t)
	})
}

// TestNoCommitIsMissed lets commits race with waits: a rev that is visible by the time of the look, or committed after
// it, always ends the wait.
func TestNoCommitIsMissed(t *testing.T) {
	t.Parallel()
	const revs = 2000
	var w revWaits
	var mu sync.Mutex // protects head, which stands for the published View
	var head uint64
	read := func() (uint64, error) {
		mu.Lock()
		defer mu.Unlock()
		return head, nil
	}
	var waiters sync.WaitGroup
	for first := range 4 {
		waiters.Go(func() {
			for rev := uint64(first + 1); rev <= revs; rev += 3 {
				if err := w.wait(t.Context(), "r", rev, read); err != nil {
					t.Errorf("rev %d: %v", rev, err)
					return
				}
				if h, _ := read(); h < rev {
					t.Errorf("woken for rev %d at %d", rev, h)
				}
			}
		})
	}
	for rev := uint64(1); rev <= revs; rev++ {
		mu.Lock()
		head = rev
		mu.Unlock()
		w.committed(committed("r", rev))
	}
	waiters.Wait()
	w.idle(t)
}
