package local

import (
	"slices"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// call is one Append that waits.
type call struct {
	records []state.Record
	bytes   int
	placed  chan struct{} // closed when it gets its place in the queue; nil if it had one at once
	done    chan struct{} // closed when results or err are set
	results []state.Result
	err     error
}

// recordBytes is what a record costs beside its body and names, about.
const recordBytes = 256

func newCall(records []state.Record) *call {
	c := &call{records: records, done: make(chan struct{})}
	for i := range records {
		r := &records[i]
		c.bytes += recordBytes + len(r.Body) + len(r.Actor.ID) + len(r.Actor.Name)
	}
	return c
}

// caller names who waits for the answer.
func (c *call) caller() string { return c.records[0].Actor.ID }

func (c *call) answer(results []state.Result, err error) {
	c.results, c.err = results, err
	close(c.done)
}

// queue is the calls that wait for their commit, bounded in number and bytes, and behind them those that wait for a
// place. It belongs to the sequencer's mutex.
type queue struct {
	maxCalls, maxBytes int

	calls          []*call
	records, bytes int     // of calls
	waiting        []*call // for a place
	closed         bool    // nobody gets a place any more
}

// add gives a call its place; false if it must wait for one, see [call.placed].
func (q *queue) add(c *call) (placed bool) {
	if len(q.waiting) == 0 && q.hasRoom(c) {
		q.place(c)
		return true
	}
	c.placed = make(chan struct{})
	q.waiting = append(q.waiting, c)
	return false
}

func (q *queue) hasRoom(c *call) bool {
	return len(q.calls) == 0 || len(q.calls) < q.maxCalls && q.bytes+c.bytes <= q.maxBytes
}

func (q *queue) place(c *call) {
	q.calls = append(q.calls, c)
	q.records += len(c.records)
	q.bytes += c.bytes
}

// admit gives places to those who wait, as far as there is room.
func (q *queue) admit() {
	n := 0
	for !q.closed && n < len(q.waiting) && q.hasRoom(q.waiting[n]) {
		q.place(q.waiting[n])
		close(q.waiting[n].placed)
		n++
	}
	q.waiting = slices.Delete(q.waiting, 0, n)
}

// giveUp takes a call out of those that wait for a place; false if it is not there any more.
func (q *queue) giveUp(c *call) bool {
	i := slices.Index(q.waiting, c)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	q.admit() // it may have been too large for the room there was
	return true
}

// remove takes a call back that has a place; false if it is not there any more.
func (q *queue) remove(c *call) bool {
	i := slices.Index(q.calls, c)
	if i < 0 {
		return false
	}
	q.calls = slices.Delete(q.calls, i, i+1)
	q.forget(c)
	q.admit()
	return true
}

// take takes calls out until they have as many records or bytes, or nothing is left.
func (q *queue) take(records, bytes int) []*call {
	n := 0
	for n < len(q.calls) && records > 0 && bytes > 0 {
		records -= len(q.calls[n].records)
		bytes -= q.calls[n].bytes
		q.forget(q.calls[n])
		n++
	}
	calls := slices.Clone(q.calls[:n])
	q.calls = slices.Delete(q.calls, 0, n)
	q.admit()
	return calls
}

func (q *queue) forget(c *call) {
	q.records -= len(c.records)
	q.bytes -= c.bytes
}
