package chat

import (
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// outbox is what a session has to send: its own replies and events, and which cursors have something. It is guarded by
// the session's mutex. Its size is bounded: replies and probes by the admission of commands, cursors by the rooms a
// connection may join, markers by [maxMarks].
type outbox struct {
	probes  int // empty responses to send
	replies []*chatv1.Reply
	units   int              // admitted for replies
	events  []*event         // of the session itself
	marks   []state.ReadMark // of a room each
	ready   []*cursor        // each once, in the order of their turns

	urgent   bool   // something does not wait for the window
	news     volume // about how much the cursors have that the sender has not taken
	diskNext bool   // a cursor that reads from disk gave way last time
}

// maxMarks is how many rooms' read markers may wait for a session that does not take them.
const maxMarks = 1024

// outgoing is one response after the other: a sender uses its memory again.
type outgoing struct {
	response
	bytes int // of events
	units int // to give back once it is written
}

var outgoings = sync.Pool{New: func() any { return new(outgoing) }}

// reset lets go of what was sent.
func (o *outgoing) reset() {
	clear(o.events)
	clear(o.parts)
	*o = outgoing{response: response{events: o.events[:0], parts: o.parts[:0]}}
}

// free lets another sender have it.
func (o *outgoing) free() {
	o.reset()
	outgoings.Put(o)
}

func (o *outgoing) add(events ...*event) { o.events = append(o.events, events...) }

func (o *outgoing) empty() bool { return len(o.replies) == 0 && len(o.events) == 0 && o.units == 0 }

// wake says that a cursor may have something to send: so much, of which it may have taken some already. It returns true
// where the caller is to have it sent, see [fanout.send].
func (s *session) wake(c *cursor, news volume, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.gone || !c.begun || c.ended {
		return false
	}
	s.queueLocked(c)
	s.outbox.news.events += news.events
	s.outbox.news.bytes += news.bytes
	return s.dueLocked(now)
}

// queueLocked puts a cursor in line for a turn.
func (s *session) queueLocked(c *cursor) {
	if c.queued || c.gone || !c.begun {
		return
	}
	c.queued = true
	s.outbox.ready = append(s.outbox.ready, c)
}

// queueNewsLocked puts those cursors in line whose rooms have news of which they have not told yet.
func (s *session) queueNewsLocked() {
	for _, c := range s.rooms {
		if c.begun && !c.ended && c.pos < c.room.head.Load() {
			s.queueLocked(c)
		}
	}
}

// marked tells the session of a read marker of its user; of several in one room the last is sent. It lets a moment pass,
// since the message that moved the marker is about to be sent, too.
func (s *session) marked(m state.ReadMark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.outbox.marks, func(old state.ReadMark) bool { return old.Room == m.Room })
	switch {
	case i >= 0:
		s.outbox.marks[i] = m
	case len(s.outbox.marks) < maxMarks:
		s.outbox.marks = append(s.outbox.marks, m)
	}
	if !s.awaitedLocked() {
		s.parkLocked(0)
	}
}

// kickLocked has all that is pending sent at once, by a sender of its own: it does not wait for the workers, also where one of
// them is to come to this session. That one then finds a sender, or what has gathered since.
func (s *session) kickLocked() {
	s.outbox.urgent = true
	if !s.sending && !s.closed {
		s.sendOwnLocked()
	}
}

// sendOwnLocked gives the session a sender of its own.
func (s *session) sendOwnLocked() {
	s.sending = true
	s.service.running.Add(1)
	go s.send(true) // ends when there is nothing to send yet, or when the stream ends
}

// dueLocked reports whether the caller has to see that a worker comes to [session.send]: none will, there is no sender, and
// what is pending may be sent now. If it may be sent later, the wheel comes back to it.
func (s *session) dueLocked(now time.Time) bool {
	if s.awaitedLocked() {
		return false
	}
	if wait := s.pauseLocked(now); wait > 0 {
		s.parkLocked(wait)
		return false
	}
	if s.heldUp {
		s.sendOwnLocked()
		return false
	}
	s.queued = true
	s.service.running.Add(1)
	return true
}

