package local_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer/local"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer/sequencertest"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

func TestContract(t *testing.T) {
	t.Parallel()
	sequencertest.Test(t, func(*testing.T) func() sequencer.Sequencer {
		return func() sequencer.Sequencer { return local.New(local.Options{}) }
	})
}

// TestCommitTimes appends single records at given moments, in faked time, and looks at when commits took place and how
// much they held.
func TestCommitTimes(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	type commit struct {
		at      time.Duration
		records int
	}
	for _, c := range []struct {
		name     string
		maxBatch int
		takes    time.Duration // a commit
		appends  []time.Duration
		want     []commit
	}{
		{"alone: at once", 4, 0, []time.Duration{0, 10 * ms, 20 * ms}, []commit{{0, 1}, {10 * ms, 1}, {20 * ms, 1}}},
		{
			"soon after one began: together, 2 ms after it", 4, 0,
			[]time.Duration{0, ms / 2, ms, 3 * ms / 2},
			[]commit{{0, 1}, {2 * ms, 3}},
		},
		{"a full batch waits for nothing", 3, 0, []time.Duration{0, ms, ms, ms, 2 * ms}, []commit{{0, 1}, {ms, 3}, {3 * ms, 1}}},
		{
			"while a long one runs: at once after it", 4, 7 * ms,
			[]time.Duration{0, ms, 2 * ms, 6 * ms},
			[]commit{{0, 1}, {7 * ms, 3}},
		},
		{
			"much while a long one runs: four batches in one", 2, 7 * ms,
			[]time.Duration{0, ms, ms, ms, ms, ms, ms, ms, ms, ms, ms},
			[]commit{{0, 1}, {7 * ms, 8}, {14 * ms, 2}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				var times []time.Duration
				m := &sequencertest.Machine{BeforeCommit: func() error {
					times = append(times, time.Since(start))
					time.Sleep(c.takes)
					return nil
				}}
				s, end := run(t, local.Options{MaxBatch: c.maxBatch}, m)
				for i, at := range c.appends {
					go func() {
						time.Sleep(at)
						if _, err := s.Append(t.Context(), record(i)); err != nil {
							t.Error(err)
						}
					}()
				}
				time.Sleep(time.Second)
				end()
				var got []commit
				for i, b := range m.Batches() {
					got = append(got, commit{times[i], len(b)})
				}
				if fmt.Sprint(got) != fmt.Sprint(c.want) {
					t.Errorf("commits %v, want %v", got, c.want)
				}
			})
		})
	}
}

// TestNobodyIsWaitedForWhenAllAreBack has people who each send their next as soon as the last is answered: as long as they
// all do, commits follow each other without a pause, and each holds one of everybody's. Once one stays away, the others
// wait for a linger, and then no longer.
func TestNobodyIsWaitedForWhenAllAreBack(t *testing.T) {
	t.Parallel()
	for _, people := range []int{1, 2, 20} {
		t.Run(fmt.Sprint(people), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const rounds, takes = 50, time.Millisecond / 10
				m := &sequencertest.Machine{BeforeCommit: func() error { time.Sleep(takes); return nil }}
				s, end := run(t, local.Options{}, m)
				start := time.Now()
				var all sync.WaitGroup
				for i := range people {
					all.Go(func() {
						for n := range rounds + i { // each stays away at a moment of its own
							if _, err := s.Append(t.Context(), recordOf(fmt.Sprint("user-", i), n)); err != nil {
								t.Error(err)
							}
						}
					})
				}
				all.Wait()
				took := time.Since(start)
				end()
				leaving := time.Duration(people) * 2 * time.Millisecond // the first commit may hold one person only, too
				if most := time.Duration(rounds+people)*takes + leaving; took > most {
					t.Errorf("took %v, want at most %v", took, most)
				}
				if most := rounds + people + 1; len(m.Batches()) > most {
					t.Errorf("%d commits, want at most %d", len(m.Batches()), most)
				}
			})
		})
	}
}

// TestFull fills the queue while a commit hangs: further calls wait, until their context ends or a place is free.
func TestFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		m := &sequencertest.Machine{BeforeCommit: func() error { <-proceed; return nil }}
		s, end := run(t, local.Options{QueueSize: 2}, m)
		answers := make(chan error, 10)
		add := func(ctx context.Context, i int) {
			go func() {
				_, err := s.Append(ctx, record(i))
				answers <- err
			}()
			synctest.Wait()
		}
		add(t.Context(), 1) // committing
		add(t.Context(), 2) // in the queue
		add(t.Context(), 3)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		add(short, 4) // without a place
		if err := <-answers; !errors.Is(err, sequencer.ErrFull) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want ErrFull for want of time", err)
		}
		add(t.Context(), 5)
		close(proceed)
		for range 4 {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		end()
		assertCommitted(t, m, "1 2 3 5")
	})
}

