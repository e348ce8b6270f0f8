package chat_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

func TestPostMessage(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, principal := c.as("ana")
	watcher := c.guest("watcher")
	watcher.join(fromNow("lobby"))

	req := text("lobby", "hello\n\t<b>🦜</b>")
	req.ClientId = "c-1"
	resp := must(c.messages.PostMessage(ana, req))(t)
	m := resp.GetMessage()
	want := &chatv1.Message{
		Room: "lobby", Seq: 1, Rev: 1, ClientId: "c-1", CreateTime: m.GetCreateTime(),
		Sender: &chatv1.User{Id: principal.ID, DisplayName: "ana", Guest: true},
		Body:   &chatv1.Message_Text{Text: "hello\n\t<b>🦜</b>"},
	}
	if !proto.Equal(m, want) || m.GetCreateTime() == nil || resp.GetDuplicate() {
		t.Errorf("posted %v, want %v", resp, want)
	}
	data := &chatv1.Data{Type: "application/x-cursor", Value: []byte{0, 0xff, 7}}
	typedMessage := must(c.messages.PostMessage(ana, typed("lobby", data)))(t).GetMessage()
	if !proto.Equal(typedMessage.GetData(), data) || typedMessage.GetSeq() != 2 || typedMessage.GetRev() != 2 {
		t.Errorf("typed: %v", typedMessage)
	}
	var seen []*chatv1.Message
	for _, e := range watcher.upTo("lobby", 2) {
		if e.GetPosted() != nil {
			seen = append(seen, e.GetPosted())
		}
	}
	for i, m := range []*chatv1.Message{m, typedMessage} {
		got := must(c.messages.GetMessage(c.context(), &chatv1.GetMessageRequest{Room: "lobby", Seq: m.GetSeq()}))(t).GetMessage()
		if !proto.Equal(got, m) || i >= len(seen) || !proto.Equal(seen[i], m) {
			t.Errorf("posted %v, got %v, seen %v", m, got, seen)
		}
	}
	for _, seq := range []uint64{0, 3, math.MaxUint64} {
		refused(c.messages.GetMessage(ana, &chatv1.GetMessageRequest{Room: "lobby", Seq: seq}))(t, codes.NotFound, "")
	}
}

func TestPostMessageThatIsRefused(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, _ := c.as("ana")
	c.post(ana, "lobby", "hello")
	with := func(id string) *chatv1.PostMessageRequest {
		req := text("lobby", "x")
		req.ClientId = id
		return req
	}
	c.unchanged("lobby", func() {
		for path, reqs := range map[string][]*chatv1.PostMessageRequest{
			"client_id":  {with(strings.Repeat("x", 65)), with("a\x00"), with("\n")},
			"text":       {text("lobby", ""), text("lobby", "a\x00"), text("lobby", "a\r\n"), text("lobby", strings.Repeat("x", 16<<10+1))},
			"body":       {{Room: "lobby"}},
			"data.type":  {typed("lobby", &chatv1.Data{}), typed("lobby", &chatv1.Data{Type: "é"}), typed("lobby", &chatv1.Data{Type: strings.Repeat("x", 129)})},
			"data.value": {typed("lobby", &chatv1.Data{Type: "x", Value: make([]byte, 64<<10+1)})},
		} {
			for _, req := range reqs {
				refused(c.messages.PostMessage(ana, req))(t, codes.InvalidArgument, path)
			}
		}
	})
	// At the limits it is taken.
	must(c.messages.PostMessage(ana, text("lobby", strings.Repeat("x", 16<<10))))(t)
	must(c.messages.PostMessage(ana, typed("lobby", &chatv1.Data{Type: "x", Value: make([]byte, 64<<10)})))(t)
	must(c.messages.PostMessage(ana, with(strings.Repeat("x", 64))))(t)
}

