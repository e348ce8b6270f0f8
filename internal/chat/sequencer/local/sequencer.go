// Package local orders the records of one process: a committer that applies and commits them in synced batches.
//
// It commits with a leading edge: what comes first after a pause is committed at once; what comes while a commit runs,
// or soon after one began, is committed together. One fsync so serves all who wait for it, and nobody who is alone
// waits for others: once all whom the last commit answered have come back, there is nobody to wait for.
package local

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// Options are the settings of a [Sequencer]; the zero value gives the defaults.
type Options struct {
	// MaxBatch is how many waiting records are committed without more ado. Default 256. What has gathered meanwhile goes with
	// them, up to four times as many and 4 MiB: where syncs take long, more wait for each. A batch is made of whole calls of
	// Append and passes these bounds by less than the last of them.
	MaxBatch int
	// Linger is the least time between the beginnings of two commits of fewer records, unless all whom the first answered
	// are waiting again: see [company]. Default 2 ms.
	Linger time.Duration
	// QueueSize is how many calls of Append may wait for their commit; further ones wait for a place, in their order.
	// Default 8192.
	QueueSize int
	// QueueBytes bounds the records of those calls likewise: their bodies and names, and recordBytes for each. One call
	// that is larger has its place when the queue is empty. Default 32 MiB.
	QueueBytes int
	// SyncInterval, if not 0, lets records be answered before they are synced, which happens so often while any are
	// appended, and at the end of Run. A power loss then takes what was answered since.
	SyncInterval time.Duration
}

// How much goes into one batch, if it waits.
const (
	batches    = 4 // of MaxBatch
	batchBytes = 4 << 20
)

// Sequencer is the sequencer.Sequencer of a single process.
type Sequencer struct {
	maxBatch int
	linger   time.Duration
	interval time.Duration
	wake     chan struct{} // of size 1: there is something in the queue, or enough for a batch
	stopped  chan struct{} // closed when the queue takes no more

	mu      sync.Mutex // protects what follows
	queue   queue
	company company
	running bool
}

var _ sequencer.Sequencer = (*Sequencer)(nil)

// New returns a sequencer that commits once Run is called.
func New(opts Options) *Sequencer {
	if opts.MaxBatch <= 0 {
		opts.MaxBatch = 256
	}
	if opts.Linger <= 0 {
		opts.Linger = 2 * time.Millisecond
	}
	if opts.QueueSize <= 0 {
		opts.QueueSize = 8192
	}
	if opts.QueueBytes <= 0 {
		opts.QueueBytes = 32 << 20
	}
	return &Sequencer{
		maxBatch: opts.MaxBatch,
		linger:   opts.Linger,
		interval: opts.SyncInterval,
		wake:     make(chan struct{}, 1),
		stopped:  make(chan struct{}),
		queue:    queue{maxCalls: opts.QueueSize, maxBytes: opts.QueueBytes},
	}
}

// Append implements sequencer.Sequencer. Records of one call are applied one after another with none between them. When
// no place in the queue becomes free before ctx ends, the error is both ErrFull and that of ctx. A call whose ctx ends
// in the queue is withdrawn.
func (s *Sequencer) Append(ctx context.Context, records ...state.Record) ([]state.Result, error) {
	if len(records) == 0 {
		return nil, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := newCall(records)
	if err := s.enqueue(ctx, c); err != nil {
		return nil, err
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		if s.withdraw(c) {
			return nil, ctx.Err()
		}
		select {
		case <-c.done:
		default:
			return nil, fmt.Errorf("%w: %w", sequencer.ErrUnknown, ctx.Err())
		}
	}
	return c.results, c.err
}

// enqueue waits for a place and takes it.
func (s *Sequencer) enqueue(ctx context.Context, c *call) error {
	s.mu.Lock()
	if s.queue.closed {
		s.mu.Unlock()
		return sequencer.ErrStopped
	}
	before := s.queue.records
	placed := s.queue.add(c)
	if all := s.company.joined(c.caller()); all || before == 0 || s.queue.records >= s.maxBatch {
		notify(s.wake)
	}
	s.mu.Unlock()
	if placed {
		return nil
	}
	select {
	case <-c.placed:
		return nil
	case <-s.stopped:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.queue.giveUp(c): // it got its place just now
		return nil
	case s.queue.closed:
		return sequencer.ErrStopped
	}
	return fmt.Errorf("%w: %w", sequencer.ErrFull, ctx.Err())
}

// withdraw takes a call out of the queue; false if it is not there any more.
func (s *Sequencer) withdraw(c *call) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue.remove(c)
}

// notify sends to a channel of size 1 that somebody looks again.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
