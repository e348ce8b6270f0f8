package chat_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// answer posts a text that answers a message.
func (c *calls) answer(ctx context.Context, room string, to uint64, s string) *chatv1.Message {
	c.tb.Helper()
	req := text(room, s)
	req.ReplyTo = to
	return must(c.messages.PostMessage(ctx, req))(c.tb).GetMessage()
}

// replies pages through the messages that answer one, n at a time.
func (c *calls) replies(room string, to uint64, n uint32) []uint64 {
	c.tb.Helper()
	var seqs []uint64
	after := uint64(0)
	for {
		page := must(c.messages.ListMessages(c.context(), &chatv1.ListMessagesRequest{
			Room: room, ReplyTo: to, PageSize: n, Position: &chatv1.ListMessagesRequest_AfterSeq{AfterSeq: after},
		}))(c.tb).GetMessages()
		if len(page) == 0 {
			return seqs
		}
		for _, m := range page {
			if m.GetReplyTo() != to {
				c.tb.Errorf("%v does not answer %d", m, to)
			}
			seqs = append(seqs, m.GetSeq())
		}
		after = seqs[len(seqs)-1]
	}
}

func TestThreads(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, _ := c.as("ana")
	ben, _ := c.as("ben")
	watcher := c.guest("watcher")
	watcher.join(fromNow("lobby"))
	c.post(ana, "lobby", "a question")     // 1
	c.post(ana, "lobby", "something else") // 2
	var want []uint64
	for i := range 5 {
		m := c.answer(ben, "lobby", 1, fmt.Sprint("answer ", i))
		want = append(want, m.GetSeq())
		c.answer(ana, "lobby", m.GetSeq(), "an answer to the answer")
	}
	if got := c.replies("lobby", 1, 2); !slices.Equal(got, want) {
		t.Errorf("replies %v, want %v", got, want)
	}
	newest := must(c.messages.ListMessages(ana, &chatv1.ListMessagesRequest{Room: "lobby", ReplyTo: 1, PageSize: 1}))(t).GetMessages()
	if len(newest) != 1 || newest[0].GetSeq() != want[4] {
		t.Errorf("the newest reply is %v", newest)
	}

	// The count is in every form of the message that is read from now on, and whoever counted events has the same.
	question := must(c.messages.GetMessage(ana, &chatv1.GetMessageRequest{Room: "lobby", Seq: 1}))(t).GetMessage()
	thread := &chatv1.Thread{Count: 5, LastSeq: want[4], LastTime: newest[0].GetCreateTime()}
	if !proto.Equal(question.GetThread(), thread) || question.GetRev() != 1 {
		t.Errorf("the question is %v, want thread %v", question, thread)
	}
	counted := &chatv1.Thread{}
	for _, e := range watcher.upTo("lobby", 12) {
		if m := e.GetPosted(); m.GetReplyTo() == 1 && m.GetSeq() > counted.GetLastSeq() {
			counted = &chatv1.Thread{Count: counted.GetCount() + 1, LastSeq: m.GetSeq(), LastTime: m.GetCreateTime()}
		}
	}
	if !proto.Equal(counted, thread) {
		t.Errorf("a watcher counted %v, want %v", counted, thread)
	}

	// Neither an answer's end nor the question's ends the thread.
	must(c.messages.DeleteMessage(ben, &chatv1.DeleteMessageRequest{Room: "lobby", Seq: want[0]}))(t)
	must(c.messages.DeleteMessage(ana, &chatv1.DeleteMessageRequest{Room: "lobby", Seq: 1}))(t)
	want = append(want, c.answer(ben, "lobby", 1, "late").GetSeq())
	if got := c.replies("lobby", 1, 100); !slices.Equal(got, want) {
		t.Errorf("replies %v, want %v", got, want)
	}
	tombstone := must(c.messages.GetMessage(ana, &chatv1.GetMessageRequest{Room: "lobby", Seq: 1}))(t).GetMessage()
	if tombstone.GetThread().GetCount() != 6 || tombstone.GetBody() != nil {
		t.Errorf("the tombstone is %v", tombstone)
	}

	for _, to := range []uint64{14, 1 << 53, ^uint64(0)} {
		req := text("lobby", "to nobody")
		req.ReplyTo = to
		c.unchanged("lobby", func() { refused(c.messages.PostMessage(ana, req))(t, codes.NotFound, "") })
	}
	req := text("nowhere", "to nobody")
	req.ReplyTo = 1
	refused(c.messages.PostMessage(ana, req))(t, codes.NotFound, "")
	refused(c.rooms.GetRoom(ana, &chatv1.GetRoomRequest{Room: "nowhere"}))(t, codes.NotFound, "")
}

