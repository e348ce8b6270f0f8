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
	RoomWrites         limit.Rate // of all in one room
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

// write admits a write of a user; room is empty for one that concerns none. A write that is refused by one limit counts for
// those that were asked before.
func (m *meter) write(from netip.Prefix, user string, room state.RoomID) error {
	at := m.at()
	if wait := m.users.writes.Take(user, at); wait > 0 {
		return m.refuse(UserWrites, wait)
	}
	if err := m.ofAddress(AddressWrites, m.from.writes, from, at); err != nil || room == "" {
		return err
	}
	if wait := m.rooms.Take(room, at); wait > 0 {
		return m.refuse(RoomWrites, wait)
	}
	return nil
}

// room admits a room that does not exist.
func (m *meter) room(from netip.Prefix, user string) error {
	at := m.at()
	if wait := m.users.rooms.Take(user, at); wait > 0 {
		return m.refuse(UserRooms, wait)
	}
	return m.ofAddress(AddressRooms, m.from.rooms, from, at)
}

// admitPublish admits a message, which makes its room if that does not exist.
func (e *engine) admitPublish(ctx context.Context, user string, room state.RoomID) error {
	from := network(ctx)
	if err := e.meter.write(from, user, room); err != nil || room.Reserved() || e.meter.made.has(room) {
		return err
	}
	return e.admitRoom(from, user, room)
}

// admitRoom admits a command that makes its room unless that exists. What a user was let make counts as there: those who
// publish much at once in a new room pay for it once.
func (e *engine) admitRoom(from netip.Prefix, user string, id state.RoomID) error {
	if e.meter.made.has(id) {
		return nil
	}
	v := e.views.View()
	defer v.Close()
	_, exists, err := v.Room(id)
	if err != nil {
		return e.internal("read room", err)
	}
	if !exists {
		if err := e.meter.room(from, user); err != nil {
			return err
		}
	}
	e.meter.made.add(id)
	return nil
}

// maxRoomsRemembered bounds a roomSet, at about 100 bytes each.
const maxRoomsRemembered = 1 << 16

// roomSet are rooms of which is known that they exist, which no room ceases to do as far as the making of it is concerned:
// ids are never used again. It forgets all when it is full. Safe for concurrent use.
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
