package chat

import (
	"slices"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// someEvents returns events of several kinds and sizes, the empty one among them.
func someEvents() []*chatv1.Event {
	long := make([]byte, 300)
	return []*chatv1.Event{
		{Room: "lobby", Rev: 1, Time: timestamppb.Now(), Kind: &chatv1.Event_Posted{Posted: &chatv1.Message{
			Room: "lobby", Seq: 1 << 40, Sender: &chatv1.User{Id: "u", DisplayName: "Ana \"<ü>\""}, Body: &chatv1.Message_Text{Text: "a, b\n{}"},
		}}},
		{},
		{Room: "lobby", Rev: 2, Kind: &chatv1.Event_Posted{Posted: &chatv1.Message{
			Body: &chatv1.Message_Data{Data: &chatv1.Data{Type: "x", Value: long}},
		}}},
	}
}

func someReplies() []*chatv1.Reply {
	return []*chatv1.Reply{
		{RequestId: "1", Result: &chatv1.Reply_Publish{Publish: &chatv1.PublishResult{Seq: 5, Duplicate: true}}},
		{},
		{RequestId: "3", Result: &chatv1.Reply_Error{Error: &status.Status{Code: 3, Message: "no"}}},
	}
}

// Whatever a response is put together from, its bytes are those of the message it stands for.
func TestResponseIsTheMessageItStandsFor(t *testing.T) {
	t.Parallel()
	for _, replies := range [][]*chatv1.Reply{nil, someReplies()[:1], someReplies()} {
		for _, events := range [][]*chatv1.Event{nil, someEvents()[:1], someEvents()} {
			var shared []*event
			for _, e := range events {
				shared = append(shared, newEvent(e))
			}
			checkResponse(t, &response{replies: replies, events: shared}, &chatv1.ConnectResponse{Replies: replies, Events: events})
			checkResponse(t, &response{events: shared, subscribe: true}, &chatv1.SubscribeResponse{Events: events})
		}
	}
}

func checkResponse(t *testing.T, r *response, want proto.Message) {
	t.Helper()
	parts, err := r.EncodedProto()
	if err != nil {
		t.Fatal(err)
	}
	got := want.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(slices.Concat(parts...), got); err != nil || !proto.Equal(got, want) {
		t.Errorf("protobuf: got %v, %v; want %v", got, err, want)
	}
	parts, err = r.EncodedJSON()
	if err != nil {
		t.Fatal(err)
	}
	got = want.ProtoReflect().New().Interface()
	if err := protojson.Unmarshal(slices.Concat(parts...), got); err != nil || !proto.Equal(got, want) {
		t.Errorf("JSON: got %v, %v; want %v", got, err, want)
	}
	if plain, err := marshalJSON(want); err != nil || string(plain) != string(slices.Concat(parts...)) {
		t.Errorf("JSON: got %s, want %s (%v)", slices.Concat(parts...), plain, err)
	}
}

// An event is encoded once, however many send it.
func TestEncodingsAreShared(t *testing.T) {
	t.Parallel()
	e := newEvent(someEvents()[0])
	for _, encode := range []func(*response) ([][]byte, error){(*response).EncodedProto, (*response).EncodedJSON} {
		first, err1 := encode(&response{events: []*event{e}})
		second, err2 := encode(&response{replies: someReplies(), events: []*event{e}})
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		has := func(parts [][]byte) bool {
			return slices.ContainsFunc(parts, func(p []byte) bool {
				return len(p) > 50 && slices.ContainsFunc(first, func(q []byte) bool { return len(q) > 50 && &q[0] == &p[0] })
			})
		}
		if !has(second) {
			t.Error("two responses do not share the bytes")
		}
	}
}

// Text that cannot be encoded is an error, not half a message.
func TestResponseThatCannotBeEncoded(t *testing.T) {
	t.Parallel()
	bad := &chatv1.Event{Room: "\xff"}
	for _, r := range []*response{
		{events: []*event{newEvent(bad)}},
		{replies: []*chatv1.Reply{{RequestId: "\xff"}}},
	} {
		if _, err := r.EncodedProto(); err == nil {
			t.Error("protobuf: no error")
		}
		if _, err := r.EncodedJSON(); err == nil {
			t.Error("JSON: no error")
		}
	}
}
