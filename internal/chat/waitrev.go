package chat

import (
	"container/heap"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// maxRevWait is how long a read waits for a rev that the view has not reached.
const maxRevWait = 5 * time.Second

// revWaitPoll is how often those look again whom a commit does not wake any more: see [revWaits.wait].
const revWaitPoll = 200 * time.Millisecond

// errBehind returns the status of a rev that did not come within [maxRevWait].
func errBehind() error {
	return retryable(codes.Unavailable, "this node has not reached that rev", retryBehind)
}

// revWaits wakes those who wait for a room to reach a rev. Commits that nobody waits for cost one atomic load, and others a
// look at the lowest rev that is awaited in each of their rooms: how many wait for higher ones does not matter. The zero value
// is ready. Safe for concurrent use.
type revWaits struct {
	waiting atomic.Int64 // the number of waits in rooms

	mu    sync.Mutex // protects rooms; nothing is called with it held
	rooms map[state.RoomID]*revHeap
}

type revWait struct {
	rev     uint64
	reached chan struct{} // closed by committed, at most once: who closes it takes the wait out of rooms
	index   int           // in its room's heap; negative: taken out
}

// register returns a channel that is closed when a commit brings room to rev or beyond. Commits before the call do not
// count, so look at a View after it. Call cancel when done, whether or not the channel is closed.
func (w *revWaits) register(room state.RoomID, rev uint64) (reached <-chan struct{}, cancel func()) {
	wait := &revWait{rev: rev, reached: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rooms == nil {
		w.rooms = make(map[state.RoomID]*revHeap)
	}
	if w.rooms[room] == nil {
		w.rooms[room] = new(revHeap)
	}
	heap.Push(w.rooms[room], wait)
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
		for wait := w.rooms[e.Room].lowest(); wait != nil && wait.rev <= e.Rev; wait = w.rooms[e.Room].lowest() {
			close(wait.reached)
			w.removeLocked(e.Room, wait)
		}
	}
}

// removeLocked is a no-op for a wait that is gone.
func (w *revWaits) removeLocked(room state.RoomID, wait *revWait) {
	if wait.index < 0 {
		return
	}
	waits := w.rooms[room]
	heap.Remove(waits, wait.index)
	w.waiting.Add(-1)
	if waits.Len() == 0 {
		delete(w.rooms, room)
	}
}

// revHeap has who waits for the lowest rev first.
type revHeap []*revWait

// lowest returns the first wait; nil if there is none.
func (h *revHeap) lowest() *revWait {
	if h == nil {
		return nil
	}
	return (*h)[0] // an empty heap is removed
}

// Len implements [heap.Interface].
func (h revHeap) Len() int { return len(h) }

// Less implements [heap.Interface].
func (h revHeap) Less(i, j int) bool { return h[i].rev < h[j].rev }

// Swap implements [heap.Interface].
func (h revHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements [heap.Interface].
func (h *revHeap) Push(wait any) {
	w := wait.(*revWait)
	w.index = len(*h)
	*h = append(*h, w)
}

// Pop implements [heap.Interface].
func (h *revHeap) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	(*h)[last], *h = nil, (*h)[:last]
	w.index = -1
	return w
}

// wait returns once head says that room has reached rev. It asks at first, when a commit has brought the room there and, if head
// says otherwise even then, as it does to those who may not see the room, now and then. It returns head's error, [errBehind]
// after [maxRevWait], and [contextError] when ctx ends before.
func (w *revWaits) wait(ctx context.Context, room state.RoomID, rev uint64, head func() (uint64, error)) error {
	reached, cancel := w.register(room, rev)
	defer cancel()
	timeout := time.NewTimer(maxRevWait)
	defer timeout.Stop()
	for {
		switch h, err := head(); {
		case err != nil:
			return err
		case h >= rev:
			return nil
		}
		var again <-chan time.Time
		if reached == nil {
			again = time.After(revWaitPoll)
		}
		select {
		case <-reached:
			reached = nil
		case <-again:
		case <-timeout.C:
			return errBehind()
		case <-ctx.Done():
			return contextError(ctx.Err())
		}
	}
}