func TestARepeatedPostIsOneMessage(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, _ := c.as("ana")
	ben, _ := c.as("ben")
	req := text("lobby", "hello")
	req.ClientId = "c-1"
	first := must(c.messages.PostMessage(ana, req))(t).GetMessage()

	repeat := func() *chatv1.Message {
		var m *chatv1.Message
		c.unchanged("lobby", func() {
			resp := must(c.messages.PostMessage(ana, req))(t)
			if m = resp.GetMessage(); !resp.GetDuplicate() || m.GetSeq() != first.GetSeq() {
				t.Errorf("repeated: %v", resp)
			}
		})
		return m
	}
	if m := repeat(); !proto.Equal(m, first) {
		t.Errorf("repeated: %v", m)
	}
	other := text("lobby", "something else")
	other.ClientId = "c-1"
	sameBytes := typed("lobby", &chatv1.Data{Type: "hello", Value: []byte("hello")})
	sameBytes.ClientId = "c-1"
	c.unchanged("lobby", func() {
		refused(c.messages.PostMessage(ana, other))(t, codes.AlreadyExists, "")
		refused(c.messages.PostMessage(ana, sameBytes))(t, codes.AlreadyExists, "")
	})
	// The id is one's own, and the room's.
	elsewhere := proto.CloneOf(req)
	elsewhere.Room = "elsewhere"
	for _, resp := range []*chatv1.PostMessageResponse{
		must(c.messages.PostMessage(ben, other))(t), must(c.messages.PostMessage(ana, elsewhere))(t),
	} {
		if resp.GetDuplicate() {
			t.Errorf("not the same: %v", resp)
		}
	}
	// Without an id nothing is a repetition.
	if a, b := c.post(ana, "lobby", "x"), c.post(ana, "lobby", "x"); a.GetSeq() == b.GetSeq() {
		t.Error("two messages became one")
	}
	// A repetition shows the message as it is now.
	must(c.messages.EditMessage(ana, &chatv1.EditMessageRequest{Room: "lobby", Seq: first.GetSeq(), Text: "edited"}))(t)
	if m := repeat(); m.GetText() != "edited" {
		t.Errorf("after the edit: %v", m)
	}
	must(c.messages.DeleteMessage(ana, &chatv1.DeleteMessageRequest{Room: "lobby", Seq: first.GetSeq()}))(t)
	if m := repeat(); m.GetDeleteTime() == nil || m.GetBody() != nil {
		t.Errorf("after the deletion: %v", m)
	}
}

func TestEditMessage(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	owner, _ := c.as("ana")
	ben, _ := c.as("ben")
	c.post(owner, "lobby", "first")
	original := c.post(ben, "lobby", "helo")
	edit := func(ctx context.Context, seq uint64, text string, expected ...uint64) (*chatv1.EditMessageResponse, error) {
		req := &chatv1.EditMessageRequest{Room: "lobby", Seq: seq, Text: text}
		if len(expected) > 0 {
			req.ExpectedRev = &expected[0]
		}
		return c.messages.EditMessage(ctx, req)
	}
	m := must(edit(ben, 2, "hello"))(t).GetMessage()
	want := proto.CloneOf(original)
	want.Rev, want.EditTime, want.Body = 3, m.GetEditTime(), &chatv1.Message_Text{Text: "hello"}
	if !proto.Equal(m, want) || m.GetEditTime() == nil {
		t.Errorf("edited %v, want %v", m, want)
	}
	c.unchanged("lobby", func() {
		if again := must(edit(ben, 2, "hello"))(t).GetMessage(); !proto.Equal(again, want) {
			t.Errorf("the same text again: %v", again)
		}
		refused(edit(owner, 2, "x"))(t, codes.PermissionDenied, "")
		refused(edit(ben, 1, "x"))(t, codes.PermissionDenied, "")
		refused(edit(ben, 0, "x"))(t, codes.NotFound, "")
		refused(edit(ben, 99, "x"))(t, codes.NotFound, "")
		refused(edit(ben, 2, ""))(t, codes.InvalidArgument, "text")
		refused(edit(ben, 2, "a\x00"))(t, codes.InvalidArgument, "text")
		refused(edit(ben, 2, strings.Repeat("x", 16<<10+1)))(t, codes.InvalidArgument, "text")
		refused(edit(ben, 2, "x", 2))(t, codes.Aborted, "")
		refused(edit(ben, 2, "x", 0))(t, codes.Aborted, "")
		refused(edit(ben, 2, "x", 4))(t, codes.Aborted, "")
	})
	if m := must(edit(ben, 2, "hello!", 3))(t).GetMessage(); m.GetRev() != 4 {
		t.Errorf("as expected: %v", m)
	}
	must(c.messages.PostMessage(ben, typed("lobby", &chatv1.Data{Type: "x"})))(t)
	refused(edit(ben, 3, "x"))(t, codes.FailedPrecondition, "")
	must(c.messages.DeleteMessage(ben, &chatv1.DeleteMessageRequest{Room: "lobby", Seq: 2}))(t)
	refused(edit(ben, 2, "x"))(t, codes.FailedPrecondition, "")
}

