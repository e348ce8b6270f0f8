package client

import (
	"slices"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// roster is who is in a room, folded from presence events.
type roster struct {
	users  []*chatv1.User // in the order they came; empty in a crowd that is only counted
	online uint32
}

func (o *roster) fold(p *chatv1.Presence) {
	if p.GetReset_() {
		o.users = nil
	}
	gone := func(u *chatv1.User) bool { return slices.Contains(p.GetLeft(), u.GetId()) }
	o.users = slices.DeleteFunc(slices.Clone(o.users), gone)
	for _, user := range p.GetJoined() {
		same := func(u *chatv1.User) bool { return u.GetId() == user.GetId() }
		if i := slices.IndexFunc(o.users, same); i >= 0 {
			o.users[i] = user
		} else {
			o.users = append(o.users, user)
		}
	}
	o.online = p.GetOnline()
}

// presence returns the whole roster as a presence that stands for itself.
func (o *roster) presence() *chatv1.Presence {
	return &chatv1.Presence{Reset_: true, Joined: slices.Clone(o.users), Online: o.online}
}
