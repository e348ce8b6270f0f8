package state_test

import (
	"math/rand/v2"
	"slices"

	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// This file is the model's people: who may do what, and what becomes of them.

// people decides the commands about people; false for another command.
func (r *modelRoom) people(actor state.Actor, timeMS int64, command any) (state.Result, bool) {
	switch c := command.(type) {
	case *storev1.AddMember:
		return r.join(actor, timeMS, c), true
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
	case *storev1.CreateLink:
		return r.createLink(actor, timeMS, c), true
	case *storev1.RemoveLink:
		return r.removeLink(actor, timeMS, c.GetLink()), true
	case *storev1.AnswerRequest:
		return r.answer(actor, timeMS, c), true
	}
	return state.Result{}, false
}

func (r *modelRoom) now(timeMS int64) int64 { return max(timeMS, r.Head.UpdateTime, 1) }

// role is what somebody may do in the room.
func (r *modelRoom) role(who state.Actor) state.Role {
	if who.Operator {
		return state.RoleOwner + 1
	}
	return r.known[who.ID].Role
}

// sees is the refusal that somebody gets who may not see the room.
func (r *modelRoom) sees(who state.Actor, now int64) state.Refusal {
	if who.Operator {
		return state.Accepted
	}
	m := r.known[who.ID]
	if r.Settings.Kind != state.Public && m.Role == state.RoleNone {
		return state.NoSuchRoom
	}
	if m.Banned && (m.BanEnd == 0 || m.BanEnd > now) {
		return state.Banned
	}
	return state.Accepted
}

// posts is the result that somebody gets who may not post.
func (r *modelRoom) posts(who state.Actor, now int64) state.Result {
	m := r.known[who.ID]
	if who.Operator {
		m = state.Member{Role: r.role(who)}
	}
	if refusal := r.sees(who, now); refusal != state.Accepted {
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
func (r *modelRoom) acts(who state.Actor, least state.Role, now int64) state.Refusal {
	if refusal := r.sees(who, now); refusal != state.Accepted {
		return refusal
	}
	if r.role(who) < least {
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

// audit writes an act down.
func (r *modelRoom) audit(actor state.Actor, timeMS int64, act state.Act) {
	act.N, act.Actor, act.Time = uint64(len(r.audits)+1), actor, r.now(timeMS)
	r.audits = append(r.audits, act)
	if !actor.Operator {
		return
	}
	action := state.RoomModerated
	switch act.Action {
	case state.Removed:
		action = state.MemberDismissed
	case state.RoleChanged:
		action = state.MemberRoleChanged
	case state.SettingsChanged:
		action = state.RoomSettingsChanged
	}
	r.all.operatorActs(actor, timeMS, state.OperatorAct{
		Action: action, Room: r.ID, User: act.User, Until: act.Until, Reason: act.Text, Role: act.Role,
	})
}

func (r *modelRoom) join(actor state.Actor, timeMS int64, c *storev1.AddMember) state.Result {
	m := r.of(actor.ID)
	if c.GetLink() != "" && m.Role == state.RoleNone {
		return r.useLink(actor, timeMS, c)
	}
	invitation, invited := r.invitations[actor.ID]
	switch refusal := r.sees(actor, r.now(timeMS)); {
	case m.Role != state.RoleNone:
		return state.Result{}
	case !invited && refusal != state.Accepted:
		return state.Result{Refusal: refusal}
	case r.Settings.ArchiveTime != 0:
		return state.Result{Refusal: state.RoomArchived}
	case r.full(c):
		return state.Result{Refusal: state.TooManyMembers}
	}
	role := state.RoleMember
	if invited {
		role = invitation.Role
	}
	return r.admit(actor, timeMS, actor, role)
}

// full: 0 is any number.
func (r *modelRoom) full(c interface{ GetMaxMembers() uint64 }) bool {
	most := c.GetMaxMembers()
	return most > 0 && r.Members >= most
}

// admit makes somebody a member.
func (r *modelRoom) admit(actor state.Actor, timeMS int64, who state.Actor, role state.Role) state.Result {
	m := r.of(who.ID)
	m.User, m.Role, m.CreateTime, m.Banned, m.BanEnd = who, role, r.now(timeMS), false, 0
	delete(r.bans, who.ID)
	delete(r.invitations, who.ID)
	r.forgetRequest(who.ID)
	r.Members++
	r.keep(m)
	return r.memberChanged(state.MemberChanged, actor, timeMS, m)
}

func (r *modelRoom) useLink(actor state.Actor, timeMS int64, c *storev1.AddMember) state.Result {
	now, m, id := r.now(timeMS), r.of(actor.ID), c.GetLink()
	l, ok := r.links[id]
	switch {
	case m.Banned && (m.BanEnd == 0 || m.BanEnd > now):
		return state.Result{Refusal: state.Banned}
	case !ok, l.End != 0 && l.End <= now, l.MaxUses != 0 && l.Uses >= l.MaxUses:
		return state.Result{Refusal: state.NoSuchLink}
	case r.Settings.ArchiveTime != 0:
		return state.Result{Refusal: state.RoomArchived}
	case r.full(c):
		return state.Result{Refusal: state.TooManyMembers}
	}
	l.Uses++
	r.links[id] = l
	return r.admit(actor, timeMS, actor, l.Role)
}

func (r *modelRoom) createLink(actor state.Actor, timeMS int64, c *storev1.CreateLink) state.Result {
	switch refusal := r.acts(actor, state.RoleModerator, r.now(timeMS)); {
	case refusal != state.Accepted:
		return state.Result{Refusal: refusal}
	case r.Settings.ArchiveTime != 0:
		return state.Result{Refusal: state.RoomArchived}
	case r.all.links[c.GetLink()] != nil:
		return state.Result{}
	case len(r.links) == state.MaxLinks:
		return state.Result{Refusal: state.TooManyLinks}
	}
	r.links[c.GetLink()] = state.Link{
		Room: r.ID, ID: c.GetLink(), By: actor, Role: state.Role(c.GetRole()), Time: r.now(timeMS),
		End: c.GetUntilMs(), MaxUses: c.GetMaxUses(),
	}
	r.all.links[c.GetLink()] = r
	r.audit(actor, timeMS, state.Act{
		Action: state.LinkCreated, Text: c.GetLink(), Until: c.GetUntilMs(), Role: state.Role(c.GetRole()),
	})
	return state.Result{}
}

func (r *modelRoom) removeLink(actor state.Actor, timeMS int64, id string) state.Result {
	if refusal := r.acts(actor, state.RoleModerator, r.now(timeMS)); refusal != state.Accepted {
		return state.Result{Refusal: refusal}
	}
	if _, there := r.links[id]; there {
		delete(r.links, id)
		delete(r.all.links, id)
		r.audit(actor, timeMS, state.Act{Action: state.LinkRemoved, Text: id})
	}
	return state.Result{}
}

// ask decides a request to become a member, of a room that there may not be.
func (m *model) ask(actor state.Actor, timeMS int64, c *storev1.AskToJoin) state.Result {
	r := m.rooms[c.GetRoom()]
	if r == nil {
		return state.Result{}
	}
	if r.Settings.Kind == state.Public {
		return r.join(actor, timeMS, &storev1.AddMember{MaxMembers: c.GetMaxMembers()})
	}
	now, who := r.now(timeMS), r.of(actor.ID)
	banned := who.Banned && (who.BanEnd == 0 || who.BanEnd > now)
	_, asked := r.requests[actor.ID]
	if r.Settings.Requests && r.Settings.ArchiveTime == 0 && who.Role == state.RoleNone && !banned && !asked {
		r.Asking++
		r.requests[actor.ID] = state.Request{Room: r.ID, User: actor, Note: c.GetNote(), Time: now}
	}
	return state.Result{}
}

func (r *modelRoom) answer(actor state.Actor, timeMS int64, c *storev1.AnswerRequest) state.Result {
	if refusal := r.acts(actor, state.RoleModerator, r.now(timeMS)); refusal != state.Accepted {
		return state.Result{Refusal: refusal}
	}
	request, asked := r.requests[c.GetUser()]
	switch {
	case !asked:
		return state.Result{}
	case !c.GetAccept():
		r.forgetRequest(c.GetUser())
		r.audit(actor, timeMS, state.Act{Action: state.RequestDeclined, User: c.GetUser()})
		return state.Result{}
	case r.Settings.ArchiveTime != 0:
		return state.Result{Refusal: state.RoomArchived}
	case r.full(c):
		return state.Result{Refusal: state.TooManyMembers}
	}
	r.audit(actor, timeMS, state.Act{Action: state.RequestAccepted, User: c.GetUser()})
	return r.admit(actor, timeMS, request.User, state.RoleMember)
}

// openDirect makes the direct room of some people.
func (m *model) openDirect(actor state.Actor, timeMS int64, c *storev1.OpenDirect) state.Result {
	id, people := state.DirectRoom(c.GetGeneration(), append(slices.Clone(c.GetUsers()), actor.ID)...)
	switch {
	case string(id) != c.GetRoom(), len(people) < 2, len(people) > state.MaxDirect, c.GetGeneration() > m.directsGone(people):
		return state.Result{Refusal: state.UnsupportedRecord}
	case m.gone[c.GetRoom()] != nil:
		return state.Result{Refusal: state.RoomDeleted}
	case m.rooms[c.GetRoom()] != nil:
		return state.Result{}
	case slices.ContainsFunc(people, func(user string) bool { return m.blocks[[2]string{user, actor.ID}] }):
		return state.Result{Refusal: state.Blocked}
	}
	r := m.makeRoom(c.GetRoom(), state.Settings{Kind: state.Direct}, actor, timeMS)
	r.People, r.Members = people, uint64(len(people))
	for _, user := range people {
		who := state.Actor{ID: user}
		if user == actor.ID {
			who = actor
		}
		r.known[user] = state.Member{Room: r.ID, User: who, Role: state.RoleMember, CreateTime: r.CreateTime}
	}
	return r.roomChanged(actor, timeMS)
}

// directsGone is how many direct rooms of some people were deleted.
func (m *model) directsGone(people []string) (n uint32) {
	for {
		id, _ := state.DirectRoom(n, people...)
		if m.gone[string(id)] == nil {
			return n
		}
		n++
	}
}

// directRoom returns the direct room of some people: mostly the one that was not deleted, otherwise one beside it.
func (m *model) directRoom(r *rand.Rand, users ...string) (id string, generation uint32) {
	_, people := state.DirectRoom(0, users...)
	generation = m.directsGone(people)
	switch r.IntN(8) {
	case 0:
		generation++
	case 1:
		generation = max(generation, 1) - 1
	}
	room, _ := state.DirectRoom(generation, people...)
	return string(room), generation
}

// randomBetweenTwo has two of a few people talk in their direct room, and an operator delete it.
func randomBetweenTwo(r *rand.Rand, m *model, timeMS int64) (state.Actor, proto.Message) {
	actor, other := person(6), person(7)
	if r.IntN(2) == 0 {
		actor, other = other, actor
	}
	room, generation := m.directRoom(r, actor.ID, other.ID)
	switch r.IntN(8) {
	case 0, 1:
		return actor, &storev1.Publish{Room: room, ClientId: randomClientID(r), Body: randomBody(r)}
	case 2:
		return operator, &storev1.DeleteRoom{Room: room}
	case 3:
		return keeper, &storev1.Purge{Room: room, Keys: r.Uint32N(20)}
	case 4:
		return actor, &storev1.Block{User: other.ID, Lift: true}
	default:
		return actor, &storev1.OpenDirect{Room: room, Users: []string{other.ID}, Generation: generation}
	}
}

func (m *model) block(actor state.Actor, c *storev1.Block) state.Result {
	if c.GetUser() == actor.ID {
		return state.Result{Refusal: state.UnsupportedRecord}
	}
	id, most := [2]string{actor.ID, c.GetUser()}, int(c.GetMaxBlocked())
	switch {
	case c.GetLift():
		delete(m.blocks, id)
	case !m.blocks[id] && most != 0 && len(m.blocked(actor.ID)) >= most:
		return state.Result{Refusal: state.TooManyBlocked}
	default:
		m.blocks[id] = true
	}
	return state.Result{}
}

// talks reports whether nobody of a direct room of two has blocked the sender.
func (r *modelRoom) talks(sender string) bool {
	return len(r.People) != 2 || !slices.ContainsFunc(r.People, func(user string) bool {
		return r.all.blocks[[2]string{user, sender}]
	})
}

func (r *modelRoom) leave(actor state.Actor, timeMS int64, user string) state.Result {
	now, m := r.now(timeMS), r.of(user)
	if refusal := r.sees(actor, now); refusal != state.Accepted {
		return state.Result{Refusal: refusal}
	}
	if r.Settings.Kind == state.Direct {
		return state.Result{Refusal: state.NotInDirect}
	}
	if user != actor.ID {
		if refusal := r.acts(actor, state.RoleModerator, now); refusal != state.Accepted {
			return state.Result{Refusal: refusal}
		}
	}
	if m.Role == state.RoleNone {
		return state.Result{}
	}
	if user != actor.ID && m.Role >= r.role(actor) {
		return state.Result{Refusal: state.RoleTooLow}
	}
	if user != actor.ID {
		r.audit(actor, timeMS, state.Act{Action: state.Removed, User: user})
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
	if r.sees(after.User, result.Time) != state.Accepted {
		r.shutOuts = append(r.shutOuts, state.ShutOut{
			Room: r.ID, Rev: result.Rev, User: after.User.ID, Member: before.Role != state.RoleNone,
		})
	}
	return result
}

func (r *modelRoom) memberChanged(kind state.ChangeKind, actor state.Actor, timeMS int64, m state.Member) state.Result {
	return r.changed(modelEvent{Event: state.Event{Kind: kind, Member: &m}}, actor, timeMS)
}

func (r *modelRoom) setRole(actor state.Actor, timeMS int64, user string, role state.Role) state.Result {
	m := r.of(user)
	switch refusal := r.acts(actor, state.RoleOwner, r.now(timeMS)); {
	case refusal != state.Accepted:
		return state.Result{Refusal: refusal}
	case r.Settings.Kind == state.Direct:
		return state.Result{Refusal: state.NotInDirect}
	case m.Role == state.RoleNone && !actor.Operator:
		return state.Result{Refusal: state.NoSuchMember}
	case m.Role == role:
		return state.Result{}
	}
	r.audit(actor, timeMS, state.Act{Action: state.RoleChanged, User: user, Role: role})
	if m.Role == state.RoleNone {
		if m.User.Name == "" {
			m.User.Name = r.all.profiles[user].Name
		}
		return r.admit(actor, timeMS, m.User, role)
	}
	m.Role = role
	r.keep(m)
	return r.memberChanged(state.MemberChanged, actor, timeMS, m)
}

func (r *modelRoom) ban(actor state.Actor, timeMS int64, c *storev1.Ban) state.Result {
	now, m := r.now(timeMS), r.of(c.GetUser())
	if refusal := r.acts(actor, state.RoleModerator, now); refusal != state.Accepted {
		return state.Result{Refusal: refusal}
	}
	if m.Role >= r.role(actor) {
		return state.Result{Refusal: state.RoleTooLow}
	}
	after := m
	if c.GetLift() && !m.Banned {
		return state.Result{}
	}
	if c.GetLift() {
		r.audit(actor, timeMS, state.Act{Action: state.Unbanned, User: m.User.ID})
		after.Banned, after.BanEnd = false, 0
		r.keep(after)
		delete(r.bans, m.User.ID)
		return state.Result{}
	}
	after.Banned, after.BanEnd = true, c.GetUntilMs()
	r.bans[m.User.ID] = state.Ban{
		Room: r.ID, User: m.User, By: actor, Time: now, End: c.GetUntilMs(), Reason: c.GetReason(),
	}
	r.audit(actor, timeMS, state.Act{
		Action: state.BannedSomebody, User: m.User.ID, Until: c.GetUntilMs(), Text: c.GetReason(),
	})
	if m.Banned && (m.BanEnd == 0 || m.BanEnd > now) {
		r.keep(after)
		return state.Result{}
	}
	delete(r.invitations, m.User.ID)
	r.forgetRequest(m.User.ID)
	return r.dismiss(actor, timeMS, m, after)
}

func (r *modelRoom) mute(actor state.Actor, timeMS int64, c *storev1.Mute) state.Result {
	now, m := r.now(timeMS), r.of(c.GetUser())
	if refusal := r.acts(actor, state.RoleModerator, now); refusal != state.Accepted {
		return state.Result{Refusal: refusal}
	}
	muted := m.Muted && (m.MuteEnd == 0 || m.MuteEnd > now)
	switch {
	case m.Role >= r.role(actor):
		return state.Result{Refusal: state.RoleTooLow}
	case c.GetLift() && !m.Muted:
		return state.Result{}
	case c.GetLift():
		m.Muted, m.MuteEnd = false, 0
		r.audit(actor, timeMS, state.Act{Action: state.Unmuted, User: m.User.ID})
	case muted && m.MuteEnd == c.GetUntilMs():
		return state.Result{}
	default:
		m.Muted, m.MuteEnd = true, c.GetUntilMs()
		r.audit(actor, timeMS, state.Act{Action: state.MutedSomebody, User: m.User.ID, Until: c.GetUntilMs()})
	}
	r.keep(m)
	return r.memberChanged(state.MemberChanged, actor, timeMS, m)
}

func (r *modelRoom) invite(actor state.Actor, timeMS int64, c *storev1.Invite) state.Result {
	now, m := r.now(timeMS), r.of(c.GetUser())
	switch refusal := r.acts(actor, state.RoleMember, now); {
	case refusal != state.Accepted:
		return state.Result{Refusal: refusal}
	case r.Settings.Kind == state.Direct:
		return state.Result{Refusal: state.NotInDirect}
	case r.Settings.ArchiveTime != 0:
		return state.Result{Refusal: state.RoomArchived}
	case m.Role != state.RoleNone:
		return state.Result{}
	case m.Banned && (m.BanEnd == 0 || m.BanEnd > now):
		return state.Result{Refusal: state.PersonBanned}
	}
	blocked := r.all.blocks[[2]string{c.GetUser(), actor.ID}]
	if _, there := r.invitations[c.GetUser()]; !there && !blocked {
		r.invitations[c.GetUser()] = state.Invitation{
			Room: r.ID, User: c.GetUser(), By: actor, Role: state.Role(c.GetRole()), Time: now,
		}
	}
	return state.Result{}
}

func (r *modelRoom) uninvite(actor state.Actor, timeMS int64, user string) state.Result {
	invitation, invited := r.invitations[user]
	if !invited || user != actor.ID {
		if refusal := r.sees(actor, r.now(timeMS)); refusal != state.Accepted {
			return state.Result{Refusal: refusal}
		}
		if invited && invitation.By.ID != actor.ID && r.role(actor) < state.RoleModerator {
			return state.Result{Refusal: state.RoleTooLow}
		}
	}
	delete(r.invitations, user)
	return state.Result{}
}

func (r *modelRoom) forgetRequest(user string) {
	if _, asked := r.requests[user]; asked {
		delete(r.requests, user)
		r.Asking--
	}
}
