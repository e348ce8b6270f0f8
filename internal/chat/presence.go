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
	delta   presenceEvent    // the last one made, which many cursors are to get
	roster  presenceEvent    // likewise
}

// presenceEvent is what tells presence from one version to another.
type presenceEvent struct {
	from, to uint64
	event    *event // nil: none made yet
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

// rename changes what a user who is here is called. It reports whether others should know.
func (p *presence) rename(u *chatv1.User) (changed bool) {
	is := p.users[u.GetId()]
	if is == nil || is.user.GetDisplayName() == u.GetDisplayName() {
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
// Sessions that got the same share the event; wrap makes it.
func (p *presence) since(sent presenceSent, wrap func(*chatv1.Presence) *event) (*event, presenceSent) {
	if sent.version == p.version && (sent.roster || sent.counted) {
		return nil, sent
	}
	crowd := len(p.users) > maxRoster
	now := presenceSent{version: p.version, roster: !crowd, counted: crowd}
	if missing := p.version - sent.version; sent.roster && !crowd && missing <= uint64(len(p.changes)) {
		if p.delta.event == nil || p.delta.from != sent.version || p.delta.to != p.version {
			changes := p.changes[uint64(len(p.changes))-missing:]
			p.delta = presenceEvent{sent.version, p.version, wrap(fold(changes, uint32(len(p.users))))}
		}
		return p.delta.event, now
	}
	if p.roster.event == nil || p.roster.to != p.version {
		p.roster = presenceEvent{0, p.version, wrap(p.whole(crowd))}
	}
	return p.roster.event, now
}

// whole returns everybody, or of a crowd only how many.
func (p *presence) whole(crowd bool) *chatv1.Presence {
	whole := &chatv1.Presence{Reset_: true, Online: uint32(len(p.users))}
	if crowd {
		return whole
	}
	whole.Joined = make([]*chatv1.User, 0, len(p.users))
	for _, is := range p.users {
		whole.Joined = append(whole.Joined, is.user)
	}
	return whole
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