// awaitedLocked reports whether what is pending goes without further ado, or not at all.
func (s *session) awaitedLocked() bool { return s.sending || s.queued || s.closed }

// pauseLocked returns how long what is pending has to wait for more of it; at most 0 if it goes now. A room tells of news once
// a window, and not everybody's was sent in the same moment the last time: a little too early is early enough.
func (s *session) pauseLocked(now time.Time) time.Duration {
	delivery := &s.service.delivery
	if s.outbox.urgent || s.capped || s.outbox.news.events >= delivery.CoalesceEvents || s.outbox.news.bytes >= delivery.CoalesceBytes {
		return 0
	}
	wait := delivery.Window - now.Sub(s.wrote)
	if wait <= delivery.Window/4 {
		return 0
	}
	return wait
}

// parkLocked has the session look again after a while.
func (s *session) parkLocked(wait time.Duration) {
	if !s.parked {
		s.parked = true
		s.service.wheel.add(s, wait)
	}
}

// resume implements [waiter].
func (s *session) resume(now time.Time) {
	s.mu.Lock()
	s.parked = false
	due := s.pendingLocked() && s.dueLocked(now)
	s.mu.Unlock()
	if due {
		s.service.fanout.send(s)
	}
}

// send writes what there is to send. What gathers during one write travels in the next. Whoever calls it is the sender: already,
// or, a worker, from now on, unless there is one by now.
func (s *session) send(already bool) {
	defer s.service.running.Done()
	defer s.contain("send", s.stopSending)
	out := outgoings.Get().(*outgoing)
	defer out.free()
	for ; s.next(out, already); already = true {
		if err := s.writeOut(out); err != nil {
			s.stopSending(err)
			return
		}
		s.service.sent.add(out)
		s.release(out.units)
		out.reset()
	}
}

// writeOut counts a response as being sent while it is.
func (s *session) writeOut(out *outgoing) error {
	s.service.sending.Add(int64(out.bytes))
	defer s.service.sending.Add(-int64(out.bytes)) // also after a panic
	return s.write(&out.response)
}

// stopSending ends the session because nothing can be sent any more.
func (s *session) stopSending(cause error) {
	s.end(cause)
	s.mu.Lock()
	s.closed = true
	s.outbox = outbox{}
	s.sending, s.writing = false, false
	notify(s.changed)
	s.mu.Unlock()
}

// next puts the next response together; false when there is nothing to send yet, and the sender with it. It makes its caller the
// sender who is not already.
func (s *session) next(out *outgoing, already bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !already && !s.becomeSenderLocked() {
		return false
	}
	now := time.Now()
	if s.writing {
		took := now.Sub(s.wrote)
		s.writing, s.slow, s.heldUp = false, took > slowWrite, took > heldUpAfter
	}
	for ; !s.closed && s.pendingLocked(); now = time.Now() {
		if wait := s.pauseLocked(now); wait > 0 {
			s.parkLocked(wait)
			break
		}
		if err := s.gatherLocked(out); err != nil {
			s.mu.Unlock()
			s.stopSending(s.service.engine.internal("deliver events", err))
			s.mu.Lock()
			return false
		}
		if !out.empty() {
			s.wrote, s.writing = now, true
			return true
		}
		if !s.outbox.urgent && s.pendingLocked() {
			s.parkLocked(laterPause)
			break
		}
	}
	if s.outbox.empty() {
		s.outbox = outbox{}
	}
	s.sending = false
	notify(s.changed)
	return false
}

// becomeSenderLocked makes a worker that has come to the session its sender. False if it has one.
func (s *session) becomeSenderLocked() bool {
	s.queued = false
	if s.sending {
		return false
	}
	s.sending = true
	return true
}

// laterPause is after what time the sender looks again for what was left out because too much was being sent.
const laterPause = 50 * time.Millisecond

// slowWrite is how long a write may take before the session gets less at a time, so that it makes progress more often.
const slowWrite = time.Second

