package terminal

import (
	"time"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// memberChanged says what changed for somebody in the present room; to this user for as long as it may take to read.
func (m *model) memberChanged(member *chatv1.Member, actor *chatv1.User) {
	say, who := m.say, m.nameOf(member.GetUser().GetId())+" is "
	var before *chatv1.Member // of others that is not known
	if member.GetUser().GetId() == m.chat.User().GetId() {
		say, who = func(line string) { m.show(line) }, "you are "
		before = m.list.feed.Room(m.room.ID()).GetMember()
		if before == nil && !muted(member) {
			return // the command that made them a member says so
		}
	} else if member.GetRole() <= chatv1.Role_ROLE_MEMBER && !muted(member) {
		return // somebody has come in
	}
	switch {
	case muted(member) && !muted(before):
		say(who + "muted in " + m.roomLabel() + m.until(member.GetMuteEnd()) + by(actor))
	case !muted(member) && muted(before):
		say(who + "not muted any more" + by(actor))
	case member.GetRole() != before.GetRole() && member.GetRole() != chatv1.Role_ROLE_UNSPECIFIED:
		say(who + article(member.GetRole()) + " of " + m.roomLabel() + " now" + by(actor))
	}
}

// memberRemoved says that somebody was removed or banned. Who leaves by themselves does so silently.
func (m *model) memberRemoved(member *chatv1.Member, actor *chatv1.User) {
	if actor == nil || member.GetUser().GetId() == m.chat.User().GetId() { // they are told that they are shut out
		return
	}
	what := " is removed from "
	if member.GetBanned() {
		what = " is banned from "
	}
	m.say(m.nameOf(member.GetUser().GetId()) + what + m.roomLabel() + by(actor))
}

func by(actor *chatv1.User) string {
	if actor.GetDisplayName() == "" {
		return ""
	}
	return " by " + actor.GetDisplayName()
}

// muted reports whether somebody is, at the moment.
func muted(member *chatv1.Member) bool {
	return member.GetMuted() && (member.GetMuteEnd() == nil || time.Now().Before(member.GetMuteEnd().AsTime()))
}
