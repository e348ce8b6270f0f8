package chat_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// TestRoomThatIsShutAndOpened shuts a busy room for visitors and opens it again, many times, while the sockets of those who follow it
// are slow. A member notices nothing; a visitor, if they are shut out in between or at the end, gets nothing from after that.
func TestRoomThatIsShutAndOpened(t *testing.T) {
	t.Parallel()
	for range 20 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 0))
			c := startCalls(t, config{delivery: tiny, linger: time.Nanosecond})
			owner, member, visitor := c.person("owner"), c.person("member"), c.person("visitor")
			must(c.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: "den"}))(t)
			must(c.members.AddMember(member, &chatv1.AddMemberRequest{Room: "den"}))(t)
			before := 1 + random.IntN(30)
			for i := range before {
				c.post(owner, "den", fmt.Sprint(strings.Repeat("x", random.IntN(8000)), i))
			}
			start := []*chatv1.Join{fromNow("den"), history("den", 20), resume("den", c.epochAs(owner, "den"), 2)}[random.IntN(3)]
			stays, goes := c.connect(member), c.connect(visitor)
			for _, s := range []*session{stays, goes} {
				s.send(&chatv1.ConnectRequest{RequestId: "join", Command: &chatv1.ConnectRequest_Join{Join: start}})
			}
			write := func(i int) {
				c.post(owner, "den", fmt.Sprint(strings.Repeat("y", random.IntN(4000)), i))
				edit := &chatv1.EditMessageRequest{Room: "den", Seq: uint64(1 + random.IntN(before+i+1)), Text: fmt.Sprint("edit ", i)}
				must(c.messages.EditMessage(owner, edit))(t)
			}
			shut := uint64(0) // the last time
			for i := range 40 {
				kind := chatv1.RoomKind_ROOM_KIND_PUBLIC
				if i%2 == 1 {
					kind = chatv1.RoomKind_ROOM_KIND_PRIVATE
				}
				room := must(c.rooms.UpdateRoom(owner, &chatv1.UpdateRoomRequest{Room: "den", Kind: &kind}))(t).GetRoom()
				shut = room.GetHeadRev()
				write(i)
			}
			head := must(c.rooms.GetRoom(owner, &chatv1.GetRoomRequest{Room: "den"}))(t).GetRoom().GetHeadRev()
			checkMissesNothing(t, stays, head)
			checkShutOutBy(t, goes, shut)
		})
	}
}

// checkMissesNothing reads a session up to a rev of its room: everything from its start on is there. It returns the seq of the last
// message in its snapshot.
func checkMissesNothing(t *testing.T, s *session, head uint64) (seq uint64) {
	t.Helper()
	if err := s.reply("join").GetError(); err != nil {
		t.Fatalf("joined: %v", err)
	}
	rev := uint64(0)
	s.event(func(e *chatv1.Event) bool {
		for _, m := range e.GetSnapshot().GetMessages() {
			if seq != 0 && m.GetSeq() != seq+1 {
				t.Errorf("in the snapshot message %d after %d", m.GetSeq(), seq)
			}
			seq = m.GetSeq()
		}
		switch {
		case e.GetRoom() != "den" || e.GetRev() == 0 && e.GetShutOut() == nil:
		case e.GetShutOut() != nil || rev != 0 && e.GetRev() != rev+1:
			t.Errorf("after rev %d: %v", rev, e)
		default:
			rev = e.GetRev()
		}
		return rev >= head || t.Failed()
	})
	return seq
}

// checkShutOutBy reads a session to the end of its room: nothing in it is from after a rev.
func checkShutOutBy(t *testing.T, s *session, last uint64) {
	t.Helper()
	if s.reply("join").GetError() != nil { // it came too late
		return
	}
	s.event(func(e *chatv1.Event) bool {
		highest := max(e.GetRev(), e.GetPosted().GetRev(), e.GetEdited().GetRev())
		for _, m := range e.GetSnapshot().GetMessages() {
			highest = max(highest, m.GetRev())
		}
		if highest > last {
			t.Errorf("shut out at rev %d, received rev %d", last, highest)
		}
		return isShutOut(e)
	})
}

// Where a room is shut for visitors while somebody is about to read from disk, a visitor gets nothing that changed after it, and a
// member gets all of it.
func TestShutBeforeAReadFromDisk(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]func(epoch string) *chatv1.Join{
		"events":   func(epoch string) *chatv1.Join { return resume("den", epoch, 0) },
		"snapshot": func(string) *chatv1.Join { return history("den", 10) },
	} {
		for _, stays := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " stays ", stays), func(t *testing.T) {
				t.Parallel()
				store := &deletingStore{}
				c := startCalls(t, config{
					reads:    func(s chat.Store) chat.Store { store.Store = s; return store },
					delivery: chat.Delivery{WindowEvents: 1},
				})
				owner, who := c.person("owner"), c.person("who")
				must(c.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: "den"}))(t)
				shut := uint64(12)
				if stays {
					must(c.members.AddMember(who, &chatv1.AddMemberRequest{Room: "den"}))(t)
					shut++
				}
				for range 10 {
					c.post(owner, "den", "as it was")
				}
				meanwhile := func() {
					kind := chatv1.RoomKind_ROOM_KIND_PRIVATE
					must(c.rooms.UpdateRoom(owner, &chatv1.UpdateRoomRequest{Room: "den", Kind: &kind}))(t)
					must(c.messages.EditMessage(owner, &chatv1.EditMessageRequest{Room: "den", Seq: 5, Text: "as it became"}))(t)
				}
				epoch := c.epochAs(owner, "den")
				store.meanwhile.Store(&meanwhile)
				s := c.connect(who)
				s.send(&chatv1.ConnectRequest{RequestId: "join", Command: &chatv1.ConnectRequest_Join{Join: from(epoch)}})
				if !stays {
					checkShutOutBy(t, s, shut)
					return
				}
				if seq := checkMissesNothing(t, s, shut+1); name == "snapshot" && seq != 10 {
					t.Errorf("the snapshot ends with message %d", seq)
				}
			})
		}
	}
}