func TestDeleteMessage(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	owner, _ := c.as("ana")
	ben, _ := c.as("ben")
	cleo, _ := c.as("cleo")
	c.post(owner, "lobby", "first")
	must(c.members.AddMember(cleo, &chatv1.AddMemberRequest{Room: "lobby"}))(t)
	remove := func(ctx context.Context, seq uint64) (*chatv1.DeleteMessageResponse, error) {
		return c.messages.DeleteMessage(ctx, &chatv1.DeleteMessageRequest{Room: "lobby", Seq: seq})
	}
	for who, ctx := range map[string]context.Context{"the sender": ben, "an owner": owner} {
		m := c.post(ben, "lobby", "secret")
		must(c.messages.AddReaction(cleo, &chatv1.AddReactionRequest{Room: "lobby", Seq: m.GetSeq(), Emoji: "👍"}))(t)
		c.unchanged("lobby", func() { refused(remove(cleo, m.GetSeq()))(t, codes.PermissionDenied, "") })

		got := must(remove(ctx, m.GetSeq()))(t).GetMessage()
		want := &chatv1.Message{
			Room: "lobby", Seq: m.GetSeq(), Rev: m.GetRev() + 2, Sender: m.GetSender(),
			CreateTime: m.GetCreateTime(), DeleteTime: got.GetDeleteTime(),
		}
		if !proto.Equal(got, want) || got.GetDeleteTime() == nil {
			t.Errorf("%s: tombstone %v, want %v", who, got, want)
		}
		c.unchanged("lobby", func() {
			for _, again := range []context.Context{ben, owner} {
				if m := must(remove(again, m.GetSeq()))(t).GetMessage(); !proto.Equal(m, want) {
					t.Errorf("again: %v", m)
				}
			}
		})
		page := must(c.messages.ListMessages(cleo, &chatv1.ListMessagesRequest{Room: "lobby", PageSize: 1}))(t).GetMessages()
		if len(page) != 1 || !proto.Equal(page[0], want) {
			t.Errorf("%s: the page shows %v", who, page)
		}
	}
	c.unchanged("lobby", func() {
		refused(remove(owner, 0))(t, codes.NotFound, "")
		refused(remove(owner, 99))(t, codes.NotFound, "")
		refused(remove(ben, 1))(t, codes.PermissionDenied, "")
	})
}

func TestReactions(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, a := c.as("ana")
	ben, b := c.as("ben")
	c.post(ana, "lobby", "hello")
	add := func(ctx context.Context, seq uint64, emoji string) (*chatv1.AddReactionResponse, error) {
		return c.messages.AddReaction(ctx, &chatv1.AddReactionRequest{Room: "lobby", Seq: seq, Emoji: emoji})
	}
	remove := func(ctx context.Context, seq uint64, emoji string) (*chatv1.RemoveReactionResponse, error) {
		return c.messages.RemoveReaction(ctx, &chatv1.RemoveReactionRequest{Room: "lobby", Seq: seq, Emoji: emoji})
	}
	type hasMessage interface{ GetMessage() *chatv1.Message }
	shows := func(resp hasMessage, rev uint64, want string) {
		t.Helper()
		var got []string
		for _, r := range resp.GetMessage().GetReactions() {
			ids := strings.NewReplacer(a.ID, "ana", b.ID, "ben").Replace(strings.Join(r.GetUserIds(), "+"))
			got = append(got, r.GetEmoji()+ids)
		}
		if s := strings.Join(got, " "); s != want || resp.GetMessage().GetRev() != rev {
			t.Errorf("got %q at rev %d, want %q at rev %d", s, resp.GetMessage().GetRev(), want, rev)
		}
	}
	shows(must(add(ben, 1, "👍"))(t), 2, "👍ben")
	shows(must(add(ana, 1, "🦜"))(t), 3, "👍ben 🦜ana")
	shows(must(add(ana, 1, "👍"))(t), 4, "👍ben+ana 🦜ana")
	c.unchanged("lobby", func() {
		shows(must(add(ana, 1, "👍"))(t), 4, "👍ben+ana 🦜ana")
		shows(must(remove(ben, 1, "🦜"))(t), 4, "👍ben+ana 🦜ana")
		shows(must(remove(ben, 1, "❤"))(t), 4, "👍ben+ana 🦜ana")
		for _, emoji := range []string{"", "a b", "\n", "\u200b", strings.Repeat("x", 33)} {
			refused(add(ben, 1, emoji))(t, codes.InvalidArgument, "emoji")
			refused(remove(ben, 1, emoji))(t, codes.InvalidArgument, "emoji")
		}
		refused(add(ben, 2, "👍"))(t, codes.NotFound, "")
		refused(remove(ben, 2, "👍"))(t, codes.NotFound, "")
	})
	shows(must(remove(ben, 1, "👍"))(t), 5, "👍ana 🦜ana")
	shows(must(remove(ana, 1, "👍"))(t), 6, "🦜ana")

	must(c.messages.DeleteMessage(ana, &chatv1.DeleteMessageRequest{Room: "lobby", Seq: 1}))(t)
	c.unchanged("lobby", func() {
		refused(add(ben, 1, "👍"))(t, codes.FailedPrecondition, "")
		shows(must(remove(ana, 1, "🦜"))(t), 7, "")
	})
}

