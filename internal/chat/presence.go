package chat

import (
	"time"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

const (
	// presenceGrace is how long a user who left stays in the roster, so that a reconnect goes unnoticed.
	presenceGrace = 2 * time.Second
	// presenceInterval is the least time between two announcements of changes to a room. The first goes at once.
	presenceInterval = 250 * time.Millisecond
	// presenceChanges is how many changes a session may miss and still get them instead of the whole roster.
	presenceChanges = 128
	// maxRoster is how many people a roster names; of more only the count is told. See Presence in event.proto.
	maxRoster = 500
)

// presence is who is connected to a room: state with a version, of which each cursor remembers what it sent last. A user
// counts once however many sessions they have. It belongs to its room's mutex.
type presence struct {
	users   map[string]*presentUser
	version uint64
	changes []presenceChange // those that led to version, the newest presenceChanges of them
	leaving []departure      // in the order in which they fall due
}

type presentUser struct {
	user     *chatv1.User
	sessions int    // 0: about to leave
	departed uint64 // the departure that counts; earlier ones were taken back
}

type presenceChange struct {
	id     string
	joined *chatv1.User // nil: left
}

type departure struct {
	id  string
	n   uint64
	due time.Time
}

// enter counts a session of a user. It reports whether others should know.
func (p *presence) enter(u *chatv1.User) (changed bool) {
	if p.users == nil {
		p.users = make(map[string]*presentUser)
	}
	is := p.users[u.GetId()]
	if is == nil {
		is = &presentUser{}
		p.users[u.GetId()] = is
	}
	is.sessions++
	if is.user.GetDisplayName() == u.GetDisplayName() && is.user != nil {
		return false
	}
	is.user = u
	p.record(presenceChange{id: u.GetId(), joined: u})
	return true
}

// leave takes a session of a user back. It reports whether it was the last, who is then gone when [presence.expire] is
// called after the grace.
func (p *presence) leave(id string, now time.Time) (last bool) {
	is := p.users[id]
	is.sessions--
	if is.sessions > 0 {
		return false
	}
	is.departed++
	p.leaving = append(p.leaving, departure{id: id, n: is.departed, due: now.Add(presenceGrace)})
	return true
}

// expire removes those whose grace has passed and did not come back. next is how long until the next departure, if any.
func (p *presence) expire(now time.Time) (changed bool, next time.Duration, more bool) {
	for len(p.leaving) > 0 {
		d := p.leaving[0]
		if wait := d.due.Sub(now); wait > 0 {
			return changed, wait, true
		}
		p.leaving = p.leaving[1:]
		if is := p.users[d.id]; is != nil && is.sessions == 0 && is.departed == d.n {
			delete(p.users, d.id)
			p.record(presenceChange{id: d.id})
			changed = true
		}
	}
	p.leaving = nil
	return changed, 0, false
}

func (p *presence) record(c presenceChange) {
	p.version++
	p.changes = append(p.changes, c)
	if n := len(p.changes) - presenceChanges; n > 0 {
		p.changes = p.changes[n:]
	}
}

// presenceSent is what a cursor told its session last. The zero value: nothing.
type presenceSent struct {
	version uint64
	roster  bool // whether the session knows everybody by name
	counted bool // whether it knows the count
}

// since returns what a session that got sent does not know yet, and what it will have got then; nil if it knows all.
func (p *presence) since(sent presenceSent) (*chatv1.Presence, presenceSent) {
	if sent.version == p.version && (sent.roster || sent.counted) {
		return nil, sent
	}
	now := presenceSent{version: p.version, roster: true}
	online := uint32(len(p.users))
	if online > maxRoster {
		return &chatv1.Presence{Reset_: true, Online: online}, presenceSent{version: p.version, counted: true}
	}
	if missing := p.version - sent.version; sent.roster && missing <= uint64(len(p.changes)) {
		changes := p.changes[uint64(len(p.changes))-missing:]
		return fold(changes, online), now
	}
	roster := &chatv1.Presence{Reset_: true, Online: online, Joined: make([]*chatv1.User, 0, online)}
	for _, is := range p.users {
		roster.Joined = append(roster.Joined, is.user)
	}
	return roster, now
}

// fold returns what changes amount to: the last one of each user.
func fold(changes []presenceChange, online uint32) *chatv1.Presence {
	last := make(map[string]int, len(changes))
	for i, c := range changes {
		last[c.id] = i
	}
	delta := &chatv1.Presence{Online: online}
	for i, c := range changes {
		switch {
		case last[c.id] != i:
		case c.joined != nil:
			delta.Joined = append(delta.Joined, c.joined)
		default:
			delta.Left = append(delta.Left, c.id)
		}
	}
	return delta
}
