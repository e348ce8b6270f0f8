// Package sequencertest holds the contract of sequencer.Sequencer as tests, for every implementation to run.
package sequencertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// Test runs the contract. newSequencer returns another incarnation over the same order of commands: what one test
// appended is there for the next incarnation in it; each test begins with an empty order and calls setup once.
func Test(t *testing.T, setup func(t *testing.T) (newSequencer func() sequencer.Sequencer)) {
	for name, test := range map[string]func(*testing.T, func() sequencer.Sequencer){
		"calls stay whole and in order":          testOrder,
		"concurrent calls":                       testConcurrent,
		"an answer follows the commit":           testAnswerAfterCommit,
		"a context that ends on the way":         testUnknown,
		"a context that ended before":            testEndedContext,
		"an error is final":                      testErrorIsFinal,
		"the end commits what is queued":         testEnd,
		"the next incarnation is another writer": testIncarnations,
		"a call without records returns at once": testNoRecords,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, setup(t))
		})
	}
}

// running is a sequencer with Run in a goroutine, which ends with the test at the latest.
type running struct {
	sequencer.Sequencer
	stop  context.CancelFunc
	ended chan error // what Run returned
}

func run(t *testing.T, s sequencer.Sequencer, m sequencer.Machine) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Sequencer: s, stop: cancel, ended: make(chan error, 1)}
	var done sync.WaitGroup
	done.Go(func() { r.ended <- s.Run(ctx, m) })
	t.Cleanup(func() {
		cancel()
		done.Wait()
	})
	return r
}

// end ends Run and returns what it returned.
func (r *running) end() error {
	r.stop()
	return <-r.ended
}

// records returns records whose bodies are name and a number.
func records(name string, n int) []state.Record {
	var rs []state.Record
	for i := range n {
		rs = append(rs, state.Record{Kind: state.KindPublish, Version: 1, Body: fmt.Appendf(nil, "%s %d", name, i)})
	}
	return rs
}

func testOrder(t *testing.T, newSequencer func() sequencer.Sequencer) {
	m := new(Machine)
	s := run(t, newSequencer(), m)
	want := 0
	for call := range 20 {
		rs := records(fmt.Sprint("call ", call), call%4+1)
		results, err := s.Append(t.Context(), rs...)
		if err != nil || len(results) != len(rs) {
			t.Fatalf("call %d: %d results, %v", call, len(results), err)
		}
		for i, r := range results {
			want++
			if r.Seq != uint64(want) {
				t.Errorf("call %d, record %d: seq %d, want %d", call, i, r.Seq, want)
			}
			got := m.Committed()[want-1]
			if string(got.Record.Body) != string(rs[i].Body) || got.Pos != state.Pos(want) || got.Record.N != uint64(want) {
				t.Errorf("at %d is %+v, want %s", want, got, rs[i].Body)
			}
		}
	}
}

func testConcurrent(t *testing.T, newSequencer func() sequencer.Sequencer) {
	const callers, calls, size = 20, 30, 3
	m := new(Machine)
	s := run(t, newSequencer(), m)
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			last := uint64(0)
			for call := range calls {
				name := fmt.Sprint("caller ", caller, " call ", call)
				results, err := s.Append(t.Context(), records(name, size)...)
				if err != nil {
					t.Error(err)
					return
				}
				for i, r := range results {
					if i > 0 && r.Seq != last+1 || r.Seq <= last {
						t.Errorf("%s, record %d: seq %d after %d", name, i, r.Seq, last)
					}
					last = r.Seq
					if got, want := string(m.Committed()[r.Seq-1].Record.Body), fmt.Sprint(name, " ", i); got != want {
						t.Errorf("at %d is %q, want %q", r.Seq, got, want)
					}
				}
			}
		})
	}
	all.Wait()
	if n := len(m.Committed()); n != callers*calls*size {
		t.Errorf("%d records, want %d", n, callers*calls*size)
	}
}

