package chat

import (
	"slices"

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
	units   int             // admitted for replies
	events  []*chatv1.Event // of the session itself
	marks   map[state.RoomID]state.ReadMark
	ready   []*cursor // each once, in the order of their turns
}

// maxMarks is how many rooms' read markers may wait for a session that does not take them.
const maxMarks = 1024

// outgoing is one response.
type outgoing struct {
	replies []*chatv1.Reply
	events  []*chatv1.Event
	bytes   int // of events
	units   int // to give back once it is written
}

// wake says that a cursor may have something to send.
func (s *session) wake(c *cursor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.capped {
		s.queueLocked(c)
	}
}

func (s *session) queueLocked(c *cursor) {
	if c.queued || c.gone || !c.begun {
		return
	}
	c.queued = true
	s.outbox.ready = append(s.outbox.ready, c)
	s.kickLocked()
}

// marked tells the session of a read marker of its user; of several in one room the last is sent.
func (s *session) marked(m state.ReadMark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.outbox.marks[m.Room]; !ok && len(s.outbox.marks) >= maxMarks {
		return
	}
	if s.outbox.marks == nil {
		s.outbox.marks = make(map[state.RoomID]state.ReadMark)
	}
	s.outbox.marks[m.Room] = m
	s.kickLocked()
}

// kickLocked makes sure that the sender exists.
func (s *session) kickLocked() {
	if s.sending || s.closed {
		return
	}
	s.sending = true
	s.service.running.Add(1)
	go s.send() // ends when there is nothing to send, or when the stream ends
}

// send writes what there is to send. What gathers during one write travels in the next.
func (s *session) send() {
	defer s.service.running.Done()
	for {
		out, ok := s.next()
		if !ok {
			return
		}
		if err := s.write(out.replies, out.events); err != nil {
			s.stopSending(err)
			return
		}
		s.service.sent.add(out)
		s.release(out.units)
	}
}

// stopSending ends the session because nothing can be sent any more.
func (s *session) stopSending(cause error) {
	s.end(cause)
	s.mu.Lock()
	s.closed = true
	s.outbox = outbox{}
	s.sending = false
	s.mu.Unlock()
	notify(s.changed)
}

// next puts the next response together; false when there is nothing, and the sender with it.
func (s *session) next() (outgoing, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.closed {
		if s.outbox.probes > 0 {
			s.outbox.probes--
			return outgoing{units: 1}, true
		}
		out := s.outbox.take(s.service.engine)
		if err := s.takeTurnsLocked(&out); err != nil {
			s.mu.Unlock()
			s.stopSending(s.service.engine.internal("deliver events", err))
			s.mu.Lock()
			return outgoing{}, false
		}
		if len(out.replies) > 0 || len(out.events) > 0 {
			return out, true
		}
		if s.outbox.empty() {
			break
		}
	}
	s.sending = false
	notify(s.changed)
	return outgoing{}, false
}

// takeTurnsLocked lets the cursors that are ready contribute, in turn. The lock is let go while one does.
func (s *session) takeTurnsLocked(out *outgoing) error {
	most := s.service.delivery.ResponseBytes
	for out.bytes < most && len(s.outbox.ready) > 0 {
		c := s.outbox.ready[0]
		s.outbox.ready = slices.Delete(s.outbox.ready, 0, 1)
		c.queued = false
		if c.gone {
			continue
		}
		limit := c.limit
		s.mu.Unlock()
		t, err := c.take(limit)
		s.mu.Lock()
		if err != nil {
			return err
		}
		// If the room was left meanwhile, the reply to that comes in a later response, and nothing of the room after it.
		out.events = append(out.events, t.events...)
		out.bytes += t.bytes
		if t.more {
			s.queueLocked(c)
		}
		if t.over && !c.gone {
			out.events = append(out.events, shutOutEvent(c.room.id, s.service.engine.now()))
			s.mu.Unlock()
			s.drop(c)
			s.mu.Lock()
		}
	}
	return nil
}

// take empties the outbox but for its cursors and probes.
func (o *outbox) take(e *engine) outgoing {
	out := outgoing{replies: o.replies, events: o.events, units: o.units}
	now := timestamppb.New(e.now())
	for room, m := range o.marks {
		out.events = append(out.events, &chatv1.Event{
			Room: string(room),
			Time: now,
			Kind: &chatv1.Event_Read{Read: readMarkerProto(room, m.Seq, m.Head)},
		})
	}
	o.replies, o.events, o.units, o.marks = nil, nil, 0, nil
	return out
}

func (o *outbox) empty() bool {
	return o.probes == 0 && len(o.replies) == 0 && len(o.events) == 0 && len(o.marks) == 0 && len(o.ready) == 0
}

// notify sends to a channel of capacity 1 that somebody looks again.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
