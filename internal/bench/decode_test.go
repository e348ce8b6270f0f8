package bench

import (
	"errors"
	"math"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// taken is a handler that keeps what it is given.
type taken struct {
	replies []*chatv1.Reply
	events  []event
}

func (t *taken) reply(r *chatv1.Reply) error { t.replies = append(t.replies, r); return nil }
func (t *taken) event(e *event) error        { t.events = append(t.events, *e); return nil }

// TestDecodeIsWhatProtobufDecodes holds the field numbers to the descriptors: what is built by the generated code is read
// back by hand.
func TestDecodeIsWhatProtobufDecodes(t *testing.T) {
	t.Parallel()
	b, err := proto.Marshal(&chatv1.ConnectResponse{
		Replies: []*chatv1.Reply{{RequestId: "7", Result: &chatv1.Reply_Leave{Leave: &chatv1.LeaveResult{}}}},
		Events: []*chatv1.Event{
			{Room: "lobby", Rev: math.MaxInt64, Kind: &chatv1.Event_Posted{Posted: &chatv1.Message{
				Room: "lobby", Seq: 12, Rev: 13, Sender: &chatv1.User{Id: "u"}, Body: &chatv1.Message_Text{Text: "hello"},
			}}},
			{Room: "den", Rev: 3, Kind: &chatv1.Event_Snapshot{Snapshot: &chatv1.Snapshot{Epoch: "e"}}},
			{Room: "den", Kind: &chatv1.Event_Presence{Presence: &chatv1.Presence{Online: 3}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got taken
	if err := decodeResponse(b, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.replies) != 1 || got.replies[0].GetRequestId() != "7" || got.replies[0].GetLeave() == nil {
		t.Errorf("replies %v", got.replies)
	}
	if len(got.events) != 3 {
		t.Fatalf("%d events", len(got.events))
	}
	e := got.events[0]
	if string(e.room) != "lobby" || e.rev != math.MaxInt64 || !e.posted || e.seq != 12 || string(e.text) != "hello" {
		t.Errorf("posted: %+v", e)
	}
	if e = got.events[1]; e.posted || e.rev != 3 || len(e.whole) == 0 {
		t.Errorf("snapshot: %+v", e)
	}
	if e = got.events[2]; e.posted || e.rev != 0 || e.whole != nil {
		t.Errorf("presence: %+v", e)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0x12, 0x02, 0x22, 0x00})
	f.Add([]byte{0x12, 0x05, 0x0a, 0x03, 'a', 'b'})
	f.Fuzz(func(t *testing.T, b []byte) {
		err := decodeResponse(b, new(taken))
		if err == nil && !validFraming(b) {
			t.Error("accepted what protobuf cannot be")
		}
		if errors.Is(err, errMalformed) && proto.Unmarshal(b, new(chatv1.ConnectResponse)) == nil {
			t.Error("refused what protobuf accepts")
		}
	})
}

// validFraming says whether b is a protobuf message of some type.
func validFraming(b []byte) bool {
	return proto.Unmarshal(b, new(chatv1.LeaveResult)) == nil
}

func TestStampIsReadBack(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Duration{0, 1, time.Hour, math.MaxInt64} {
		for _, size := range []int{stampBytes, 128} {
			r := new(chatv1.ConnectRequest)
			if err := proto.Unmarshal(publishRequest("r", "c", size, at), r); err != nil {
				t.Fatal(err)
			}
			text := r.GetPublish().GetText()
			got, ok := sentAt([]byte(text))
			if len(text) != size || !ok || got != at {
				t.Errorf("%d bytes at %v became %d bytes at %v", size, at, len(text), got)
			}
		}
	}
	for _, text := range []string{"", "0123", "not a hexadecimal"} {
		if _, ok := sentAt([]byte(text)); ok {
			t.Errorf("%q has a stamp", text)
		}
	}
}
