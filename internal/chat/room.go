package chat

import (
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// room is a live room: what its cursors read from memory.
type room struct {
	id       state.RoomID
	hub      *Hub
	delivery Delivery
	now      func() time.Time // of events
	service  *Service
	dirty    bool          // whether it waits for a worker; guarded by service.fanout.mu
	head     atomic.Uint64 // the window's, for those who look without the lock

	mu          sync.Mutex // guards all below; nothing but the leaves hub.memory.mu, wheel.mu and fanout.mu is taken with it held
	window      window
	holding     holding // the window's
	blocks      blocks
	told        volume    // how much had been pushed when a worker last walked
	signaled    uint64    // number of the last signal then
	walked      time.Time // when that was
	parked      bool      // whether the wheel has it
	subscribers subscribers
	signals     signals
	presence    presence

	departures *time.Timer // runs while somebody is about to leave
	announce   *time.Timer // runs while changes of presence wait to be announced
	announced  time.Time   // when that happened last
}

func newRoom(id state.RoomID, s *Service) *room {
	d := s.delivery
	r := &room{
		id: id, hub: s.hub, service: s, delivery: d, now: s.engine.now,
		window: window{maxEvents: d.WindowEvents, maxBytes: d.WindowBytes},
	}
	r.holding.evict = r.evictWindow
	return r
}

// push takes the next committed event.
func (r *room) push(e *state.Event) {
	r.mu.Lock()
	r.window.push(e)
	r.head.Store(e.Rev)
	if changesMessage(e) || e.Kind == state.Trimmed {
		r.dropBlocksLocked()
	}
	victims := r.hub.memory.set(&r.holding, r.window.cost())
	r.tellLocked()
	r.mu.Unlock()
	evictAll(victims)
}

// tellLocked has the sessions here told of what is new: at once if that was not done for a window, or much has come since;
// otherwise when the window has passed, so that in a busy room an event costs nothing for each of them.
func (r *room) tellLocked() {
	news := r.window.pushed.minus(r.told)
	if news.events < r.delivery.CoalesceEvents && news.bytes < r.delivery.CoalesceBytes {
		if wait := r.delivery.Window - time.Since(r.walked); wait > 0 {
			if !r.parked {
				r.parked = true
				r.service.wheel.add(r, wait)
			}
			return
		}
	}
	r.service.fanout.mark(r)
}

// resume implements [waiter].
func (r *room) resume(time.Time) {
	r.mu.Lock()
	r.parked = false
	news := r.told != r.window.pushed || r.signaled != r.signals.last // it may have been told since
	r.mu.Unlock()
	if news {
		r.service.fanout.mark(r)
	}
}

// shutOut has each cursor heed o.
func (r *room) shutOut(o state.ShutOut) {
	r.mu.Lock()
	for _, chunk := range r.subscribers.all() {
		for _, c := range chunk {
			c.shutOutLocked(o)
		}
	}
	r.mu.Unlock()
	r.service.fanout.mark(r)
}

// evictWindow implements [holding]: who needs what was in the window reads it from disk.
func (r *room) evictWindow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.window.clear()
	r.hub.memory.set(&r.holding, 0)
}

// wake tells all sessions here that there may be news, and has it sent to those who may get it now.
func (r *room) wake() {
	now := time.Now()
	r.mu.Lock()
	chunks := r.subscribers.all()
	news := r.window.pushed.minus(r.told)
	r.told, r.signaled, r.walked = r.window.pushed, r.signals.last, now
	r.mu.Unlock()
	var ready []*session
	for _, chunk := range chunks {
		for _, c := range chunk {
			if c.session.wake(c, news, now) {
				ready = append(ready, c.session)
			}
		}
		r.service.fanout.send(ready...)
		ready = ready[:0]
	}
}

// presenceEvent returns the event that tells of presence.
func (r *room) presenceEvent(p *chatv1.Presence) *event {
	return newEvent(&chatv1.Event{
		Room: string(r.id),
		Time: timestamppb.New(r.now()),
		Kind: &chatv1.Event_Presence{Presence: p},
	})
}

// attach registers a cursor, which may be about to replace another of its session (nil: none); where that one is in presence, it
// enters at once.
// Signals from now on are its own. It heeds those shutOuts that are about this room.
func (r *room) attach(c, old *cursor, shutOuts []state.ShutOut) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.subscribers.add(c)
	c.signals = r.signals.last
	for _, o := range shutOuts {
		if o.Room == r.id {
			c.shutOutLocked(o)
		}
	}
	if old != nil && old.present {
		r.enterLocked(c)
	}
}

// enter has presence count a visible cursor. A no-op for one that it counts, or that is detached.
func (r *room) enter(c *cursor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.session.visible && !c.present && c.slot != noSlot {
		r.enterLocked(c)
	}
}

func (r *room) enterLocked(c *cursor) {
	c.present = true
	if r.presence.enter(c.session.user.Load()) {
		r.announceLocked()
	}
}

// rename has those here know of a user's new name.
func (r *room) rename(u *chatv1.User) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.presence.rename(u) {
		r.announceLocked()
	}
}

// detach reports whether the room has no cursor left; it then does nothing any more.
func (r *room) detach(c *cursor) (empty bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.subscribers.remove(c)
	present := c.present
	c.present = false
	if r.subscribers.n == 0 {
		stop(r.departures)
		stop(r.announce)
		r.dropBlocksLocked()
		r.hub.memory.set(&r.holding, 0)
		return true
	}
	if present && r.presence.leave(c.session.actor.ID, time.Now()) && r.departures == nil {
		r.departures = time.AfterFunc(presenceGrace, r.depart)
	}
	return false
}

func stop(t *time.Timer) {
	if t != nil {
		t.Stop()
	}
}

// depart removes those who are really gone.
func (r *room) depart() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.departures = nil
	changed, next, more := r.presence.expire(time.Now())
	if more && r.subscribers.n > 0 {
		r.departures = time.AfterFunc(next, r.depart)
	}
	if changed {
		r.announceLocked()
	}
}

// announceLocked lets everybody here know of changed presence: now, or together with what else changes until
// [presenceInterval] has passed since the last time.
func (r *room) announceLocked() {
	if r.announce != nil {
		return
	}
	r.announce = time.AfterFunc(presenceInterval-time.Since(r.announced), func() {
		r.mu.Lock()
		r.announce = nil
		r.announced = time.Now()
		r.mu.Unlock()
		r.service.fanout.mark(r)
	})
}

// signal tells everybody here but session (0: everybody) what user does.
func (r *room) signal(session uint64, user *chatv1.User, s *chatv1.Signal) {
	signaled := &chatv1.Signaled{User: user}
	if kind, ok := s.GetSignal().(*chatv1.Signal_Typing); ok {
		signaled.Signal = &chatv1.Signaled_Typing{Typing: kind.Typing}
	}
	shared := newEvent(&chatv1.Event{
		Room: string(r.id),
		Time: timestamppb.New(r.now()),
		Kind: &chatv1.Event_Signaled{Signaled: signaled},
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.signals.push(signal{session: session, user: user.GetId(), time: time.Now(), event: shared})
	r.tellLocked()
}
