package client

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// Position is a place in a room's events: opaque but for being the place after event Rev of that Epoch.
type Position struct {
	Epoch string
	Rev   uint64
}

// Start says where a join begins; see [History], [ResumeAfter] and [FromNow].
type Start struct {
	history uint32
	after   Position
}

// FromNow starts with a snapshot without messages.
func FromNow() Start { return Start{} }

// History starts with a snapshot of the newest n messages, at most 100.
func History(n int) Start { return Start{history: uint32(min(max(n, 0), 100))} }

// ResumeAfter starts with what follows p, a [Room.Position] kept from earlier, perhaps by another process. If the server
// cannot continue exactly there, a snapshot of up to 100 messages comes and says why.
func ResumeAfter(p Position) Start { return Start{history: 100, after: p} }

type joinState int

const (
	joinDue  joinState = iota // to be sent, not before joinAt
	joinSent                  // no reply yet
	joinDone                  // the server has confirmed it
)

// Room is a joined room: a cursor over its events, and what can be done there. Its methods may be called concurrently,
// but only one Next, or one loop over Events, at a time.
type Room struct {
	client  *Client
	id      string
	history uint32
	news    chan struct{} // holds one token: there may be something to take
	joined  chan struct{} // closed by the first confirmation, or the end

	// Guarded by client.mu.
	err      error        // why it ended; nil while it lives
	reading  bool         // a Next is waiting
	info     *chatv1.Room // our own copy
	stated   uint64       // rev at which the server last said all of it; events moved its heads since
	roster   roster
	read     *chatv1.ReadMarker // newest
	moved    bool               // whether an event has moved it since the newest join was sent
	inbox    inbox
	parts    []*chatv1.Message // of a snapshot that is not whole yet
	kept     Position          // of the newest event in the inbox or taken
	taken    Position          // of the newest event taken
	behind   bool              // the inbox was full: what follows kept is to be fetched again
	join     joinState
	joinID   string // request_id of the newest join
	joinAt   time.Time
	refusals int       // of joins in a row, for now
	head     uint64    // rev at which the room has caught up
	heard    time.Time // when the newest join was sent, or later something came
	typing   typing
	mark     mark
}

// Join joins a room and returns when the server has confirmed it, however many connections that takes. It returns the
// server's refusal (INVALID_ARGUMENT for an impossible id, RESOURCE_EXHAUSTED for too many rooms), ErrJoined, or the
// error of ctx, after which the room is not joined. ctx does not matter to the room afterwards.
//
// The room keeps receiving until [Room.Leave] or the client's end.
func (c *Client) Join(ctx context.Context, room string, start Start) (*Room, error) {
	if err := checkText(room); err != nil {
		return nil, err
	}
	r := &Room{
		client:  c,
		id:      room,
		history: start.history,
		news:    make(chan struct{}, 1),
		joined:  make(chan struct{}),
		inbox:   inbox{limit: c.config.buffer},
		kept:    start.after,
		taken:   start.after,
	}
	if err := c.addRoom(r); err != nil {
		return nil, err
	}
	c.wakeUp()
	select {
	case <-r.joined:
	case <-ctx.Done():
		r.Leave()
		return nil, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.err != nil {
		return nil, r.err
	}
	return r, nil
}

func (c *Client) addRoom(r *Room) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	if c.rooms[r.id] != nil {
		return ErrJoined
	}
	delete(c.leaving, r.id)
	c.rooms[r.id] = r
	c.settlePhaseLocked()
	return nil
}

// ID returns the room's id.
func (r *Room) ID() string { return r.id }

// Info returns the room as last heard of; its heads are those of the newest event that arrived.
func (r *Room) Info() *chatv1.Room {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	return proto.CloneOf(r.info)
}

// ReadUpTo returns the seq up to which this user has read the room, here or on another device, as last heard of; 0: nothing.
func (r *Room) ReadUpTo() uint64 {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	return r.read.GetSeq()
}

// Unread returns how many messages follow the one up to which this user has read, as far as they have arrived.
func (r *Room) Unread() int {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	read := max(r.read.GetSeq(), max(r.info.GetFirstSeq(), 1)-1)
	return int(max(r.info.GetHeadSeq(), read) - read)
}

// Roster returns who is connected to the room, as last heard of. Of a crowd only the number is known.
func (r *Room) Roster() (users []*chatv1.User, online int) {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	return slices.Clone(r.roster.users), int(r.roster.online)
}

// Position returns the place after the last event that Next returned. It is what to store, together with what came of
// that event, in order to go on there with [ResumeAfter].
func (r *Room) Position() Position {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	return r.taken
}

// Next waits for the next event. See the package comment for what is promised about events; the caller owns none of
// them and must not write to them. It returns the error of ctx (and may be called again), ErrLeft, ErrBusy, or, after the
// last event that was kept, ErrShutOut, ErrDeleted, ErrClosed or the status that ended the room.
func (r *Room) Next(ctx context.Context) (*chatv1.Event, error) {
	if err := r.startReading(); err != nil {
		return nil, err
	}
	defer r.stopReading()
	for {
		if event, err := r.take(); event != nil || err != nil {
			return event, err
		}
		select {
		case <-r.news:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Events is a loop over [Room.Next]. It ends silently when the room is left or the client closed; any other end is
// yielded as an error, and is the last. A later loop goes on where this one stopped.
func (r *Room) Events(ctx context.Context) iter.Seq2[*chatv1.Event, error] {
	return func(yield func(*chatv1.Event, error) bool) {
		for {
			event, err := r.Next(ctx)
			if errors.Is(err, ErrLeft) || errors.Is(err, ErrClosed) {
				return
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Leave stops the room's events, at once here and soon at the server. It may be called again.
func (r *Room) Leave() {
	c := r.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rooms[r.id] == r {
		delete(c.rooms, r.id)
		c.leaving[r.id] = struct{}{}
		c.settlePhaseLocked()
		c.wakeUp()
	}
	r.inbox.clear()
	r.endLocked(ErrLeft)
}

// endLocked ends the room with err, unless it has ended before.
func (r *Room) endLocked(err error) {
	if r.err != nil {
		return
	}
	r.err = err
	r.noticeJoinedLocked()
	r.notify()
}

func (r *Room) noticeJoinedLocked() {
	if !isClosed(r.joined) {
		close(r.joined)
	}
}

func (r *Room) notify() {
	select {
	case r.news <- struct{}{}:
	default:
	}
}

func (r *Room) startReading() error {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	if r.reading {
		return ErrBusy
	}
	r.reading = true
	return nil
}

func (r *Room) stopReading() {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	r.reading = false
}
