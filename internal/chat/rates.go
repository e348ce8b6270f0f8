package chat

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat/state"
	"github.com/rialto-rpc/rialto/internal/limit"
)

// Rates are how often what may be done at the edge; what Apply decides does not depend on them. A write is everything that
// is stored at somebody's wish: messages, edits, reactions, members, settings; not read markers of sessions, of which few
// are. An address is an IPv4 address or an IPv6 /64, as [auth.Network] has it; who comes from none is not limited by it.
//
// The zero value of a field means no limit.
type Rates struct {
	ConnectionCommands limit.Rate // requests on one Connect, but leave
	UserWrites         limit.Rate // of one user
	RoomWrites         limit.Rate // of all in one room, which those who may not write there leave alone
	AddressWrites      limit.Rate // of all from one address
	UserRooms          limit.Rate // that one user makes
	AddressRooms       limit.Rate // that all from one address make
	AddressGuests      limit.Rate // identities made for those from one address
	AddressConnections limit.Rate // Connect and Subscribe from one address
}

// of returns the rate that a limit is.
func (r Rates) of(l Limit) limit.Rate {
	return [...]limit.Rate{
		ConnectionCommands: r.ConnectionCommands,
		UserWrites:         r.UserWrites,
		RoomWrites:         r.RoomWrites,
		AddressWrites:      r.AddressWrites,
		UserRooms:          r.UserRooms,
		AddressRooms:       r.AddressRooms,
		AddressGuests:      r.AddressGuests,
		AddressConnections: r.AddressConnections,
	}[l]
}

// Validate returns an error that names the first limit that is none.
func (r Rates) Validate() error {
	for l := range firstQuota {
		if err := r.of(l).Validate(); err != nil {
			return fmt.Errorf("%v: %w", l, err)
		}
	}
	return nil
}

// meter counts what sessions and calls do against [Rates]. Its methods return status errors and may be called concurrently.
type meter struct {
	rates   Rates
	started time.Time
	now     func() time.Time
	refused [limits]atomic.Uint64

	users struct{ writes, rooms *limit.Buckets[string] }
	rooms *limit.Buckets[state.RoomID] // writes
	from  struct{ writes, rooms, guests, connections *limit.Buckets[netip.Prefix] }
	made  roomSet
}

func newMeter(r Rates, now func() time.Time) *meter {
	m := &meter{rates: r, started: now(), now: now}
	m.users.writes = limit.NewBuckets[string](r.UserWrites)
	m.users.rooms = limit.NewBuckets[string](r.UserRooms)
	m.rooms = limit.NewBuckets[state.RoomID](r.RoomWrites)
	m.from.writes = limit.NewBuckets[netip.Prefix](r.AddressWrites)
	m.from.rooms = limit.NewBuckets[netip.Prefix](r.AddressRooms)
	m.from.guests = limit.NewBuckets[netip.Prefix](r.AddressGuests)
	m.from.connections = limit.NewBuckets[netip.Prefix](r.AddressConnections)
	return m
}

// network is where a call comes from; the zero Prefix if that is not known.
func network(ctx context.Context) netip.Prefix { return auth.Network(auth.Address(ctx)) }

// at is the time as buckets take it.
func (m *meter) at() time.Duration { return m.now().Sub(m.started) }

// count counts a refusal.
func (m *meter) count(l Limit) { m.refused[l].Add(1) }

// refuse counts a refusal and returns its status.
func (m *meter) refuse(l Limit, wait time.Duration) error {
	m.count(l)
	return rateError(l, wait)
}

// ofAddress takes a token of an address, if it is known.
func (m *meter) ofAddress(l Limit, buckets *limit.Buckets[netip.Prefix], from netip.Prefix, at time.Duration) error {
	if !from.IsValid() {
		return nil
	}
	if wait := buckets.Take(from, at); wait > 0 {
		return m.refuse(l, wait)
	}
	return nil
}

// command admits a request on a connection, whose bucket it is.
func (m *meter) command(b *limit.Bucket) error {
	if wait := b.Take(m.rates.ConnectionCommands, m.at()); wait > 0 {
		return m.refuse(ConnectionCommands, wait)
	}
	return nil
}

// connection admits a stream of Connect or Subscribe.
func (m *meter) connection(from netip.Prefix) error {
	return m.ofAddress(AddressConnections, m.from.connections, from, m.at())
}