// gatherLocked empties the outbox into one response, as far as its bytes go.
func (s *session) gatherLocked(out *outgoing) error {
	s.outbox.news = volume{}
	if s.outbox.probes > 0 {
		s.outbox.probes--
		out.units = 1
		return nil
	}
	if s.outbox.urgent {
		s.outbox.urgent = false
		s.queueNewsLocked()
	}
	s.outbox.take(out, s.service.engine)
	if err := s.takeFeedLocked(out); err != nil {
		return err
	}
	return s.takeTurnsLocked(out)
}

// pendingLocked reports whether there is anything to send.
func (s *session) pendingLocked() bool { return !s.outbox.empty() || s.feed.pending() }

// takeTurnsLocked lets the cursors that are ready contribute, in turn. The lock is let go while one does. What is in memory
// goes first, and what has to be read from disk does not hold it up: those cursors contribute to responses that have nothing
// else, and to one after each that did not wait for them.
func (s *session) takeTurnsLocked(out *outgoing) error {
	delivery, o := &s.service.delivery, &s.outbox
	shed := s.service.sending.Load() > int64(delivery.SendingBytes)
	most := delivery.ResponseBytes
	if shed || s.slow {
		most = min(most, delivery.TurnBytes)
	}
	var behind, later []*cursor // queued all the time
	disk := false
	for out.bytes < most {
		if len(o.ready) == 0 {
			if disk || len(behind) == 0 || len(out.events) > 0 && !o.diskNext {
				break
			}
			disk, o.diskNext = true, false
			o.ready, behind = behind, nil
		}
		c := o.ready[0]
		o.ready = slices.Delete(o.ready, 0, 1)
		c.queued = false
		if c.gone {
			continue
		}
		t, err := s.takeTurnLocked(c, ask{to: out, limit: c.limit, disk: disk, shed: shed})
		if err != nil {
			return err
		}
		// If the room was left meanwhile, the reply to that comes in a later response, and nothing of the room after it.
		out.bytes += t.bytes
		switch {
		case c.queued: // news came meanwhile
		case t.behind:
			c.queued = true
			behind = append(behind, c)
		case t.more:
			s.queueLocked(c)
		case t.later:
			c.queued = true
			later = append(later, c)
		}
	}
	o.urgent = o.urgent || len(o.ready) > 0 || len(behind) > 0
	o.diskNext = len(behind) > 0
	o.ready = append(append(o.ready, behind...), later...)
	return nil
}

// takeTurnLocked lets one cursor contribute, and ends it where it is at its end. The lock is let go meanwhile.
func (s *session) takeTurnLocked(c *cursor, a ask) (turn, error) {
	t, err := s.takeUnlocked(c, a)
	if err != nil {
		return turn{}, err
	}
	over := t.over && !c.gone
	if (t.ended || over) && s.capped && !c.ended {
		c.ended = true
		s.unended--
	}
	if over {
		a.to.add(shutOutEvent(c.room.id, t.reason, s.service.engine.now()))
		s.mu.Unlock()
		s.drop(c)
		s.mu.Lock()
	}
	return t, nil
}

func (s *session) takeUnlocked(c *cursor, a ask) (turn, error) {
	s.mu.Unlock()
	defer s.mu.Lock() // also after a panic
	return c.take(a)
}

// take moves what is in the outbox but for its cursors and probes.
func (o *outbox) take(out *outgoing, e *engine) {
	out.replies, out.units = o.replies, o.units
	for _, own := range o.events {
		out.bytes += own.size
	}
	out.events = append(out.events, o.events...)
	for _, m := range o.marks {
		out.events = append(out.events, newEvent(&chatv1.Event{
			Room: string(m.Room),
			Time: timestamppb.New(e.now()),
			Kind: &chatv1.Event_Read{Read: readMarkerProto(m.Room, m.Seq, m.Head)},
		}))
	}
	o.replies, o.events, o.units, o.marks = nil, nil, 0, nil
}

func (o *outbox) empty() bool {
	return o.probes == 0 && len(o.replies) == 0 && len(o.events) == 0 && len(o.marks) == 0 && len(o.ready) == 0
}

// notify sends to a channel of capacity 1 that somebody looks again. Nobody does so far if there is no channel.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
