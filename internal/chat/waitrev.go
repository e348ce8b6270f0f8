package chat

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// maxRevWait is how long a read waits for a rev that the view has not reached.
const maxRevWait = 5 * time.Second

// errBehind returns the status of a rev that did not come within [maxRevWait].
func errBehind() error {
	return retryable(codes.Unavailable, "this node has not reached that rev", retryBehind)
}

// revWaits wakes those who wait for a room to reach a rev. Commits that nobody waits for cost one atomic load. The zero
// value is ready. Safe for concurrent use.
type revWaits struct {
	waiting atomic.Int64 // the number of waits in rooms

	mu    sync.Mutex // protects rooms; nothing is called with it held
	rooms map[state.RoomID]map[*revWait]struct{}
}

type revWait struct {
	rev     uint64
	reached chan struct{} // closed by committed, at most once: who closes it takes the wait out of rooms
}

// register returns a channel that is closed when a commit brings room to rev or beyond. Commits before the call do not
// count, so look at a View after it. Call cancel when done, whether or not the channel is closed.
func (w *revWaits) register(room state.RoomID, rev uint64) (reached <-chan struct{}, cancel func()) {
	wait := &revWait{rev: rev, reached: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rooms == nil {
		w.rooms = make(map[state.RoomID]map[*revWait]struct{})
	}
	if w.rooms[room] == nil {
		w.rooms[room] = make(map[*revWait]struct{})
	}
	w.rooms[room][wait] = struct{}{}
	w.waiting.Add(1)
	return wait.reached, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.removeLocked(room, wait)
	}
}

// committed tells of a change whose View is published. It never blocks.
func (w *revWaits) committed(c *state.Change) {
	if w.waiting.Load() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range c.Events {
		for wait := range w.rooms[e.Room] {
			if wait.rev <= e.Rev {
				close(wait.reached)
				w.removeLocked(e.Room, wait)
			}
		}
	}
}

// removeLocked is a no-op for a wait that is gone.
func (w *revWaits) removeLocked(room state.RoomID, wait *revWait) {
	waits := w.rooms[room]
	if _, ok := waits[wait]; !ok {
		return
	}
	delete(waits, wait)
	w.waiting.Add(-1)
	if len(waits) == 0 {
		delete(w.rooms, room)
	}
}

// wait returns once room has reached rev, as head says or a commit tells. It returns [errBehind] after [maxRevWait] and
// [contextError] when ctx ends before.
func (w *revWaits) wait(ctx context.Context, room state.RoomID, rev uint64, head func() (uint64, error)) error {
	reached, cancel := w.register(room, rev)
	defer cancel()
	switch h, err := head(); {
	case err != nil:
		return err
	case h >= rev:
		return nil
	}
	timeout := time.NewTimer(maxRevWait)
	defer timeout.Stop()
	select {
	case <-reached:
		return nil
	case <-timeout.C:
		return errBehind()
	case <-ctx.Done():
		return contextError(ctx.Err())
	}
}
