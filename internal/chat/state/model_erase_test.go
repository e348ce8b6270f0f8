package state_test

import (
	"maps"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// This file is the model's erasure of a user, which it does at once.

func (m *model) concernsGone(command proto.Message) bool {
	switch c := command.(type) {
	case *storev1.EraseUser:
		return false
	case *storev1.OpenDirect:
		return len(m.present(c.GetUsers())) < len(c.GetUsers())
	case interface{ GetUser() string }:
		return m.erased[c.GetUser()]
	}
	return false
}

// present returns those of users who were not erased.
func (m *model) present(users []string) []string {
	return slices.DeleteFunc(slices.Clone(users), func(user string) bool { return m.erased[user] })
}

func (m *model) erase(operator state.Actor, timeMS int64, user string) {
	if m.erased[user] {
		return
	}
	m.erased[user] = true
	messages := uint64(0)
	for _, id := range slices.Sorted(maps.Keys(m.rooms)) {
		messages += m.rooms[id].erase(operator, timeMS, user)
	}
	for id := range m.blocks {
		if id[0] == user || id[1] == user {
			delete(m.blocks, id)
		}
	}
	delete(m.profiles, user)
	delete(m.bans, "\x01"+user)
	for i := range m.acts {
		if m.acts[i].User == user {
			m.acts[i].User = state.DeletedUser.ID
		}
	}
	m.operatorActs(operator, timeMS, state.OperatorAct{Action: state.UserErased, Messages: messages})
}

// erase takes a user out of a room and returns how many messages became tombstones.
func (r *modelRoom) erase(operator state.Actor, timeMS int64, user string) (messages uint64) {
	for _, m := range r.messages {
		is := func(u string) bool { return u == user }
		mentions := slices.DeleteFunc(slices.Clone(m.Mentions), is)
		switch {
		case m.Sender.ID != user:
			m.Mentions = mentions
			if r.unreact(m, user) && m.Seq >= r.Head.FirstSeq {
				r.messageChanged(state.Reacted, state.DeletedUser, timeMS, m)
			}
		case m.DeleteTime != 0 || m.Seq < r.Head.FirstSeq:
			m.Sender, m.ClientID = state.DeletedUser, ""
		default:
			*m = state.Message{
				Room: m.Room, Seq: m.Seq, Sender: state.DeletedUser, CreateTime: m.CreateTime, EditTime: m.EditTime,
				ReplyTo: m.ReplyTo, Thread: m.Thread,
			}
			m.DeleteTime = r.messageChanged(state.Deleted, state.DeletedUser, timeMS, m).Time
			messages++
		}
	}
	for key := range r.firsts {
		if key[0] == user {
			delete(r.firsts, key)
		}
	}
	if who, known := r.known[user]; known {
		delete(r.bans, user)
		after := who
		after.Muted, after.MuteEnd, after.Banned, after.BanEnd = false, 0, false, 0
		r.keep(after)
		if who.Role != state.RoleNone {
			r.dismiss(operator, timeMS, who, after)
		}
	}
	delete(r.markers, user)
	delete(r.posted, user)
	delete(r.invitations, user)
	r.forgetRequest(user)
	r.anonymise(user)
	return messages
}

// unreact takes a user's reactions to a message back, and reports whether there were any.
func (r *modelRoom) unreact(m *state.Message, user string) bool {
	before := len(m.Reactions)
	for i := range m.Reactions {
		ids := m.Reactions[i].UserIDs
		before += len(ids)
		m.Reactions[i].UserIDs = slices.DeleteFunc(ids, func(u string) bool { return u == user })
	}
	m.Reactions = slices.DeleteFunc(m.Reactions, func(r state.Reaction) bool { return len(r.UserIDs) == 0 })
	after := len(m.Reactions)
	for _, reaction := range m.Reactions {
		after += len(reaction.UserIDs)
	}
	return after != before
}

// anonymise puts the deleted user in the place of a user wherever others have them.
func (r *modelRoom) anonymise(user string) {
	deleted := func(a *state.Actor) {
		if a.ID == user {
			*a = state.DeletedUser
		}
	}
	deleted(&r.Creator)
	if i := slices.Index(r.People, user); i >= 0 {
		r.People = slices.Clone(r.People)
		r.People[i] = state.DeletedUser.ID
		slices.Sort(r.People)
	}
	for i := range r.events {
		deleted(&r.events[i].Actor)
		if m := r.events[i].Member; m != nil {
			shown := *m
			deleted(&shown.User)
			r.events[i].Member = &shown
		}
		if s := r.events[i].State; s != nil {
			shown := *s
			shown.Creator, shown.People = r.Creator, r.People
			r.events[i].State = &shown
		}
	}
	for id, ban := range r.bans {
		deleted(&ban.By)
		r.bans[id] = ban
	}
	for id, invitation := range r.invitations {
		deleted(&invitation.By)
		r.invitations[id] = invitation
	}
	for id, link := range r.links {
		deleted(&link.By)
		r.links[id] = link
	}
	for i := range r.audits {
		deleted(&r.audits[i].Actor)
		if r.audits[i].User == user {
			r.audits[i].User = state.DeletedUser.ID
		}
	}
}

// takeRemovals takes over when rooms removed something last: the model does not know the steps of an erasure.
func (m *model) takeRemovals(t *testing.T, s *state.Store) {
	t.Helper()
	v := s.View()
	defer v.Close()
	for id, r := range m.rooms {
		room, _, err := v.Room(state.RoomID(id))
		if err != nil || room.Removal.Position < r.Removal.Position {
			t.Fatalf("room %+v, %v", room, err)
		}
		r.Removal.Position = room.Removal.Position
	}
}
