package state_test

import (
	"maps"
	"net/netip"
	"slices"

	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// This file is the model of what concerns the server as a whole, and no room.

// server decides the commands about that, and the commands of those who are banned from the server; false for another.
func (m *model) server(actor state.Actor, timeMS int64, command proto.Message) (state.Result, bool) {
	switch command.(type) {
	case *storev1.BanUser, *storev1.BanAddress, *storev1.EraseUser:
		if !actor.Operator {
			return state.Result{Refusal: state.UnsupportedRecord}, true
		}
	}
	if ban, banned := m.bans["\x01"+actor.ID]; banned && !actor.Operator && (ban.End == 0 || timeMS < ban.End) {
		return state.Result{Refusal: state.ShutOutOfServer}, true
	}
	if m.erased[actor.ID] {
		return state.Result{Refusal: state.ShutOutOfServer}, true
	}
	if m.concernsGone(command) {
		return state.Result{Refusal: state.PersonErased}, true
	}
	switch c := command.(type) {
	case *storev1.SetProfile:
		return m.setProfile(actor, timeMS, c), true
	case *storev1.BanUser:
		ban := state.ServerBan{User: c.GetUser(), End: c.GetUntilMs(), Reason: c.GetReason()}
		return m.banFromServer(actor, timeMS, ban, c.GetLift(), state.UserBanned), true
	case *storev1.EraseUser:
		m.erase(actor, timeMS, c.GetUser())
		return state.Result{}, true
	case *storev1.BanAddress:
		ban := state.ServerBan{Prefix: netip.MustParsePrefix(c.GetPrefix()), End: c.GetUntilMs(), Reason: c.GetReason()}
		return m.banFromServer(actor, timeMS, ban, c.GetLift(), state.AddressBanned), true
	}
	return state.Result{}, false
}

// banFromServer decides a ban; action is that of one, and the next one that of its end.
func (m *model) banFromServer(actor state.Actor, timeMS int64, ban state.ServerBan, lift bool, action state.OperatorAction) state.Result {
	is, banned := m.bans[ban.Key()]
	if lift && !banned || !lift && banned && is.End == ban.End && is.Reason == ban.Reason {
		return state.Result{}
	}
	act := state.OperatorAct{Action: action, User: ban.User}
	if ban.User == "" {
		act.Prefix = ban.Prefix.String()
	}
	if ban.By, ban.Time = actor, max(timeMS, 1); lift {
		delete(m.bans, ban.Key())
		act.Action++
	} else {
		m.bans[ban.Key()] = ban
		act.Until, act.Reason = ban.End, ban.Reason
	}
	m.operatorActs(actor, timeMS, act)
	return state.Result{Time: max(timeMS, 1)}
}

func (m *model) setProfile(actor state.Actor, timeMS int64, c *storev1.SetProfile) state.Result {
	is := m.profiles[actor.ID]
	p := is
	if c.Name != nil {
		p.Name = c.GetName()
	}
	if c.About != nil {
		p.About = c.GetAbout()
	}
	if c.Emoji != nil {
		p.Emoji = c.GetEmoji()
	}
	if p == is {
		return state.Result{Time: is.Time}
	}
	p.Time = max(timeMS, is.Time, 1)
	m.profiles[actor.ID] = p
	if p == (state.Profile{Time: p.Time}) {
		delete(m.profiles, actor.ID)
	}
	return state.Result{Time: p.Time}
}

func (m *model) operatorActs(actor state.Actor, timeMS int64, act state.OperatorAct) {
	act.N, act.Actor, act.Time = uint64(len(m.acts)+1), actor, max(timeMS, 1)
	m.acts = append(m.acts, act)
}

// addressBan returns the narrowest ban of an address.
func (m *model) addressBan(addr netip.Addr, now int64) (found state.ServerBan, ok bool) {
	for _, ban := range m.allServerBans() {
		if ban.User == "" && ban.Prefix.Contains(addr) && ban.At(now) && (!ok || ban.Prefix.Bits() > found.Prefix.Bits()) {
			found, ok = ban, true
		}
	}
	return found, ok
}

func (m *model) allServerBans() []state.ServerBan {
	var bans []state.ServerBan
	for _, key := range slices.Sorted(maps.Keys(m.bans)) {
		bans = append(bans, m.bans[key])
	}
	return bans
}

// allOperatorActs returns those that are kept, newest first.
func (m *model) allOperatorActs() []state.OperatorAct {
	acts := slices.Clone(m.acts[max(0, len(m.acts)-state.MaxActs):])
	slices.Reverse(acts)
	return acts
}

// auditSettings writes down that settings were changed, in a room that was archived or not.
func (r *modelRoom) auditSettings(actor state.Actor, timeMS int64, archived bool) {
	r.audit(actor, timeMS, state.Act{Action: state.SettingsChanged})
	if last := len(r.all.acts) - 1; actor.Operator && archived != (r.Settings.ArchiveTime != 0) {
		r.all.acts[last].Action = state.RoomWasArchived
		if archived {
			r.all.acts[last].Action = state.RoomReopened
		}
	}
}