// TestQueueIsBoundedInBytes fills the queue with few but large calls. One that is larger than all of it waits until the
// queue is empty, and those behind it wait for their turn.
func TestQueueIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		m := &sequencertest.Machine{BeforeCommit: func() error { <-proceed; return nil }}
		s, end := run(t, local.Options{MaxBatch: 1, QueueBytes: 4 << 10}, m)
		answers := make(chan error, 10)
		add := func(ctx context.Context, bytes int) {
			go func() {
				_, err := s.Append(ctx, state.Record{Body: fmt.Appendf(nil, "%0*d", bytes, bytes)})
				answers <- err
			}()
			synctest.Wait()
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		add(t.Context(), 1)     // committing
		add(t.Context(), 3<<10) // in the queue
		add(short, 2<<10)       // no place for it
		add(t.Context(), 2)     // behind it
		if err := <-answers; !errors.Is(err, sequencer.ErrFull) {
			t.Errorf("error %v, want ErrFull", err)
		}
		add(t.Context(), 9<<10)
		add(t.Context(), 3)
		close(proceed)
		for range 5 {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		end()
		var got []int
		for _, e := range m.Committed() {
			got = append(got, len(e.Record.Body))
		}
		if want := []int{1, 3 << 10, 2, 9 << 10, 3}; !slices.Equal(got, want) {
			t.Errorf("committed bodies of %v bytes, want %v", got, want)
		}
	})
}

// TestWithdraw ends the context of a call that is in the queue: it is surely not stored, and its place is free.
func TestWithdraw(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		m := &sequencertest.Machine{BeforeCommit: func() error { <-proceed; return nil }}
		s, end := run(t, local.Options{QueueSize: 1}, m)
		answers := make(chan error, 10)
		ctx, cancel := context.WithCancel(t.Context())
		for i, ctx := range []context.Context{t.Context(), ctx, t.Context()} {
			go func() {
				_, err := s.Append(ctx, record(i))
				answers <- err
			}()
			synctest.Wait()
		}
		cancel()
		if err := <-answers; !errors.Is(err, context.Canceled) || errors.Is(err, sequencer.ErrUnknown) {
			t.Errorf("error %v, want that of the context", err)
		}
		close(proceed)
		for range 2 {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		end()
		assertCommitted(t, m, "0 2")
	})
}

// TestStoppedWhileWaitingForAPlace ends Run under a full queue.
func TestStoppedWhileWaitingForAPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("disk on fire")
		proceed := make(chan error)
		m := &sequencertest.Machine{BeforeCommit: func() error { return <-proceed }}
		s := local.New(local.Options{QueueSize: 1})
		ended := make(chan error, 1)
		go func() { ended <- s.Run(t.Context(), m) }()
		answers := make([]chan error, 3)
		for i := range answers {
			answers[i] = make(chan error, 1)
			go func() {
				_, err := s.Append(t.Context(), record(i))
				answers[i] <- err
			}()
			synctest.Wait()
		}
		proceed <- failure
		for i, want := range []error{sequencer.ErrUnknown, sequencer.ErrStopped, sequencer.ErrStopped} {
			if err := <-answers[i]; !errors.Is(err, want) {
				t.Errorf("call %d got %v, want %v", i, err, want)
			}
		}
		if err := <-ended; !errors.Is(err, failure) {
			t.Errorf("Run returned %v", err)
		}
	})
}

func TestRunTwice(t *testing.T) {
	t.Parallel()
	s, end := run(t, local.Options{}, new(sequencertest.Machine))
	if _, err := s.Append(t.Context(), record(1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), new(sequencertest.Machine)); err == nil {
		t.Error("no error")
	}
	end()
}

// run returns a running sequencer, and what ends it and waits for that.
func run(t *testing.T, opts local.Options, m sequencer.Machine) (s *local.Sequencer, end func()) {
	t.Helper()
	s = local.New(opts)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, m) }()
	return s, func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run returned %v", err)
		}
	}
}

// record is a command of somebody's who does nothing else.
func record(i int) state.Record { return recordOf(fmt.Sprint("user-", i), i) }

func recordOf(user string, i int) state.Record {
	return state.Record{Actor: state.Actor{ID: user}, Body: fmt.Append(nil, i)}
}

func assertCommitted(t *testing.T, m *sequencertest.Machine, want string) {
	t.Helper()
	got := ""
	for _, e := range m.Committed() {
		got += " " + string(e.Record.Body)
	}
	if got != " "+want {
		t.Errorf("committed%s, want %s", got, want)
	}
}

// syncs is a machine that notes when it is asked to sync.
type syncs struct {
	*sequencertest.Machine
	start time.Time
	got   []string
}

func (m *syncs) Commit(c *state.Change, sync bool) error {
	m.got = append(m.got, fmt.Sprint(time.Since(m.start).Milliseconds(), ":", len(c.Results), ":", sync))
	return m.Machine.Commit(c, sync)
}

// TestSyncInterval looks at when commits are synced that need not be each: not later than an interval after they began,
// with others or alone, and at the end.
func TestSyncInterval(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, c := range []struct {
		name    string
		appends []time.Duration
		end     time.Duration
		want    string
	}{
		{"alone: at once", []time.Duration{0}, 5000 * ms, "0:1:true"},
		{"later ones wait for one sync", []time.Duration{0, 100 * ms, 200 * ms}, 5000 * ms,
			"0:1:true 100:1:false 200:1:false 1000:0:true"},
		{"what comes just before it is synced with it", []time.Duration{0, 100 * ms, 999 * ms}, 5000 * ms,
			"0:1:true 100:1:false 999:1:false 1000:0:true"},
		{"the end syncs", []time.Duration{0, 100 * ms}, 300 * ms, "0:1:true 100:1:false 300:0:true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &syncs{Machine: new(sequencertest.Machine), start: time.Now()}
				s, end := run(t, local.Options{SyncInterval: time.Second}, m)
				for i, at := range c.appends {
					go func() {
						time.Sleep(at)
						if _, err := s.Append(t.Context(), record(i)); err != nil {
							t.Error(err)
						}
					}()
				}
				time.Sleep(c.end)
				end()
				got := strings.Join(m.got, " ")
				if got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
			})
		})
	}
}
