package local

import (
	"context"
	"errors"
	"time"

	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
)

// Run implements sequencer.Sequencer. It may be called once. When ctx ends it commits what is in the queue; calls that
// found no place there, and later ones, get ErrStopped.
func (s *Sequencer) Run(ctx context.Context, m sequencer.Machine) error {
	if err := s.start(); err != nil {
		return err
	}
	c := newCommitter(m, s.interval)
	for {
		s.await(ctx, c)
		if ctx.Err() != nil {
			s.stop()
		}
		calls, last := s.take()
		err := c.commit(calls)
		if wait, due := c.untilSync(); err == nil && due && (last || wait <= 0) {
			err = c.sync()
		}
		if err != nil {
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

// await returns when a batch or a sync is due, or when ctx ends.
func (s *Sequencer) await(ctx context.Context, c *committer) {
	var sync <-chan time.Time
	if wait, due := c.untilSync(); due {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		sync = timer.C
	}
	for s.waiting() == 0 {
		select {
		case <-s.wake:
		case <-sync:
			return
		case <-ctx.Done():
			return
		}
	}
	pause := s.linger - time.Since(c.began)
	if pause <= 0 {
		return
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for !s.gathered() {
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
	return s.queue.records
}

// gathered reports whether there is nothing to wait for: enough for a batch is here, or everybody is who was last time.
func (s *Sequencer) gathered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue.records >= s.maxBatch || s.company.complete()
}

// take takes the calls of the next batch out of the queue, which keeps nothing of them, and reports whether no more will
// come.
func (s *Sequencer) take() (calls []*call, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls = s.queue.take(batches*s.maxBatch, batchBytes)
	s.company.leave(calls)
	return calls, s.queue.closed && len(s.queue.calls) == 0
}

// stop lets nothing more into the queue.
func (s *Sequencer) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.queue.closed {
		s.queue.closed = true
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