func TestReactionsAreLimited(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, _ := c.as("ana")
	c.post(ana, "lobby", "hello")
	add := func(ctx context.Context, emoji string) (*chatv1.AddReactionResponse, error) {
		return c.messages.AddReaction(ctx, &chatv1.AddReactionRequest{Room: "lobby", Seq: 1, Emoji: emoji})
	}
	for i := range 20 {
		must(add(ana, fmt.Sprintf("e%d", i)))(t)
	}
	refused(add(ana, "e20"))(t, codes.ResourceExhausted, "")
	var wg sync.WaitGroup
	for range 480 { // 20 and 480 are 500
		ctx, _ := c.as("somebody")
		wg.Go(func() {
			if _, err := add(ctx, "e0"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	last, _ := c.as("one too many")
	c.unchanged("lobby", func() {
		refused(add(last, "e0"))(t, codes.ResourceExhausted, "")
		must(add(ana, "e0"))(t) // which is there
	})
	must(c.messages.RemoveReaction(ana, &chatv1.RemoveReactionRequest{Room: "lobby", Seq: 1, Emoji: "e0"}))(t)
	must(add(last, "e0"))(t)
}

// collect pages through a room from one end to the other and returns the seqs in rising order, with the length of the
// longest page.
func (c *calls) collect(room string, size uint32, back bool) (seqs []uint64, longest int) {
	c.tb.Helper()
	req := &chatv1.ListMessagesRequest{Room: room, PageSize: size}
	if !back {
		req.Position = &chatv1.ListMessagesRequest_AfterSeq{AfterSeq: 0}
	}
	for {
		resp := must(c.messages.ListMessages(c.context(), req))(c.tb)
		var page []uint64
		for _, m := range resp.GetMessages() {
			page = append(page, m.GetSeq())
		}
		if len(page) == 0 {
			return seqs, longest
		}
		if back {
			seqs = append(page, seqs...)
			req.Position = &chatv1.ListMessagesRequest_BeforeSeq{BeforeSeq: page[0]}
		} else {
			seqs = append(seqs, page...)
			req.Position = &chatv1.ListMessagesRequest_AfterSeq{AfterSeq: page[len(page)-1]}
		}
		longest = max(longest, len(page))
	}
}

func (c *calls) postMany(room string, n, bytes int) {
	c.tb.Helper()
	ctx, _ := c.as("ana")
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if _, err := c.messages.PostMessage(ctx, text(room, strings.Repeat("x", bytes))); err != nil {
				c.tb.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestListMessages(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	const n = 237
	c.postMany("lobby", n, 10)
	c.postMany("lobby2", 3, 10) // a neighbour whose id begins alike
	for _, size := range []struct {
		asked uint32
		page  int
	}{{0, 50}, {1, 1}, {7, 7}, {100, 100}, {101, 100}, {math.MaxUint32, 100}} {
		for _, back := range []bool{true, false} {
			seqs, longest := c.collect("lobby", size.asked, back)
			if longest != size.page || len(seqs) != n {
				t.Errorf("page_size %d, back %v: %d messages on pages of %d, want %d on pages of %d",
					size.asked, back, len(seqs), longest, n, size.page)
			}
			for i, seq := range seqs {
				if seq != uint64(i+1) {
					t.Fatalf("page_size %d, back %v: seq %d at place %d", size.asked, back, seq, i)
				}
			}
		}
	}
	for name, req := range map[string]*chatv1.ListMessagesRequest{
		"before 0":   {Position: &chatv1.ListMessagesRequest_BeforeSeq{BeforeSeq: 0}},
		"before 1":   {Position: &chatv1.ListMessagesRequest_BeforeSeq{BeforeSeq: 1}},
		"after head": {Position: &chatv1.ListMessagesRequest_AfterSeq{AfterSeq: n}},
		"after all":  {Position: &chatv1.ListMessagesRequest_AfterSeq{AfterSeq: math.MaxUint64}},
	} {
		req.Room = "lobby"
		resp := must(c.messages.ListMessages(c.context(), req))(t)
		if len(resp.GetMessages()) != 0 || resp.GetRoom().GetHeadSeq() != n || resp.GetRoom().GetHeadRev() != n || resp.GetEpoch() == "" {
			t.Errorf("%s: %d messages, room %v, epoch %q", name, len(resp.GetMessages()), resp.GetRoom(), resp.GetEpoch())
		}
	}
}

func TestAPageOfLargeMessagesIsShorter(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	const n, bytes = 40, 16 << 10
	c.postMany("lobby", n, bytes)
	for _, back := range []bool{true, false} {
		seqs, longest := c.collect("lobby", 100, back)
		if len(seqs) != n || longest < 8 || longest > 256<<10/bytes {
			t.Errorf("back %v: %d messages, up to %d on a page", back, len(seqs), longest)
		}
	}
}
