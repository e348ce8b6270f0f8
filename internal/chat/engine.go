package chat

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// appendTimeout is how long the sequencer may have no place for a record.
const appendTimeout = 10 * time.Second

// engine is what all services stand on: committed state to read, a sequencer to write. Its methods return status errors
// and may be called concurrently.
type engine struct {
	views     Store
	sequencer sequencer.Sequencer
	reached   *revWaits
	limits    Limits // with defaults
	meter     *meter
	now       func() time.Time
	log       *slog.Logger

	pageTokens pageTokens
}

// do admits a valid command, makes its record and appends it.
func (e *engine) do(ctx context.Context, who auth.Principal, command proto.Message) (state.Result, error) {
	about, _ := command.(interface{ GetRoom() string })
	var room state.RoomID
	if about != nil {
		room = state.RoomID(about.GetRoom())
	}
	if err := e.admitWrite(network(ctx), who.ID, room); err != nil {
		return state.Result{}, err
	}
	actor, err := e.actor(who)
	if err != nil {
		return state.Result{}, err
	}
	rec, err := e.record(actor, command)
	if err != nil {
		return state.Result{}, err
	}
	return e.appendIn(ctx, room, rec)
}

// appendIn is append of what somebody was admitted to write in a room, or in none.
func (e *engine) appendIn(ctx context.Context, room state.RoomID, rec state.Record) (state.Result, error) {
	results, err := e.appendAll(ctx, rec)
	if err != nil {
		return state.Result{}, err
	}
	e.account(room, results[0])
	return results[0], e.verdict(results[0])
}

// append orders one record. When it returns without an error, a View shows the effect.
func (e *engine) append(ctx context.Context, rec state.Record) (state.Result, error) {
	results, err := e.appendAll(ctx, rec)
	if err != nil {
		return state.Result{}, err
	}
	return results[0], e.verdict(results[0])
}

// appendAll orders records, which the sequencer may refuse for lack of a place within [appendTimeout], and returns what
// became of each. While the disk is nearly full it refuses them by itself.
func (e *engine) appendAll(ctx context.Context, recs ...state.Record) ([]state.Result, error) {
	if e.views.Full() {
		return nil, errDiskFull()
	}
	limited, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	results, err := e.sequencer.Append(limited, recs...)
	if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, sequencer.ErrUnknown) && ctx.Err() == nil {
		err = sequencer.ErrFull // it was our patience that ended, not the caller's
	}
	return results, sequencerError(err)
}

// verdict is [resultError] for a record that this process made: one that it cannot apply is a fault of ours. It counts
// what was over a limit.
func (e *engine) verdict(r state.Result) error {
	switch r.Refusal {
	case state.UnsupportedRecord:
		return e.internal("apply", errUnsupportedRecord)
	case state.TooManyMembers:
		e.meter.count(MaxMembers)
	case state.TooManyReactions:
		e.meter.count(MaxReactions)
	}
	return resultError(r)
}

// internal is [internalError] with this server's log.
func (e *engine) internal(doing string, cause error) error { return internalError(e.log, doing, cause) }

// panicked is the status of work that panicked. The panic's value may hold what a client sent: only its place is logged.
func (e *engine) panicked(doing string, stack []byte) error {
	return logged(e.log, "panicked", "doing", doing, "stack", string(stack))
}

// viewAt returns a View in which room has reached minRev as user sees it, "" being nobody, waiting for it up to [maxRevWait].
// The caller closes it.
func (e *engine) viewAt(ctx context.Context, room state.RoomID, user string, minRev uint64) (state.View, error) {
	if minRev > 0 {
		if err := e.reached.wait(ctx, room, minRev, func() (uint64, error) { return e.headFor(room, user) }); err != nil {
			return nil, err
		}
	}
	return e.views.View(), nil
}

// headFor returns the rev that a room has reached for a user: 0 for a room that does not exist and for one that is not there for
// them, so that nobody learns by waiting which it is, nor when something happens there. Other refusals are errors.
func (e *engine) headFor(id state.RoomID, user string) (uint64, error) {
	v := e.views.View()
	defer v.Close()
	room, _, err := e.enter(v, id, user)
	if status.Code(err) != codes.NotFound {
		return room.Head.Rev, err
	}
	switch was, _, readErr := v.Room(id); {
	case readErr != nil:
		return 0, e.internal("read room", readErr)
	case was.Deleted != 0: // which everybody may know
		return 0, err
	}
	return 0, nil
}

// headRev returns 0 for a room that does not exist.
func (e *engine) headRev(id state.RoomID) (uint64, error) {
	v := e.views.View()
	defer v.Close()
	room, _, err := v.Room(id)
	if err != nil {
		return 0, e.internal("read room", err)
	}
	return room.Head.Rev, nil
}

// room reads a room that must exist.
func (e *engine) room(v state.View, id state.RoomID) (state.Room, error) {
	room, ok, err := v.Room(id)
	switch {
	case err != nil:
		return state.Room{}, e.internal("read room", err)
	case !ok:
		return state.Room{}, errNoSuchRoom
	}
	return room, nil
}

// message reads a message that must exist.
func (e *engine) message(v state.View, room state.RoomID, seq uint64) (*state.Message, error) {
	m, ok, err := v.Message(room, seq)
	switch {
	case err != nil:
		return nil, e.internal("read message", err)
	case !ok:
		return nil, errNoSuchMessage
	}
	return m, nil
}

// caller returns who makes a call that needs somebody.
func caller(ctx context.Context) (auth.Principal, error) {
	p, ok := auth.FromContext(ctx)
	if !ok {
		return auth.Principal{}, errUnauthenticated
	}
	return p, nil
}

// callerID returns who makes a call that needs nobody; "" for nobody.
func callerID(ctx context.Context) string {
	p, _ := auth.FromContext(ctx)
	return p.ID
}

// pageSize returns what a request asks for: unset means preset, and more than most means most.
func pageSize(asked, preset, most uint32) int {
	if asked == 0 {
		return int(preset)
	}
	return int(min(asked, most))
}
