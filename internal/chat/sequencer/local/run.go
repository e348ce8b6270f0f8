package local

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// Run implements sequencer.Sequencer. It may be called once. When ctx ends it commits what is in the queue; calls that
// found no place there, and later ones, get ErrStopped.
func (s *Sequencer) Run(ctx context.Context, m sequencer.Machine) error {
	if err := s.start(); err != nil {
		return err
	}
	c := newCommitter(m)
	for {
		s.await(ctx, c.began)
		if ctx.Err() != nil {
			s.stop()
		}
		calls, last := s.take()
		if err := c.commit(calls); err != nil {
			s.fail()
			return err
		}
		if last {
			return nil
		}
	}
}

func (s *Sequencer) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		return errors.New("local: Run was called before")
	}
	s.running = true
	return nil
}

// await returns when a batch is due after one that began at began, or when ctx ends.
func (s *Sequencer) await(ctx context.Context, began time.Time) {
	for s.waiting() == 0 {
		select {
		case <-s.wake:
		case <-ctx.Done():
			return
		}
	}
	pause := s.linger - time.Since(began)
	if pause <= 0 {
		return
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for s.waiting() < s.maxBatch {
		select {
		case <-s.wake:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// waiting returns how many records are in the queue.
func (s *Sequencer) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records
}

// take takes the calls of the next batch out of the queue, which keeps nothing of them, and reports whether no more will
// come.
func (s *Sequencer) take() (calls []*call, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, records := 0, 0
	for n < len(s.queue) && records < s.maxBatch {
		records += len(s.queue[n].records)
		n++
	}
	calls = slices.Clone(s.queue[:n])
	s.queue = slices.Delete(s.queue, 0, n)
	s.records -= records
	for range calls {
		<-s.places
	}
	return calls, s.closed && len(s.queue) == 0
}

// stop lets nothing more into the queue.
func (s *Sequencer) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.stopped)
	}
}

// fail stops and answers those still in the queue.
func (s *Sequencer) fail() {
	s.stop()
	for {
		calls, last := s.take()
		for _, c := range calls {
			c.answer(nil, sequencer.ErrStopped)
		}
		if last {
			return
		}
	}
}

func (c *call) answer(results []state.Result, err error) {
	c.results, c.err = results, err
	close(c.done)
}