// guest admits somebody new.
func (m *meter) guest(from netip.Prefix) error {
	return m.ofAddress(AddressGuests, m.from.guests, from, m.at())
}

// write admits a write of a user. A write that is refused by one limit counts for those that were asked before.
func (m *meter) write(from netip.Prefix, user string) error {
	at := m.at()
	if wait := m.users.writes.Take(user, at); wait > 0 {
		return m.refuse(UserWrites, wait)
	}
	return m.ofAddress(AddressWrites, m.from.writes, from, at)
}

// roomWait returns how long a room has no token for a write. It takes none: that is wrote's.
func (m *meter) roomWait(room state.RoomID) time.Duration { return m.rooms.Wait(room, m.at()) }

// wrote takes a room's token for what was done in it. What is refused takes none, so that those who may not write in a room
// leave its tokens to those who may; what was under way while the last was taken, the room owes.
func (m *meter) wrote(room state.RoomID) { m.rooms.Spend(room, m.at()) }

// room admits a room that does not exist.
func (m *meter) room(from netip.Prefix, user string) error {
	at := m.at()
	if wait := m.users.rooms.Take(user, at); wait > 0 {
		return m.refuse(UserRooms, wait)
	}
	return m.ofAddress(AddressRooms, m.from.rooms, from, at)
}

// admitWrite admits a write of a user in a room; "" for one that concerns none. Once it is done, [meter.wrote] takes the room's
// token.
func (e *engine) admitWrite(from netip.Prefix, user string, room state.RoomID) error {
	if err := e.meter.write(from, user); err != nil || room == "" {
		return err
	}
	return e.admitIn(e.meter.roomWait(room), user, room)
}

// admitIn refuses a write in a room that has no token for so long, but not to those who may not see it: how much is written in
// it is not theirs to know, and Apply refuses them.
func (e *engine) admitIn(wait time.Duration, user string, room state.RoomID) error {
	if wait == 0 {
		return nil
	}
	v := e.views.View()
	defer v.Close()
	_, _, err := e.enter(v, room, user)
	if sees, err := maySee(err); err != nil || !sees {
		return err
	}
	return e.meter.refuse(RoomWrites, wait)
}

// admitPublish admits a message, which makes its room if that does not exist.
func (e *engine) admitPublish(from netip.Prefix, user string, room state.RoomID) error {
	if err := e.admitWrite(from, user, room); err != nil || room.Reserved() {
		return err
	}
	return e.admitRoom(from, user, room)
}

// account takes the room's token for a result, unless that changed nothing. One that is refused may have made no room: the next
// has to pay for it.
func (e *engine) account(room state.RoomID, r state.Result) {
	switch {
	case room == "":
	case r.Refusal != state.Accepted:
		e.meter.made.remove(room)
	case r.Rev != 0 && !r.Duplicate:
		e.meter.wrote(room)
	}
}

// admitRoom admits a command that makes its room unless that exists, or did: no id is used again. What a user was let make
// counts as there until a command in it is refused, so that those who publish much at once in a new room pay for it once.
func (e *engine) admitRoom(from netip.Prefix, user string, id state.RoomID) error {
	if e.meter.made.has(id) {
		return nil
	}
	v := e.views.View()
	defer v.Close()
	room, exists, err := v.Room(id)
	if err != nil {
		return e.internal("read room", err)
	}
	if !exists && room.Deleted == 0 {
		if err := e.meter.room(from, user); err != nil {
			return err
		}
	}
	e.meter.made.add(id)
	return nil
}

// maxRoomsRemembered bounds a roomSet, at about 100 bytes each.
const maxRoomsRemembered = 1 << 16

// roomSet are rooms that were made, which no room ceases to be as far as the making of it is concerned: ids are never used
// again; or that somebody was let make. It forgets all when it is full. Safe for concurrent use.
type roomSet struct {
	mu  sync.RWMutex // guards ids; a leaf
	ids map[state.RoomID]struct{}
}

func (s *roomSet) has(id state.RoomID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.ids[id]
	return ok
}

func (s *roomSet) add(id state.RoomID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids == nil || len(s.ids) >= maxRoomsRemembered {
		s.ids = make(map[state.RoomID]struct{})
	}
	s.ids[id] = struct{}{}
}

// remove forgets a room. Where it is not known, as when who is refused goes on, that is cheap.
func (s *roomSet) remove(id state.RoomID) {
	if !s.has(id) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ids, id)
}
