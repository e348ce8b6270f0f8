package state_test

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// This file is what leaves the model's rooms, and the rooms that the model loses.

// keeper is who trims and purges: nobody whom anybody could ban.
var keeper = state.Actor{ID: "keeper"}

func retention(v *storev1.Retention) state.Retention {
	return state.Retention{Set: v != nil, Age: v.GetAgeMs(), Messages: v.GetMessages()}
}

// kept returns the messages that are left.
func (r *modelRoom) kept() []*state.Message { return r.messages[r.Head.FirstSeq-1:] }

func (r *modelRoom) trim(actor state.Actor, timeMS int64, c *storev1.Trim) state.Result {
	keep := r.Settings.Retention
	if !keep.Set {
		keep = retention(c.GetOtherwise())
	}
	if c.GetSeq() < r.Head.FirstSeq || c.GetSeq() > r.Head.Seq {
		return state.Result{}
	}
	tooMany := keep.Messages > 0 && r.Head.Seq-c.GetSeq() >= keep.Messages
	tooOld := keep.Age > 0 && r.now(timeMS)-r.messages[c.GetSeq()-1].CreateTime >= keep.Age
	if !tooMany && !tooOld {
		return state.Result{}
	}
	r.Head.FirstSeq = c.GetSeq() + 1
	return r.changed(modelEvent{Event: state.Event{Kind: state.Trimmed, First: r.Head.FirstSeq}}, actor, timeMS)
}

func (m *model) deleteRoom(r *modelRoom, actor state.Actor, timeMS, now int64) state.Result {
	if refusal := r.acts(actor, state.RoleOwner, now); refusal != state.Accepted {
		return state.Result{Refusal: refusal}
	}
	if actor.Operator {
		m.operatorActs(actor, timeMS, state.OperatorAct{Action: state.RoomRemoved, Room: r.ID})
	}
	r.Deleted = now
	m.gone[string(r.ID)] = r
	delete(m.rooms, string(r.ID))
	return state.Result{Time: now}
}

// deleted returns when a room was deleted; 0 for one that was not.
func (r *modelRoom) deleted() int64 {
	if r == nil {
		return 0
	}
	return r.Deleted
}

// everRooms are all rooms, also those that were deleted, by id.
func (m *model) everRooms() iter.Seq2[string, *modelRoom] {
	all := maps.Clone(m.rooms)
	maps.Copy(all, m.gone)
	return func(yield func(string, *modelRoom) bool) {
		for _, id := range slices.Sorted(maps.Keys(all)) {
			if !yield(id, all[id]) {
				return
			}
		}
	}
}

// tiedTo returns the rooms that a user may be listed with. With who was erased none is, not even one that was deleted before and has
// not been purged, which an erasure does not look into.
func (m *model) tiedTo(user string) iter.Seq2[string, *modelRoom] {
	if m.erased[user] {
		return maps.All(map[string]*modelRoom(nil))
	}
	return m.everRooms()
}

// purged checks what a Purge has removed, which depends on how many keys it may touch, and takes it over.
func (m *model) purged(t *testing.T, s *state.Store, c *storev1.Purge, timeMS int64) {
	t.Helper()
	v := s.View()
	defer v.Close()
	room, _, err := v.Room(state.RoomID(c.GetRoom()))
	if err != nil {
		t.Fatal(err)
	}
	if r := m.rooms[c.GetRoom()]; r != nil {
		r.purged(t, room, r.now(timeMS))
	}
	if r := m.gone[c.GetRoom()]; r != nil && room.Stale(0) { // some of its members perhaps, one by one
		maps.DeleteFunc(r.known, func(user string, _ state.Member) bool {
			rooms, err := v.RoomsOf(user, "", math.MaxInt)
			check(t, err)
			return !slices.Contains(rooms, state.RoomID(c.GetRoom()))
		})
	}
	if r := m.gone[c.GetRoom()]; r != nil && !room.Stale(0) {
		for id := range r.links {
			delete(m.links, id)
		}
		r.known, r.invitations, r.links = nil, nil, nil
	}
	if c.GetKeys() == 0 && room.Stale(timeMS) {
		t.Fatalf("a purge left something of room %+v", room)
	}
}

