package local

import (
	"fmt"
	"time"

	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// committer drives the machine, in Run's goroutine.
type committer struct {
	machine sequencer.Machine
	applied state.Pos
	writer  uint64
	n       uint64    // of the last record
	began   time.Time // when the last commit began
	entries []state.Entry

	interval time.Duration // between syncs; 0: each commit is one
	synced   time.Time     // when the last sync began
	unsynced bool          // whether something was committed since
}

// newCommitter returns the next incarnation. Its name as a writer is the first position that it takes: no earlier one
// that appended anything has the same, and no clock or chance is in it.
func newCommitter(m sequencer.Machine, interval time.Duration) *committer {
	_, applied := m.Applied()
	return &committer{machine: m, applied: applied, writer: uint64(applied) + 1, interval: interval}
}

// commit applies the calls' records in one batch and answers them. On an error they may or may not be stored.
func (c *committer) commit(calls []*call) error {
	if len(calls) == 0 {
		return nil
	}
	c.began = time.Now()
	defer func() { clear(c.entries) }() // what people wrote is not kept until the next batch
	change, err := c.apply(calls)
	if err == nil {
		err = c.store(change, c.began.Sub(c.synced) >= c.interval)
	}
	if err != nil {
		for _, call := range calls {
			call.answer(nil, fmt.Errorf("%w: the commit failed", sequencer.ErrUnknown))
		}
		return fmt.Errorf("local: commit: %w", err)
	}
	results := change.Results
	for _, call := range calls {
		n := len(call.records)
		call.answer(results[:n:n], nil)
		results = results[n:]
	}
	return nil
}

// store commits a change, synced or not.
func (c *committer) store(change *state.Change, sync bool) error {
	if sync {
		c.synced = time.Now()
	}
	c.unsynced = !sync
	return c.machine.Commit(change, sync)
}

// sync makes durable what is not yet.
func (c *committer) sync() error {
	if !c.unsynced {
		return nil
	}
	change, err := c.machine.Apply(nil)
	if err == nil {
		err = c.store(change, true)
	}
	if err != nil {
		return fmt.Errorf("local: sync: %w", err)
	}
	return nil
}

// untilSync returns after what time a sync is due; false if none is.
func (c *committer) untilSync() (time.Duration, bool) {
	return c.interval - time.Since(c.synced), c.unsynced
}

// apply numbers the calls' records and applies them.
func (c *committer) apply(calls []*call) (*state.Change, error) {
	c.entries = c.entries[:0]
	for _, call := range calls {
		for _, record := range call.records {
			c.applied++
			c.n++
			record.Writer, record.N = c.writer, c.n
			c.entries = append(c.entries, state.Entry{Pos: c.applied, Record: record})
		}
	}
	change, err := c.machine.Apply(c.entries)
	if err == nil && len(change.Results) != len(c.entries) {
		err = fmt.Errorf("%d results for %d records", len(change.Results), len(c.entries))
	}
	return change, err
}
