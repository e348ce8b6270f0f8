package state

import (
	"fmt"
	"maps"
	"net/netip"
	"sync"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// ServerBan is that a user, or all who come from some addresses, may not use the server. One of User and Prefix is set.
type ServerBan struct {
	User      string
	Prefix    netip.Prefix
	By        Actor
	Time, End int64 // unix milliseconds; End 0: for good
	Reason    string
}

// At reports whether the ban holds at a time.
func (b ServerBan) At(now int64) bool { return b.End == 0 || now < b.End }

// Key is where the ban stands among all: users by id, then addresses by their text.
func (b ServerBan) Key() string {
	if b.User != "" {
		return string(rune(serverUserBan)) + b.User
	}
	return string(rune(serverAddressBan)) + b.Prefix.String()
}

// Bans are all bans from the server that were committed, in memory, so that asking costs a look into a map: about 200 bytes
// each. Safe for concurrent use.
type Bans struct {
	mu        sync.RWMutex
	users     map[string]ServerBan
	addresses map[netip.Prefix]ServerBan
	lengths   map[int]int // of prefixes, by their bits and, for IPv6, 1000 more
	erased    map[goneID]bool
}

// User returns the ban of a user at a time; false if there is none.
func (b *Bans) User(user string, now int64) (ServerBan, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	ban, ok := b.users[user]
	return ban, ok && ban.At(now)
}

// Gone reports whether a user was erased, or is being: nobody has that id any more, or will. So it is with the id of
// [DeletedUser].
func (b *Bans) Gone(user string) bool {
	if user == DeletedUser.ID {
		return true
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.erased) > 0 && b.erased[goneIDOf(user)]
}

// Address returns the ban of an address at a time; false if there is none. Of several the one of the fewest addresses counts.
// The zero address is never banned.
func (b *Bans) Address(addr netip.Addr, now int64) (found ServerBan, ok bool) {
	addr = addr.Unmap().WithZone("")
	b.mu.RLock()
	defer b.mu.RUnlock()
	for length := range b.lengths {
		bits := length
		if addr.Is6() {
			bits -= lengthsOfIPv6
		}
		prefix, err := addr.Prefix(bits)
		if err != nil {
			continue // of the other version of IP
		}
		if ban, there := b.addresses[prefix]; there && ban.At(now) && (!ok || prefix.Bits() > found.Prefix.Bits()) {
			found, ok = ban, true
		}
	}
	return found, ok
}

// Prefix returns the ban of exactly these addresses, also one that has passed; the zero value if there is none.
func (b *Bans) Prefix(p netip.Prefix) ServerBan {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.addresses[p]
}

// lengthsOfIPv6 is what is added to the lengths of IPv6 prefixes in [Bans.lengths].
const lengthsOfIPv6 = 1000

func lengthOf(p netip.Prefix) int {
	if p.Addr().Is6() {
		return p.Bits() + lengthsOfIPv6
	}
	return p.Bits()
}

// load reads all bans.
func (b *Bans) load(s *snapshot) error {
	bans := make(map[string]*storev1.Restriction)
	err := s.scan([]byte{tableServer, serverUserBan}, []byte{tableServer, serverAddressBan + 1}, allRows, func(key, value []byte) error {
		v := new(storev1.Restriction)
		bans[string(key[1:])] = v
		return decodeValue(key, value, v)
	})
	if err != nil {
		return err
	}
	erased := make(map[goneID]bool)
	err = s.scan([]byte{tableServer, serverGone}, []byte{tableServer, serverGone + 1}, allRows, func(key, _ []byte) error {
		if len(key) != 2+len(goneID{}) {
			return fmt.Errorf("state: corrupt key %q", key)
		}
		erased[goneID(key[2:])] = true
		return nil
	})
	if err == nil {
		b.commit(bans, erased)
	}
	return err
}

// commit makes changes known: bans by key (nil: lifted), and who was erased.
func (b *Bans) commit(changes map[string]*storev1.Restriction, erased map[goneID]bool) {
	if len(changes) == 0 && len(erased) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.erased == nil {
		b.erased = make(map[goneID]bool)
	}
	maps.Copy(b.erased, erased)
	if b.users == nil {
		b.users, b.addresses, b.lengths = make(map[string]ServerBan), make(map[netip.Prefix]ServerBan), make(map[int]int)
	}
	for key, v := range changes {
		ban, err := serverBanFromValue(key, v)
		if err != nil {
			continue // Apply refuses such
		}
		b.setLocked(ban, v != nil)
	}
}

func (b *Bans) setLocked(ban ServerBan, banned bool) {
	if ban.User != "" {
		if delete(b.users, ban.User); banned {
			b.users[ban.User] = ban
		}
		return
	}
	length := lengthOf(ban.Prefix)
	if _, was := b.addresses[ban.Prefix]; was {
		delete(b.addresses, ban.Prefix)
		if b.lengths[length]--; b.lengths[length] == 0 {
			delete(b.lengths, length)
		}
	}
	if banned {
		b.addresses[ban.Prefix] = ban
		b.lengths[length]++
	}
}

// serverBanFromValue returns a ban by its key, of which v may be nil.
func serverBanFromValue(key string, v *storev1.Restriction) (ServerBan, error) {
	ban := ServerBan{By: actorFromValue(v.GetBy()), Time: v.GetTimeMs(), End: v.GetUntilMs(), Reason: v.GetReason()}
	if key[0] == serverUserBan {
		ban.User = key[1:]
		return ban, nil
	}
	var err error
	if ban.Prefix, err = netip.ParsePrefix(key[1:]); err != nil {
		return ban, fmt.Errorf("state: corrupt key of a ban: %w", err)
	}
	return ban, nil
}

// Bans returns who may not use the server, as of the last commit at any time.
func (s *Store) Bans() *Bans { return &s.bans }
