// Package sequencer defines what puts commands into one total order and drives the state machine with them.
//
// On one node that is sequencer/local: a committer that orders, applies and commits in one synced batch. What a
// sequencer promises is the same wherever it gets the order from.
package sequencer

import (
	"context"
	"errors"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

var (
	// ErrFull says that the records are surely not stored: there is no room or no time for them now.
	ErrFull = errors.New("sequencer: full")
	// ErrUnknown says that the records are perhaps stored: repeat them with the same client_id to know.
	ErrUnknown = errors.New("sequencer: outcome unknown")
	// ErrStopped says that the sequencer has ended; the records are surely not stored.
	ErrStopped = errors.New("sequencer: stopped")
)

// Sequencer orders records.
type Sequencer interface {
	// Append keeps the caller's order and returns when this node has committed and published the records, with one
	// result for each. It sets Writer and N. A context that ends while the records are already on their way yields
	// ErrUnknown, before that its own error. Append may be called concurrently.
	Append(ctx context.Context, recs ...state.Record) ([]state.Result, error)

	// Run drives m from Applied()+1 in the calling goroutine until ctx ends (nil, after the last batch is committed)
	// or until an error, which is final: nothing more is appended, and waiters of the failed batch get ErrUnknown.
	Run(ctx context.Context, m Machine) error
}

// Machine is what a sequencer drives. All methods are called from Run's goroutine.
type Machine interface {
	// Applied returns the history and the position of the last committed entry.
	Applied() (state.Epoch, state.Pos)
	// Apply decides entries, in order, against the state as the last Commit left it. Deterministic and bounded. The
	// change is not visible before Commit. An error ends the process.
	Apply(entries []state.Entry) (*state.Change, error)
	// Commit makes the change durable in one batch with its position (with sync: when it returns, it survives power
	// loss), then publishes the View, then tells the subscriber. An error ends the process; it is never retried.
	Commit(c *state.Change, sync bool) error
}
