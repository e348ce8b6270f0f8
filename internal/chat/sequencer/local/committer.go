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
}

// newCommitter returns the next incarnation. Its name as a writer is the first position that it takes: no earlier one
// that appended anything has the same, and no clock or chance is in it.
func newCommitter(m sequencer.Machine) *committer {
	_, applied := m.Applied()
	return &committer{machine: m, applied: applied, writer: uint64(applied) + 1}
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
		err = c.machine.Commit(change, true)
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