func (r *modelRoom) purged(t *testing.T, room state.Room, now int64) {
	t.Helper()
	was, is := r.Removal, room.Removal
	if is.Seq < was.Seq || is.Seq > r.Head.FirstSeq || is.Rev < was.Rev || is.ClientIDs < was.ClientIDs || is.ClientIDs > is.Seq ||
		is.Rev > 1 && is.Rev+state.KeptChanges > r.Head.Rev+1 {
		t.Fatalf("a purge went from %+v to %+v in %+v", was, is, room.Head)
	}
	for _, m := range r.messages[was.ClientIDs-1 : is.Seq-1] {
		first := r.firsts[[2]string{m.Sender.ID, m.ClientID}]
		known := m.CreateTime+state.ClientIDsKept.Milliseconds() > now
		switch {
		case first == nil || first.Seq != m.Seq:
		case m.Seq < is.ClientIDs && known:
			t.Fatalf("the client id of message %d is forgotten %d ms after it was posted", m.Seq, now-m.CreateTime)
		case m.Seq < is.ClientIDs || m.Seq >= was.Seq && !known:
			delete(r.firsts, [2]string{m.Sender.ID, m.ClientID})
		default:
			first.forgot = true
		}
	}
	for _, e := range r.events[was.Rev-1 : is.Rev-1] {
		if e.Kind == state.Posted && e.seq >= r.Head.FirstSeq {
			t.Fatalf("change %d is gone, of message %d, which is kept", e.Rev, e.seq)
		}
	}
	r.Removal = is
}

// compareRemoval compares what a room says of what has left it, and takes over what the model does not know.
func (r *modelRoom) compareRemoval(t *testing.T, room state.Room, change *state.Change) {
	was, is := r.Removal, room.Removal
	if is.Seq != was.Seq || is.Rev != was.Rev || is.ClientIDs != was.ClientIDs {
		t.Fatalf("removal %+v, want %+v", is, was)
	}
	for _, e := range change.Events {
		if e.Room == room.ID && (e.Kind == state.Edited || e.Kind == state.Deleted || e.Kind == state.Trimmed) &&
			is.Position != change.Results[0].Pos {
			t.Fatalf("room %s removed something at %d, and says at %d", room.ID, change.Results[0].Pos, is.Position)
		}
	}
	r.Removal = is
}

// brief returns the id of the first brief room that was not deleted: those are short-lived, and so is what is in them.
func (m *model) brief() string {
	for i := 0; ; i++ {
		if id := fmt.Sprint("brief-", i); m.gone[id] == nil {
			return id
		}
	}
}

// randomInBrief has messages come and go.
func randomInBrief(r *rand.Rand, m *model, actor state.Actor, timeMS int64) (state.Actor, int64, proto.Message) {
	id := m.brief()
	room := m.rooms[id]
	if r.IntN(20) == 0 && id != "brief-0" {
		id, room = "brief-0", nil // gone
	}
	if room == nil || r.IntN(3) == 0 {
		return actor, timeMS, &storev1.Publish{Room: id, ClientId: randomClientID(r), Body: randomBody(r), Mentions: randomMentions(r)}
	}
	seq := room.Head.Seq - min(room.Head.Seq, r.Uint64N(8))
	keep := []*storev1.Retention{nil, {}, {Messages: 1 + r.Uint64N(5)}, {AgeMs: 1 + r.Int64N(500)}}[r.IntN(4)]
	switch r.IntN(10) {
	case 0:
		return actor, timeMS, &storev1.Publish{Room: id, Body: randomBody(r), ReplyTo: seq, Mentions: randomMentions(r)}
	case 1:
		return actor, timeMS, &storev1.React{Room: id, Seq: seq, Emoji: "+"}
	case 2:
		return actor, timeMS, &storev1.Edit{Room: id, Seq: seq, Text: fmt.Sprint("text ", r.IntN(3))}
	case 3, 4:
		return keeper, timeMS, &storev1.Trim{Room: id, Seq: seq, Otherwise: keep}
	case 5:
		return room.Creator, timeMS, &storev1.UpdateRoom{Room: id, Retention: keep, ClearRetention: keep == nil}
	case 6, 7:
		return keeper, timeMS + r.Int64N(3)*state.ClientIDsKept.Milliseconds()/2, &storev1.Purge{Room: id, Keys: uint32(r.IntN(10))}
	case 8:
		if r.IntN(6) == 0 {
			return room.Creator, timeMS, &storev1.DeleteRoom{Room: id}
		}
		return actor, timeMS, &storev1.AddMember{Room: id}
	default:
		gone := fmt.Sprint("brief-", r.IntN(len(m.gone)+1))
		return keeper, timeMS, &storev1.Purge{Room: gone}
	}
}