func TestMentions(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, _ := c.as("ana")
	_, ben := c.as("ben")
	_, cleo := c.as("cleo")
	watcher := c.guest("watcher")
	watcher.join(fromNow("lobby"))
	req := text("lobby", "look")
	req.ClientId, req.Mentions = "c-1", []string{ben.ID, cleo.ID}
	m := must(c.messages.PostMessage(ana, req))(t).GetMessage()
	if !slices.Equal(m.GetMentions(), req.GetMentions()) {
		t.Errorf("posted %v", m)
	}
	if got := watcher.upTo("lobby", 1)[1].GetPosted(); !proto.Equal(got, m) {
		t.Errorf("the watcher saw %v", got)
	}
	other := proto.CloneOf(req)
	other.Mentions = []string{ben.ID}
	refused(c.messages.PostMessage(ana, other))(t, codes.AlreadyExists, "")

	edit := &chatv1.EditMessageRequest{Room: "lobby", Seq: 1, Text: "look", Mentions: []string{cleo.ID}}
	if m = must(c.messages.EditMessage(ana, edit))(t).GetMessage(); !slices.Equal(m.GetMentions(), edit.GetMentions()) || m.GetRev() != 2 {
		t.Errorf("edited %v", m)
	}
	c.unchanged("lobby", func() { must(c.messages.EditMessage(ana, edit))(t) })
	m = must(c.messages.DeleteMessage(ana, &chatv1.DeleteMessageRequest{Room: "lobby", Seq: 1}))(t).GetMessage()
	if len(m.GetMentions()) != 0 {
		t.Errorf("the tombstone mentions %v", m.GetMentions())
	}

	many := make([]string, 51)
	for i := range many {
		many[i] = fmt.Sprint("user-", i)
	}
	for _, mentions := range [][]string{{""}, {"a b"}, {"a\n"}, {"ä"}, {"a", "a"}, {strings.Repeat("a", 129)}, many} {
		req := text("lobby", "x")
		req.Mentions = mentions
		refused(c.messages.PostMessage(ana, req))(t, codes.InvalidArgument, "mentions")
		refused(c.messages.EditMessage(ana, &chatv1.EditMessageRequest{
			Room: "lobby", Seq: 1, Text: "x", Mentions: mentions,
		}))(t, codes.InvalidArgument, "mentions")
	}
	req = text("lobby", "everybody")
	req.Mentions = many[:50]
	must(c.messages.PostMessage(ana, req))(t)
}

func TestSlowMode(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	owner, _ := c.as("ana")
	ben, _ := c.as("ben")
	cleo, _ := c.as("cleo")
	c.post(owner, "lobby", "hello")
	room := must(c.rooms.UpdateRoom(owner, &chatv1.UpdateRoomRequest{Room: "lobby", SlowMode: durationpb.New(time.Hour)}))(t).GetRoom()
	if room.GetSlowMode().AsDuration() != time.Hour {
		t.Errorf("room %v", room)
	}
	first := text("lobby", "one")
	first.ClientId = "c-1"
	must(c.messages.PostMessage(ben, first))(t)
	c.unchanged("lobby", func() {
		_, err := c.messages.PostMessage(ben, text("lobby", "two"))
		wait := retryDelay(wantCode(t, err, codes.ResourceExhausted))
		if wait <= 59*time.Minute || wait > time.Hour {
			t.Errorf("come back after %v", wait)
		}
		if resp := must(c.messages.PostMessage(ben, first))(t); !resp.GetDuplicate() {
			t.Errorf("a repetition: %v", resp)
		}
	})
	c.post(cleo, "lobby", "each has a time of their own")
	c.post(owner, "lobby", "an owner")
	c.post(owner, "lobby", "is free of it")
	must(c.rooms.UpdateRoom(owner, &chatv1.UpdateRoomRequest{Room: "lobby", SlowMode: durationpb.New(0)}))(t)
	c.post(ben, "lobby", "as before")

	for _, d := range []*durationpb.Duration{
		durationpb.New(-1), durationpb.New(24*time.Hour + 1), durationpb.New(time.Microsecond), {Seconds: 1, Nanos: -1},
	} {
		refused(c.rooms.UpdateRoom(owner, &chatv1.UpdateRoomRequest{Room: "lobby", SlowMode: d}))(t, codes.InvalidArgument, "slow_mode")
	}
	refused(c.rooms.UpdateRoom(ben, &chatv1.UpdateRoomRequest{Room: "lobby", SlowMode: durationpb.New(1)}))(t, codes.InvalidArgument, "slow_mode")
	refused(c.rooms.UpdateRoom(ben, &chatv1.UpdateRoomRequest{Room: "lobby", SlowMode: durationpb.New(0)}))(t, codes.PermissionDenied, "")
}

func TestTopic(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	owner, _ := c.as("ana")
	room := must(c.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: "lobby", Topic: "Everything\nelse"}))(t).GetRoom()
	if room.GetTopic() != "Everything\nelse" {
		t.Errorf("made %v", room)
	}
	topic, long := "Nothing", strings.Repeat("x", 1025)
	if room = must(c.rooms.UpdateRoom(owner, &chatv1.UpdateRoomRequest{Room: "lobby", Topic: &topic}))(t).GetRoom(); room.GetTopic() != topic {
		t.Errorf("changed to %v", room)
	}
	refused(c.rooms.UpdateRoom(owner, &chatv1.UpdateRoomRequest{Room: "lobby", Topic: &long}))(t, codes.InvalidArgument, "topic")
	refused(c.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: "other", Topic: "\x00"}))(t, codes.InvalidArgument, "topic")
}

// retryDelay returns how long a status asks to wait.
func retryDelay(s *status.Status) time.Duration {
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}
