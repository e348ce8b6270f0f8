package state_test

import (
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// This file is the model's people: who may do what, and what becomes of them.

// people decides the commands about people; false for another command.
func (r *modelRoom) people(actor state.Actor, timeMS int64, command any) (state.Result, bool) {
	switch c := command.(type) {
	case *storev1.AddMember:
		return r.join(actor, timeMS), true
	case *storev1.RemoveMember:
		return r.leave(actor, timeMS, c.GetUser()), true
	case *storev1.SetRole:
		return r.setRole(actor, timeMS, c.GetUser(), state.Role(c.GetRole())), true
	case *storev1.Ban:
		return r.ban(actor, timeMS, c), true
	case *storev1.Mute:
		return r.mute(actor, timeMS, c), true
	case *storev1.Invite:
		return r.invite(actor, timeMS, c), true
	case *storev1.Uninvite:
		return r.uninvite(actor, timeMS, c.GetUser()), true
	}
	return state.Result{}, false
}

func (r *modelRoom) now(timeMS int64) int64 { return max(timeMS, r.Head.UpdateTime, 1) }

// sees is the refusal that somebody gets who may not see the room.
func (r *modelRoom) sees(user string, now int64) state.Refusal {
	m := r.known[user]
	if r.Settings.Kind == state.Private && m.Role == state.RoleNone {
		return state.NoSuchRoom
	}
	if m.Banned && (m.BanEnd == 0 || m.BanEnd > now) {
		return state.Banned
	}
	return state.Accepted
}

// posts is the result that somebody gets who may not post.
func (r *modelRoom) posts(user string, now int64) state.Result {
	m := r.known[user]
	if refusal := r.sees(user, now); refusal != state.Accepted {
		return state.Result{Refusal: refusal}
	}
	switch {
	case r.Settings.ArchiveTime != 0:
		return state.Result{Refusal: state.RoomArchived}
	case m.Muted && m.MuteEnd == 0:
		return state.Result{Refusal: state.Muted}
	case m.Muted && m.MuteEnd > now:
		return state.Result{Refusal: state.Muted, Wait: m.MuteEnd - now}
	case m.Role < r.Settings.Posting:
		return state.Result{Refusal: state.RoleTooLow}
	}
	return state.Result{}
}

// acts is the refusal that somebody gets whose role is too low.
func (r *modelRoom) acts(user string, least state.Role, now int64) state.Refusal {
	if refusal := r.sees(user, now); refusal != state.Accepted {
		return refusal
	}
	if r.known[user].Role < least {
		return state.RoleTooLow
	}
	return state.Accepted
}

// keep remembers what somebody is, or nothing of one of whom nothing is to be said.
func (r *modelRoom) keep(m state.Member) {
	if m.Role == state.RoleNone && !m.Muted && !m.Banned {
		delete(r.known, m.User.ID)
		return
	}
	m.Room = r.ID
	r.known[m.User.ID] = m
}

// of returns what somebody is, also one whom the room does not know.
func (r *modelRoom) of(user string) state.Member {
	m, ok := r.known[user]
	if !ok {
		m = state.Member{Room: r.ID, User: state.Actor{ID: user}}
	}
	return m
}

func (r *modelRoom) join(actor state.Actor, timeMS int64) state.Result {
	m := r.of(actor.ID)
	invitation, invited := r.invitations[actor.ID]
	switch refusal := r.sees(actor.ID, r.now(timeMS)); {
	case m.Role != state.RoleNone:
		return state.Result{}
	case !invited && refusal != state.Accepted:
		return state.Result{Refusal: refusal}
	case r.Settings.ArchiveTime != 0:
		return state.Result{Refusal: state.RoomArchived}
	}
	m.User, m.Role, m.CreateTime = actor, state.RoleMember, r.now(timeMS)
	m.Banned, m.BanEnd = false, 0
	delete(r.bans, actor.ID)
	if invited {
		m.Role = invitation.Role
		delete(r.invitations, actor.ID)
	}
	r.Members++
	r.keep(m)
	return r.memberChanged(state.MemberChanged, actor, timeMS, m)
}

func (r *modelRoom) leave(actor state.Actor, timeMS int64, user string) state.Result {
	now, m := r.now(timeMS), r.of(user)
	if refusal := r.sees(actor.ID, now); refusal != state.Accepted {
		return state.Result{Refusal: refusal}
	}
	if user != actor.ID {
		if refusal := r.acts(actor.ID, state.RoleModerator, now); refusal != state.Accepted {
			return state.Result{Refusal: refusal}
		}
	}
	if m.Role == state.RoleNone {
		return state.Result{}
	}
	if user != actor.ID && m.Role >= r.known[actor.ID].Role {
		return state.Result{Refusal: state.RoleTooLow}
	}
	return r.dismiss(actor, timeMS, m, m)
}

// dismiss makes before, who becomes after, no member any more.
func (r *modelRoom) dismiss(actor state.Actor, timeMS int64, before, after state.Member) state.Result {
	if before.Role != state.RoleNone {
		r.Members--
	}
	after.Role, after.CreateTime = state.RoleNone, 0
	r.keep(after)
	before.Banned, before.BanEnd = after.Banned, after.BanEnd
	result := r.memberChanged(state.MemberRemoved, actor, timeMS, before)
	if r.sees(after.User.ID, result.Time) != state.Accepted {
		r.shutOuts = append(r.shutOuts, state.ShutOut{Room: r.ID, Rev: result.Rev, User: after.User.ID})
	}
	return result
}

func (r *modelRoom) memberChanged(kind state.ChangeKind, actor state.Actor, timeMS int64, m state.Member) state.Result {
	return r.changed(modelEvent{Event: state.Event{Kind: kind, Member: &m}}, actor, timeMS)
}

func (r *modelRoom) setRole(actor state.Actor, timeMS int64, user string, role state.Role) state.Result {
	m := r.of(user)
	switch refusal := r.acts(actor.ID, state.RoleOwner, r.now(timeMS)); {
	case refusal != state.Accepted:
		return state.Result{Refusal: refusal}
	case m.Role == state.RoleNone:
		return state.Result{Refusal: state.NoSuchMember}
	case m.Role == role:
		return state.Result{}
	}
	m.Role = role
	r.keep(m)
	return r.memberChanged(state.MemberChanged, actor, timeMS, m)
}

func (r *modelRoom) ban(actor state.Actor, timeMS int64, c *storev1.Ban) state.Result {
	now, m := r.now(timeMS), r.of(c.GetUser())
	if refusal := r.acts(actor.ID, state.RoleModerator, now); refusal != state.Accepted {
		return state.Result{Refusal: refusal}
	}
	if m.Role >= r.known[actor.ID].Role {
		return state.Result{Refusal: state.RoleTooLow}
	}
	after := m
	if c.GetLift() {
		after.Banned, after.BanEnd = false, 0
		r.keep(after)
		delete(r.bans, m.User.ID)
		return state.Result{}
	}
	after.Banned, after.BanEnd = true, c.GetUntilMs()
	r.bans[m.User.ID] = state.Ban{
		Room: r.ID, User: m.User, By: actor, Time: now, End: c.GetUntilMs(), Reason: c.GetReason(),
	}
	if m.Banned && (m.BanEnd == 0 || m.BanEnd > now) {
		r.keep(after)
		return state.Result{}
	}
	delete(r.invitations, m.User.ID)
	return r.dismiss(actor, timeMS, m, after)
}

func (r *modelRoom) mute(actor state.Actor, timeMS int64, c *storev1.Mute) state.Result {
	now, m := r.now(timeMS), r.of(c.GetUser())
	if refusal := r.acts(actor.ID, state.RoleModerator, now); refusal != state.Accepted {
		return state.Result{Refusal: refusal}
	}
	muted := m.Muted && (m.MuteEnd == 0 || m.MuteEnd > now)
	switch {
	case m.Role >= r.known[actor.ID].Role:
		return state.Result{Refusal: state.RoleTooLow}
	case c.GetLift() && !m.Muted:
		return state.Result{}
	case c.GetLift():
		m.Muted, m.MuteEnd = false, 0
	case muted && m.MuteEnd == c.GetUntilMs():
		return state.Result{}
	default:
		m.Muted, m.MuteEnd = true, c.GetUntilMs()
	}
	r.keep(m)
	return r.memberChanged(state.MemberChanged, actor, timeMS, m)
}

func (r *modelRoom) invite(actor state.Actor, timeMS int64, c *storev1.Invite) state.Result {
	now, m := r.now(timeMS), r.of(c.GetUser())
	switch refusal := r.acts(actor.ID, state.RoleMember, now); {
	case refusal != state.Accepted:
		return state.Result{Refusal: refusal}
	case r.Settings.ArchiveTime != 0:
		return state.Result{Refusal: state.RoomArchived}
	case m.Role != state.RoleNone:
		return state.Result{}
	case m.Banned && (m.BanEnd == 0 || m.BanEnd > now):
		return state.Result{Refusal: state.PersonBanned}
	}
	if _, there := r.invitations[c.GetUser()]; !there {
		r.invitations[c.GetUser()] = state.Invitation{
			Room: r.ID, User: c.GetUser(), By: actor, Role: state.Role(c.GetRole()), Time: now,
		}
	}
	return state.Result{}
}

func (r *modelRoom) uninvite(actor state.Actor, timeMS int64, user string) state.Result {
	invitation, invited := r.invitations[user]
	if !invited || user != actor.ID {
		if refusal := r.sees(actor.ID, r.now(timeMS)); refusal != state.Accepted {
			return state.Result{Refusal: refusal}
		}
		if invited && invitation.By.ID != actor.ID && r.known[actor.ID].Role < state.RoleModerator {
			return state.Result{Refusal: state.RoleTooLow}
		}
	}
	delete(r.invitations, user)
	return state.Result{}
}