// viewOnce is a store that has something else say, once, what is committed.
type viewOnce struct {
	chat.Store
	other atomic.Pointer[func() state.View]
}

func (s *viewOnce) View() state.View {
	if other := s.other.Swap(nil); other != nil {
		return (*other)()
	}
	return s.Store.View()
}

// A View that shows a room open from before it was shut again does not count, even if it shows that it was shut before.
func TestShutAgainBeforeItIsFoundOut(t *testing.T) {
	t.Parallel()
	store := &viewOnce{}
	var seq sequencer.Sequencer
	c := startCalls(t, config{
		reads: func(s chat.Store) chat.Store { store.Store = s; return store },
		wrap:  func(s sequencer.Sequencer) sequencer.Sequencer { seq = s; return s },
	})
	owner, visitor := c.person("owner"), c.person("visitor")
	c.post(owner, "den", "for everybody")
	s := c.connect(visitor)
	s.join(fromNow("den"))
	s.event(func(e *chatv1.Event) bool { return e.GetSnapshot() != nil })
	act := actor(t, seq)
	turn := func(kind chatv1.RoomKind) uint64 {
		return act(&storev1.UpdateRoom{Room: "den", Kind: proto.Uint32(uint32(kind))})
	}
	last := make(chan uint64, 1)
	stale := func() state.View {
		turn(chatv1.RoomKind_ROOM_KIND_PUBLIC)
		v := store.Store.View()
		last <- turn(chatv1.RoomKind_ROOM_KIND_PRIVATE)
		act(&storev1.Publish{Room: "den", Body: &storev1.Body{Kind: &storev1.Body_Text{Text: "for members"}}})
		return v
	}
	store.other.Store(&stale)
	turn(chatv1.RoomKind_ROOM_KIND_PRIVATE)
	highest := uint64(0)
	s.event(func(e *chatv1.Event) bool {
		highest = max(highest, e.GetRev())
		return isShutOut(e) || e.GetPosted() != nil
	})
	if shut := <-last; highest != shut {
		t.Errorf("shut out at rev %d, received up to %d", shut, highest)
	}
}

// actor returns what carries out an operator's command, without a View, and returns its rev.
func actor(t *testing.T, seq sequencer.Sequencer) func(proto.Message) uint64 {
	return func(command proto.Message) uint64 {
		record, err := state.NewRecord(state.Actor{ID: "operator", Operator: true}, time.Now().UnixMilli(), command)
		if err != nil {
			t.Error(err)
			return 0
		}
		return must(seq.Append(t.Context(), record))(t)[0].Rev
	}
}

// Who was a member when the room was shut for visitors, and is removed before that is found out, gets all up to their removal.
func TestRemovedBeforeItIsFoundOut(t *testing.T) {
	t.Parallel()
	store := &viewOnce{}
	var seq sequencer.Sequencer
	c := startCalls(t, config{
		reads: func(s chat.Store) chat.Store { store.Store = s; return store },
		wrap:  func(s sequencer.Sequencer) sequencer.Sequencer { seq = s; return s },
	})
	owner, member := c.person("owner"), c.person("member")
	c.post(owner, "den", "for everybody")
	must(c.members.AddMember(member, &chatv1.AddMemberRequest{Room: "den"}))(t)
	s := c.connect(member)
	s.join(fromNow("den"))
	s.event(func(e *chatv1.Event) bool { return e.GetSnapshot() != nil })
	act, last := actor(t, seq), make(chan uint64, 1)
	removed := func() state.View {
		act(&storev1.Publish{Room: "den", Body: &storev1.Body{Kind: &storev1.Body_Text{Text: "for members"}}})
		last <- act(&storev1.RemoveMember{Room: "den", User: member.id})
		act(&storev1.Publish{Room: "den", Body: &storev1.Body{Kind: &storev1.Body_Text{Text: "for others"}}})
		return store.Store.View()
	}
	store.other.Store(&removed)
	act(&storev1.UpdateRoom{Room: "den", Kind: proto.Uint32(uint32(chatv1.RoomKind_ROOM_KIND_PRIVATE))})
	highest := uint64(0)
	s.event(func(e *chatv1.Event) bool {
		highest = max(highest, e.GetRev())
		return isShutOut(e)
	})
	if removal := <-last; highest != removal {
		t.Errorf("removed at rev %d, received up to %d", removal, highest)
	}
}