func testAnswerAfterCommit(t *testing.T, newSequencer func() sequencer.Sequencer) {
	reached, proceed := make(chan struct{}), make(chan struct{})
	m := &Machine{BeforeCommit: func() error {
		reached <- struct{}{}
		<-proceed
		return nil
	}}
	s := run(t, newSequencer(), m)
	answered := make(chan error, 1)
	go func() {
		_, err := s.Append(t.Context(), records("a", 1)...)
		answered <- err
	}()
	<-reached
	select {
	case err := <-answered:
		t.Errorf("answered before the commit: %v", err)
	default:
	}
	close(proceed)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func testUnknown(t *testing.T, newSequencer func() sequencer.Sequencer) {
	reached, proceed := make(chan struct{}), make(chan struct{})
	m := &Machine{BeforeCommit: func() error {
		reached <- struct{}{}
		<-proceed
		return nil
	}}
	s := run(t, newSequencer(), m)
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error, 1)
	go func() {
		_, err := s.Append(ctx, records("a", 1)...)
		answered <- err
	}()
	<-reached
	cancel()
	if err := <-answered; !errors.Is(err, sequencer.ErrUnknown) {
		t.Errorf("error %v, want ErrUnknown", err)
	}
	close(proceed)
	if err := s.end(); err != nil {
		t.Error(err)
	}
	if n := len(m.Committed()); n != 1 {
		t.Errorf("%d records", n)
	}
}

func testEndedContext(t *testing.T, newSequencer func() sequencer.Sequencer) {
	m := new(Machine)
	s := run(t, newSequencer(), m)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Append(ctx, records("a", 1)...); !errors.Is(err, context.Canceled) || errors.Is(err, sequencer.ErrUnknown) {
		t.Errorf("error %v, want that of the context", err)
	}
	if err := s.end(); err != nil {
		t.Error(err)
	}
	if n := len(m.Committed()); n != 0 {
		t.Errorf("%d records", n)
	}
}

func testErrorIsFinal(t *testing.T, newSequencer func() sequencer.Sequencer) {
	failure := errors.New("disk on fire")
	m := &Machine{BeforeCommit: func() error { return failure }}
	s := run(t, newSequencer(), m)
	if _, err := s.Append(t.Context(), records("a", 2)...); !errors.Is(err, sequencer.ErrUnknown) {
		t.Errorf("the waiter got %v, want ErrUnknown", err)
	}
	if err := <-s.ended; !errors.Is(err, failure) {
		t.Errorf("Run returned %v", err)
	}
	if _, err := s.Append(t.Context(), records("b", 1)...); !errors.Is(err, sequencer.ErrStopped) {
		t.Errorf("a later call got %v, want ErrStopped", err)
	}
}

// testEnd ends Run while calls wait: each is either stored and answered, or neither.
func testEnd(t *testing.T, newSequencer func() sequencer.Sequencer) {
	const callers = 50
	m := new(Machine)
	s := run(t, newSequencer(), m)
	var all sync.WaitGroup
	var mu sync.Mutex
	stored := 0
	for caller := range callers {
		all.Go(func() {
			for {
				_, err := s.Append(context.Background(), records(fmt.Sprint(caller), 1)...)
				if err != nil {
					if !errors.Is(err, sequencer.ErrStopped) {
						t.Errorf("error %v, want ErrStopped", err)
					}
					return
				}
				mu.Lock()
				stored++
				if stored == 3*callers {
					s.stop()
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if err := <-s.ended; err != nil {
		t.Errorf("Run returned %v", err)
	}
	if n := len(m.Committed()); n != stored {
		t.Errorf("%d records stored, %d answered", n, stored)
	}
}

func testIncarnations(t *testing.T, newSequencer func() sequencer.Sequencer) {
	m := new(Machine)
	writers := make(map[uint64]bool)
	for i := range 3 {
		s := run(t, newSequencer(), m)
		results, err := s.Append(t.Context(), records("a", 2)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.end(); err != nil {
			t.Fatal(err)
		}
		last := m.Committed()[2*i+1]
		if results[1].Pos != state.Pos(2*i+2) || last.Record.N != 2 {
			t.Errorf("incarnation %d: result %+v, record %+v", i, results[1], last)
		}
		writers[last.Record.Writer] = true
	}
	if len(writers) != 3 {
		t.Errorf("3 incarnations wrote as %v", writers)
	}
}

func testNoRecords(t *testing.T, newSequencer func() sequencer.Sequencer) {
	if results, err := newSequencer().Append(t.Context()); len(results) > 0 || err != nil {
		t.Errorf("%v, %v", results, err)
	}
}
