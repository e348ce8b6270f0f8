package chat

import (
	"sync"
	"time"
)

const (
	wheelSlot  = 5 * time.Millisecond
	wheelSlots = 256
	// MaxWindow is the longest [Delivery.Window]: what the wheel can wait for.
	MaxWindow = time.Second
)

// wheel calls back after a short while: one timer for all who wait, which runs only while one does. A slot is [wheelSlot]
// long; what waits is called in the first that begins after its time. Safe for concurrent use.
type wheel struct {
	mu      sync.Mutex // guards all below; a leaf
	slots   [wheelSlots][]waiter
	waiting int       // in slots
	now     int       // the slot that is due next
	due     time.Time // when that is; meaningful while something waits
}

// waiter is what a [wheel] calls: a room that has news, or a session.
type waiter interface{ resume(now time.Time) }

// add has waiter.resume called after wait, which is at most [MaxWindow].
func (w *wheel) add(who waiter, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == 0 {
		w.due = time.Now().Add(wheelSlot)
		time.AfterFunc(wheelSlot, w.turn) // ends when nothing waits any more
	}
	w.waiting++
	ahead := int((wait - time.Until(w.due) + wheelSlot - 1) / wheelSlot)
	i := (w.now + min(max(ahead, 0), wheelSlots-1)) % wheelSlots
	w.slots[i] = append(w.slots[i], who)
}

// turn calls those whose time has come, and comes back while somebody waits.
func (w *wheel) turn() {
	var called []waiter
	now := time.Now()
	w.mu.Lock()
	for ; w.waiting > 0 && !now.Before(w.due); w.due = w.due.Add(wheelSlot) {
		slot := w.slots[w.now]
		w.slots[w.now] = nil
		w.waiting -= len(slot)
		w.now = (w.now + 1) % wheelSlots
		called = append(called, slot...)
	}
	if w.waiting > 0 {
		time.AfterFunc(time.Until(w.due), w.turn)
	}
	w.mu.Unlock()
	for _, who := range called {
		who.resume(now)
	}
}
