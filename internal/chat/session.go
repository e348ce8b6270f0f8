package chat

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat/state"
	"github.com/rialto-rpc/rialto/internal/limit"
)

// session is one Connect or Subscribe: cursors in rooms, and what waits to be sent beside their events.
//
// Its goroutines: the handler's, which for Connect is also the reader, the only one to receive and to dispatch commands, where
// the transport can interrupt that (otherwise the reader is one of its own); and, each only while it has work, the sender
// (the only one to write: one of its own, or a worker of the fan-out), the appender of publishes, and one for each join that waits for its resume position. All count in
// Service.running and end with the stream at the latest.
type session struct {
	service *Service
	id      uint64
	ctx     context.Context // the stream's; a session is a per-RPC object
	write   func(*response) error
	visible bool // whether it is in presence
	// interrupt makes receiving return, where the transport can do that; nil otherwise. Set before the session begins.
	interrupt func()
	// sentBytes returns how much the transport has sent, where it tells; nil otherwise.
	sentBytes func() uint64
	progress  progress

	commands limit.Bucket // the reader's

	// Who this is. Set once, by the reader with mu held, before the first command is carried out; unset for Subscribe.
	actor state.Actor
	// user is who others see, which a profile may change at any time; nil while actor is unset.
	user atomic.Pointer[chatv1.User]
	// address is where the stream comes from; zero: not known.
	address netip.Addr

	endOnce sync.Once
	over    atomic.Bool // end was called

	mu      sync.Mutex    // guards all below and the cursors' fields that say so; a leaf: nothing is called with it held
	changed chan struct{} // capacity 1; sent to when working or sending may have become nothing, or the session closed. The handler receives; nil until it waits.
	ending  chan struct{} // closed after over is set; nil until somebody waits for it
	cause   error         // what the stream ends with; set before over, and once more if it was nil then
	freed   chan struct{} // capacity 1; sent to when pending shrinks. The reader receives; nil until it waits.

	rooms     following // none of the cursors is gone
	left      bool      // all rooms are left, for good
	outbox    outbox
	feed      *feed     // of the user; nil for Subscribe and before the welcome
	queued    bool      // whether a worker will come to it
	sending   bool      // whether the sender exists
	parked    bool      // whether the wheel has it
	writing   bool      // whether the sender has something to write that is not written yet
	wrote     time.Time // when that, or the last thing that is written, was put together
	slow      bool      // whether the last write took long
	heldUp    bool      // whether it took so long that a worker is not to do the next
	pending   int       // units of commands that are not answered yet
	working   int       // commands whose outcome is awaited
	publishes []publication
	appending bool      // whether the appender exists
	namedAt   state.Pos // of the profile that user was made of
	capped    bool      // cursors end at their limit, and nothing waits any more
	unended   int       // cursors that have not reached it
	closed    bool      // nothing is sent any more
	broken    bool      // something panicked: outcomes that are awaited may never come
}

func (s *Service) newSession(ctx context.Context, write func(*response) error) *session {
	return &session{
		sentBytes: sentBytesOf(ctx),
		service:   s,
		id:        s.sessionIDs.Add(1),
		ctx:       ctx,
		write:     write,
		address:   auth.Address(ctx),
	}
}

// sentBytesOf returns what tells how much a stream's transport has sent; nil if nothing does. The bridge does: see its
// SentBytes.
func sentBytesOf(ctx context.Context) func() uint64 {
	transport, ok := grpc.ServerTransportStreamFromContext(ctx).(interface{ SentBytes() func() uint64 })
	if !ok {
		return nil
	}
	return transport.SentBytes()
}

// settleTimeout is how long a session that ends with an error may take to answer what it received, and every session to
// see its goroutines end.
const settleTimeout = 2 * time.Second

// end asks the session to end with cause, nil for OK. The first cause that is not nil counts, also where the session is ending in
// order after a half-close: for it end returns true.
func (s *session) end(cause error) (counts bool) {
	first := false
	s.endOnce.Do(func() {
		first = true
		if s.interrupt != nil {
			s.interrupt() // before the handler learns that it may return, and the stream is no longer its own
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.cause = cause
		s.over.Store(true)
		if s.ending != nil {
			close(s.ending)
		}
	})
	return first || s.cutShort(cause)
}

// cutShort gives a session that is ending in order a cause to end at once. It reports false where there is none, another, or
// nothing left to end.
func (s *session) cutShort(cause error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cause == nil || s.cause != nil || s.closed {
		return false
	}
	s.cause = cause
	notify(s.changed)
	return true
}

// untilEndLocked returns what is closed when the session is to end.
func (s *session) untilEndLocked() <-chan struct{} {
	if s.ending == nil {
		s.ending = make(chan struct{})
		if s.over.Load() {
			close(s.ending)
		}
	}
	return s.ending
}

// wait returns the session's status once it has ended in order: what it received is answered, and after a half-close all
// rooms are delivered up to their heads, unless there comes a cause not to wait for that. A stream that broke ends at once.
func (s *session) wait() error {
	s.mu.Lock()
	ending := s.untilEndLocked()
	s.mu.Unlock()
	select {
	case <-ending:
	case <-s.ctx.Done():
		s.end(contextError(s.ctx.Err()))
	}
	if s.ctx.Err() == nil {
		s.deliver()
		s.settle()
	}
	return s.close()
}

// deliver lets a session that ends with OK have all it is to get. A slow reader gets the time it needs.
func (s *session) deliver() {
	s.await(s.ctx, func() bool { return s.cause != nil || s.working == 0 || s.broken })
	if s.failed() {
		return
	}
	if err := s.capAtHeads(); err != nil {
		s.end(err)
		return
	}
	s.await(s.ctx, func() bool { return s.cause != nil || s.unended == 0 && s.idleLocked() })
}

// failed reports whether the session ends with an error.
func (s *session) failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause != nil
}

