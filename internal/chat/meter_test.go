package chat

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/rialto-rpc/rialto/internal/chat/state"
	"github.com/rialto-rpc/rialto/internal/limit"
)

// busy is a meter that lets everything pass and forgets nothing meanwhile.
func busy() (m *meter, from netip.Prefix, users []string, rooms []state.RoomID) {
	rate := limit.Rate{N: limit.MaxN, Per: time.Second}
	m = newMeter(Rates{UserWrites: rate, RoomWrites: rate, AddressWrites: rate}, time.Now)
	for i := range 1024 {
		users = append(users, fmt.Sprintf("guest-%026d", i))
		rooms = append(rooms, state.RoomID(fmt.Sprint("room-", i)))
		m.made.add(rooms[i])
	}
	return m, netip.MustParsePrefix("192.0.2.1/32"), users, rooms
}

// TestAdmissionAllocatesNothing: limits are on the way of every message.
func TestAdmissionAllocatesNothing(t *testing.T) {
	m, from, users, rooms := busy()
	admit := func(user string, room state.RoomID) bool {
		return m.write(from, user) == nil && m.roomWait(room) == 0 && m.made.has(room)
	}
	m.wrote(rooms[0])
	if n := testing.AllocsPerRun(100, func() {
		if !admit(users[0], rooms[0]) {
			t.Fatal("refused")
		}
		m.wrote(rooms[0])
	}); n != 0 {
		t.Errorf("%v allocations a message", n)
	}
}

// BenchmarkAdmission is what limits cost a message, with 1,024 users in as many rooms.
func BenchmarkAdmission(b *testing.B) {
	m, from, users, rooms := busy()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			m.write(from, users[i%1024])
			m.roomWait(rooms[i%1024])
			m.made.has(rooms[i%1024])
			m.wrote(rooms[i%1024])
		}
	})
}
