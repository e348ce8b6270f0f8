package server

import (
	"sync/atomic"
	"time"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// machine is what the sequencer drives.
type machine interface {
	Applied() (state.Epoch, state.Pos)
	Apply(entries []state.Entry) (*state.Change, error)
	Commit(c *state.Change, sync bool) error
}

// measuredMachine counts and times what passes through a machine. It adds nothing to what it decides.
type measuredMachine struct {
	machine
	metrics  *metrics
	position *atomic.Uint64 // of the last commit
}

func (m *measuredMachine) Apply(entries []state.Entry) (*state.Change, error) {
	start := time.Now()
	change, err := m.machine.Apply(entries)
	m.metrics.applySeconds.Observe(time.Since(start).Seconds())
	return change, err
}

func (m *measuredMachine) Commit(c *state.Change, sync bool) error {
	start := time.Now()
	if err := m.machine.Commit(c, sync); err != nil {
		return err
	}
	_, pos := m.machine.Applied()
	m.position.Store(uint64(pos))
	m.metrics.commitSeconds.Observe(time.Since(start).Seconds())
	m.metrics.commitRecords.Observe(float64(len(c.Results)))
	m.metrics.countVerdicts(c.Results)
	for _, e := range c.Events {
		m.metrics.changes.WithLabelValues(changeName(e.Kind)).Inc()
	}
	return nil
}

func (m *metrics) countVerdicts(results []state.Result) {
	var accepted, duplicate, refused float64
	for _, r := range results {
		switch {
		case r.Refusal != state.Accepted:
			refused++
		case r.Duplicate:
			duplicate++
		default:
			accepted++
		}
	}
	m.records.WithLabelValues("accepted").Add(accepted)
	m.records.WithLabelValues("duplicate").Add(duplicate)
	m.records.WithLabelValues("refused").Add(refused)
}

func changeName(k state.ChangeKind) string {
	switch k {
	case state.Posted:
		return "posted"
	case state.Edited:
		return "edited"
	case state.Deleted:
		return "deleted"
	case state.Reacted:
		return "reacted"
	case state.RoomChanged:
		return "room_changed"
	case state.MemberChanged:
		return "member_changed"
	case state.MemberRemoved:
		return "member_removed"
	case state.Trimmed:
		return "trimmed"
	default:
		return "other"
	}
}
