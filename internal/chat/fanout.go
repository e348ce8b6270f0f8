package chat

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"time"
)

// fanout tells the sessions of rooms that there is news, and sends it to them, so that the committer need not. Its workers, at
// most one for each processor, exist only while there is work.
//
// One worker writes to many sessions, one after the other: a goroutine for each write would cost as much as all else that Rialto
// does for it. A write may block, though, so a worker that has been at the same thing for [heldUpAfter] is left to it, and
// another goes on with what it would have done next; twice as many each time that all are held up, so that hundreds of clients
// that stop at once hold up the others for some hundredths of a second together. A session that held one up has a sender of
// its own until its client keeps up again.
type fanout struct {
	mu      sync.Mutex      // guards all below and room.dirty; a leaf
	dirty   queue[*room]    // to be walked
	ready   queue[*session] // to be sent to, by the worker that takes them out unless they have a sender by then
	workers []*worker       // those that count; others end with what they do
	held    int             // how many times in a row all of them were held up
	watched bool            // whether a timer looks after them
}

// worker is one goroutine of a [fanout].
type worker struct {
	at   uint64 // counts what it has begun; guarded by fanout.mu
	seen uint64 // at, when the watch looked last; unseen: it has not yet
}

const unseen = math.MaxUint64

// heldUpAfter is how long a worker may be at one thing, at least; it may be twice that.
const heldUpAfter = 5 * time.Millisecond

// mark has a room's sessions told of news. A no-op for one that waits for it.
func (f *fanout) mark(r *room) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.dirty {
		return
	}
	r.dirty = true
	f.dirty.push(r)
	f.beginLocked()
}

// send has sessions sent to, whose queued was set.
func (f *fanout) send(sessions ...*session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ready.push(sessions...)
	f.beginLocked()
}

// mostHeld bounds how often the number of workers is doubled.
const mostHeld = 8

// beginLocked makes sure that somebody works. One is enough for what is done before the watch looks; it has others help with more.
// Two at once would wake a processor for each handful of writes, which costs more than the writes.
func (f *fanout) beginLocked() {
	if len(f.workers) == 0 {
		f.hireLocked()
	}
}

// hireLocked has one more at work, unless enough are.
func (f *fanout) hireLocked() {
	if len(f.workers) >= runtime.GOMAXPROCS(0)<<f.held {
		return
	}
	w := &worker{seen: unseen}
	f.workers = append(f.workers, w)
	go f.work(w) // ends when there is nothing to do, or after being held up; what it sends counts in Service.running
	if !f.watched {
		f.watched = true
		time.AfterFunc(heldUpAfter, f.watch) // ends when nobody works
	}
}

func (f *fanout) work(w *worker) {
	for {
		s, r := f.next(w)
		switch {
		case s != nil:
			s.send(false)
		case r != nil:
			r.wake()
		default:
			return
		}
	}
}

// next returns what to do next: a session to send to, before a room to walk. Neither: the worker ends.
func (f *fanout) next(w *worker) (*session, *room) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.at++
	if !slices.Contains(f.workers, w) {
		return nil, nil // another is in its place
	}
	if s, ok := f.ready.pop(); ok {
		return s, nil
	}
	if r, ok := f.dirty.pop(); ok {
		r.dirty = false // news from here on queues it again
		return nil, r
	}
	f.dismissLocked(w)
	return nil, nil
}

func (f *fanout) dismissLocked(w *worker) {
	f.workers = slices.DeleteFunc(f.workers, func(other *worker) bool { return other == w })
}

// watch replaces workers that are held up.
func (f *fanout) watch() {
	f.mu.Lock()
	defer f.mu.Unlock()
	stuck, moved := false, false
	for _, w := range slices.Clone(f.workers) {
		switch {
		case w.at == w.seen:
			stuck = true
			f.dismissLocked(w)
		case w.seen != unseen || w.at > 1:
			moved = true
		}
		w.seen = w.at
	}
	waiting := f.ready.len() + f.dirty.len()
	switch {
	case moved || waiting == 0:
		f.held = 0
	case stuck:
		f.held = min(f.held+1, mostHeld)
	}
	for range min(waiting, runtime.GOMAXPROCS(0)<<f.held) {
		f.hireLocked()
	}
	if f.watched = len(f.workers) > 0; f.watched {
		time.AfterFunc(heldUpAfter, f.watch)
	}
}

// queue is first in, first out. Its memory is used again.
type queue[T any] struct {
	elements []T
	first    int // those before are zero
}

func (q *queue[T]) len() int { return len(q.elements) - q.first }

func (q *queue[T]) push(elements ...T) {
	if q.len() == 0 {
		q.elements, q.first = q.elements[:0], 0
	}
	q.elements = append(q.elements, elements...)
}

func (q *queue[T]) pop() (first T, ok bool) {
	if q.len() == 0 {
		return first, false
	}
	var zero T
	first, q.elements[q.first] = q.elements[q.first], zero
	q.first++
	return first, true
}
