package sequencertest

import (
	"slices"
	"sync"

	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// Machine is a sequencer.Machine that keeps what it is given. Its result for a record has the position as Seq and the
// number of its batch, from 1, as Rev.
type Machine struct {
	// BeforeCommit is called by each Commit, before it takes effect; its error is Commit's. Nil: nothing.
	BeforeCommit func() error

	mu      sync.Mutex // protects what follows
	applied []state.Entry
	batches [][]state.Entry // committed
}

var _ sequencer.Machine = (*Machine)(nil)

// Applied implements sequencer.Machine.
func (m *Machine) Applied() (state.Epoch, state.Pos) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var pos state.Pos
	for _, b := range m.batches {
		pos += state.Pos(len(b))
	}
	return "test", pos
}

// Apply implements sequencer.Machine.
func (m *Machine) Apply(entries []state.Entry) (*state.Change, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.applied = slices.Clone(entries)
	change := new(state.Change)
	for _, e := range entries {
		change.Results = append(change.Results, state.Result{
			Pos: e.Pos, Seq: uint64(e.Pos), Rev: uint64(len(m.batches)) + 1,
		})
	}
	return change, nil
}

// Commit implements sequencer.Machine.
func (m *Machine) Commit(*state.Change, bool) error {
	if m.BeforeCommit != nil {
		if err := m.BeforeCommit(); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batches = append(m.batches, m.applied)
	return nil
}

// Batches returns what was committed, by commit.
func (m *Machine) Batches() [][]state.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.batches)
}

// Committed returns what was committed, in order.
func (m *Machine) Committed() []state.Entry { return slices.Concat(m.Batches()...) }