// settle lets a session that ends with an error answer what it received.
func (s *session) settle() {
	if !s.failed() {
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, settleTimeout)
	defer cancel()
	s.leaveAll()
	s.await(ctx, func() bool { return s.working == 0 || s.broken })
	s.await(ctx, s.idleLocked)
}

// idleLocked reports whether nothing is being sent, nor waits for that.
func (s *session) idleLocked() bool {
	return s.closed || !s.sending && s.outbox.empty() && s.feed.whole()
}

// await waits until condition, which is called with mu held and depends on what changed tells of, is true or ctx ends.
func (s *session) await(ctx context.Context, condition func() bool) {
	for {
		s.mu.Lock()
		ok := condition()
		if !ok && s.changed == nil {
			s.changed = make(chan struct{}, 1)
		}
		changed := s.changed
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// capAtHeads makes every cursor end at what is committed now.
func (s *session) capAtHeads() error {
	heads, err := s.heads()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.rooms {
		c.limit = heads[c.room.id]
		s.queueLocked(c)
	}
	s.capped, s.unended = true, len(s.rooms)
	s.kickLocked()
	return nil
}

// heads returns the rev of each room's head, as one View shows it.
func (s *session) heads() (map[state.RoomID]uint64, error) {
	s.mu.Lock()
	heads := make(map[state.RoomID]uint64, len(s.rooms))
	for _, c := range s.rooms {
		heads[c.room.id] = 0
	}
	s.mu.Unlock()
	v := s.service.engine.views.View()
	defer v.Close()
	for id := range heads {
		room, _, err := v.Room(id)
		if err != nil {
			return nil, s.service.engine.internal("read room", err)
		}
		heads[id] = room.Head.Rev
	}
	return heads, nil
}

// close frees everything and sees the session's goroutines end, unless the peer holds up the sender: then the transport
// ends it with the stream. It returns the session's status.
func (s *session) close() error {
	s.mu.Lock()
	s.closed = true
	s.outbox = outbox{}
	user, cause := s.actor.ID, s.cause
	s.mu.Unlock()
	s.leaveAll()
	s.service.hub.leave(s, user)
	s.service.hub.unfollowFeed(s)
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	s.await(ctx, func() bool { return !s.sending })
	return cause
}

// attach makes the session follow a room from a position yet to be set. A cursor it had there is replaced.
func (s *session) attach(id state.RoomID) (*cursor, error) {
	s.mu.Lock()
	old := s.rooms.in(id)
	full := old == nil && len(s.rooms) >= s.service.maxRooms
	s.mu.Unlock()
	if full {
		s.service.engine.meter.count(MaxRooms)
		return nil, quotaError(MaxRooms)
	}
	c := &cursor{session: s, limit: uncapped, last: uncapped}
	s.service.hub.attach(id, c, old) // before the old one goes, so that presence does not notice
	s.mu.Lock()
	ended := s.left
	old = c
	if !ended {
		old = s.rooms.put(c)
	}
	retire(old)
	s.mu.Unlock()
	if old != nil {
		s.service.hub.detach(old)
	}
	if ended {
		return nil, errLeft
	}
	if s.visible { // perhaps renamed before the room was one of the session's
		c.room.rename(s.user.Load())
	}
	return c, nil
}

// leave stops following a room. A no-op for one that is not followed.
func (s *session) leave(id state.RoomID) {
	s.mu.Lock()
	c := s.rooms.in(id)
	s.mu.Unlock()
	if c != nil {
		s.drop(c)
	}
}

// drop stops following with a cursor. A no-op for one that is gone.
func (s *session) drop(c *cursor) {
	s.mu.Lock()
	if c.gone {
		s.mu.Unlock()
		return
	}
	s.rooms.remove(c.room.id)
	retire(c)
	s.mu.Unlock()
	s.service.hub.detach(c)
}

// leaveAll stops following all rooms, for good.
func (s *session) leaveAll() {
	s.mu.Lock()
	rooms := s.rooms
	s.rooms, s.left = nil, true
	for _, c := range rooms {
		retire(c)
	}
	s.mu.Unlock()
	for _, c := range rooms {
		s.service.hub.detach(c)
	}
}

// retire makes sure that nothing of c is sent from now on. Its session's mutex is held.
func retire(c *cursor) {
	if c == nil {
		return
	}
	c.gone = true
	if c.cancel != nil {
		c.cancel()
	}
}
