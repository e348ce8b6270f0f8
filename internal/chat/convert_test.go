package chat

import (
	"math"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

func mustEqual(t *testing.T, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", prototext.Format(got), prototext.Format(want))
	}
}

func millis(ms int64) *timestamppb.Timestamp {
	return &timestamppb.Timestamp{Seconds: ms / 1000, Nanos: int32(ms%1000) * 1e6}
}

var (
	ana      = state.Actor{ID: "guest-a", Name: "ana", Guest: true}
	anaProto = &chatv1.User{Id: "guest-a", DisplayName: "ana", Guest: true}
)

func TestMessageProto(t *testing.T) {
	t.Parallel()
	m := state.Message{
		Room: "r", Seq: 2, Rev: 5, Sender: ana, CreateTime: 1001, EditTime: 2002, ClientID: "c", Text: "hello",
		Reactions: []state.Reaction{{Emoji: "👍", UserIDs: []string{"guest-a", "guest-b"}}},
		ReplyTo:   1, Mentions: []string{"guest-b"}, Thread: state.Thread{Count: 2, LastSeq: 4, LastTime: 3003},
	}
	mustEqual(t, messageProto(&m), &chatv1.Message{
		Room: "r", Seq: 2, Rev: 5, Sender: anaProto, CreateTime: millis(1001), EditTime: millis(2002), ClientId: "c",
		Body:      &chatv1.Message_Text{Text: "hello"},
		Reactions: []*chatv1.Reaction{{Emoji: "👍", UserIds: []string{"guest-a", "guest-b"}}},
		ReplyTo:   1, Mentions: []string{"guest-b"}, Thread: &chatv1.Thread{Count: 2, LastSeq: 4, LastTime: millis(3003)},
	})

	typed := state.Message{Room: "r", Seq: 1, Rev: 1, Sender: ana, CreateTime: 1, DataType: "t", Data: []byte{0, 1}}
	mustEqual(t, messageProto(&typed), &chatv1.Message{
		Room: "r", Seq: 1, Rev: 1, Sender: anaProto, CreateTime: millis(1),
		Body: &chatv1.Message_Data{Data: &chatv1.Data{Type: "t", Value: []byte{0, 1}}},
	})

	// Whatever the state still knew, a tombstone tells nothing of the body.
	m.DeleteTime, m.DataType, m.Data = 3003, "t", []byte("x")
	mustEqual(t, messageProto(&m), &chatv1.Message{
		Room: "r", Seq: 2, Rev: 5, Sender: anaProto, CreateTime: millis(1001), EditTime: millis(2002),
		DeleteTime: millis(3003), ClientId: "c",
		ReplyTo: 1, Thread: &chatv1.Thread{Count: 2, LastSeq: 4, LastTime: millis(3003)},
	})
}

func TestRoomProto(t *testing.T) {
	t.Parallel()
	mustEqual(t, roomProto(state.Room{ID: "nowhere"}), &chatv1.Room{Id: "nowhere"})
	mustEqual(t, roomProto(state.Room{
		ID: "r", Settings: state.Settings{Title: "R", Topic: "T", SlowMode: 1500,
			Kind: state.Private, Posting: state.RoleMember, ArchiveTime: 4004}, Members: 5, CreateTime: 1001, Creator: ana,
		Head: state.Head{Seq: 3, Rev: 7, FirstSeq: 1, UpdateTime: 2002},
	}), &chatv1.Room{
		Id: "r", Title: "R", Topic: "T", SlowMode: durationpb.New(1500 * time.Millisecond),
		CreateTime: millis(1001), Creator: anaProto,
		HeadSeq: 3, HeadRev: 7, FirstSeq: 1, UpdateTime: millis(2002),
		Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE, Posting: chatv1.Role_ROLE_MEMBER, ArchiveTime: millis(4004), MemberCount: 5,
	})
}

func TestEventProto(t *testing.T) {
	t.Parallel()
	m := &state.Message{Room: "r", Seq: 1, Rev: 9, Sender: ana, CreateTime: 1, Text: "x"}
	member := &state.Member{Room: "r", User: ana, Role: state.RoleOwner, CreateTime: 1}
	memberProto := &chatv1.Member{Room: "r", User: anaProto, Role: chatv1.Role_ROLE_OWNER, CreateTime: millis(1)}
	kinds := map[state.ChangeKind]*chatv1.Event{
		state.Posted:        {Kind: &chatv1.Event_Posted{Posted: messageProto(m)}},
		state.Edited:        {Kind: &chatv1.Event_Edited{Edited: messageProto(m)}},
		state.Deleted:       {Kind: &chatv1.Event_Deleted{Deleted: messageProto(m)}},
		state.Reacted:       {Kind: &chatv1.Event_Reacted{Reacted: messageProto(m)}},
		state.RoomChanged:   {Kind: &chatv1.Event_RoomChanged{RoomChanged: &chatv1.Room{Id: "r", Title: "R"}}},
		state.MemberChanged: {Kind: &chatv1.Event_MemberChanged{MemberChanged: memberProto}},
		state.MemberRemoved: {Kind: &chatv1.Event_MemberRemoved{MemberRemoved: memberProto}},
		255:                 {}, // of a later version: position and time are still there
	}
	for _, kind := range []state.ChangeKind{state.Reacted, state.RoomChanged, 255} {
		kinds[kind].Actor = anaProto // who is not said otherwise
	}
	for kind, want := range kinds {
		want.Room, want.Rev, want.Time = "r", 4, millis(5005)
		mustEqual(t, eventProto(&state.Event{
			Room: "r", Rev: 4, Kind: kind, Time: 5005, Actor: ana,
			Message: m, State: &state.Room{ID: "r", Settings: state.Settings{Title: "R"}}, Member: member,
		}), want)
	}
	if len(kinds) != int(state.MemberRemoved)+1 {
		t.Errorf("%d kinds are walked", len(kinds))
	}
}

func TestUnread(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		seq  uint64
		head state.Head
		want uint64
	}{
		{0, state.Head{}, 0},
		{0, state.Head{Seq: 3, FirstSeq: 1}, 3},
		{2, state.Head{Seq: 3, FirstSeq: 1}, 1},
		{3, state.Head{Seq: 3, FirstSeq: 1}, 0},
		{0, state.Head{Seq: 10, FirstSeq: 4}, 7}, // 1 to 3 are gone: nobody can read them
		{3, state.Head{Seq: 10, FirstSeq: 4}, 7},
		{5, state.Head{Seq: 10, FirstSeq: 4}, 5},
		{0, state.Head{Seq: 3, FirstSeq: 4}, 0}, // all are gone
		{9, state.Head{Seq: 3, FirstSeq: 1}, 0}, // never below zero
		{math.MaxUint64, state.Head{Seq: 3, FirstSeq: 1}, 0},
	} {
		mustEqual(t, readMarkerProto("r", c.seq, c.head), &chatv1.ReadMarker{Room: "r", Seq: c.seq, Unread: c.want})
	}
}
