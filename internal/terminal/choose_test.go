package terminal

import (
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// run sends a key and runs what comes of it.
func (s *screen) run(keys ...tea.KeyPressMsg) {
	for _, key := range keys {
		for _, message := range batch(s.send(key)) {
			s.send(message)
		}
	}
}

func stroke(code rune) tea.KeyPressMsg { return tea.KeyPressMsg{Code: code, Text: string(code)} }

var (
	up     = tea.KeyPressMsg{Code: tea.KeyUp}
	down   = tea.KeyPressMsg{Code: tea.KeyDown}
	enter  = tea.KeyPressMsg{Code: tea.KeyEnter}
	escape = tea.KeyPressMsg{Code: tea.KeyEscape}
)

func (s *screen) shows(wants ...string) {
	s.t.Helper()
	for _, want := range wants {
		if frame := s.frame(); !strings.Contains(frame, want) {
			s.t.Errorf("no %q in\n%s", want, frame)
		}
	}
}

func (s *screen) did(want ...string) {
	s.t.Helper()
	if !slices.Equal(s.room.did, want) {
		s.t.Errorf("did %q, want %q", s.room.did, want)
	}
	s.room.did = nil
}

func TestAMessageIsChosen(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ben, 1, noon, "one"), said(ana, 2, noon, "two"), said(ben, 3, noon, "three")))
	s.run(up)
	s.shows("▌ three", "r reply  1👍")
	s.run(up)
	s.shows("▌ two", "e edit  d delete")
	s.run(up, up, up) // the first is the last
	s.shows("▌ one")
	s.run(down, down, down)
	if strings.Contains(s.frame(), "▌") || s.model.mode != writing {
		t.Errorf("below the newest is the input:\n%s", s.frame())
	}
	s.typed("not empty")
	s.run(up)
	if s.model.mode != writing {
		t.Error("↑ in a message left it")
	}
	for range "not empty" {
		s.run(tea.KeyPressMsg{Code: tea.KeyBackspace})
	}
	s.run(up)
	s.golden("choosing")

	// A click chooses, too; one on a heading the message below it.
	for y, line := range strings.Split(s.frame(), "\n") {
		if strings.Contains(line, "one") {
			s.send(tea.MouseClickMsg{X: 5, Y: y, Button: tea.MouseLeft})
		}
	}
	s.shows("▌ one")
	s.send(tea.MouseClickMsg{X: 5, Y: 0, Button: tea.MouseLeft}) // nothing there
	s.send(tea.MouseClickMsg{X: 5, Y: 19, Button: tea.MouseLeft})
	s.shows("▌ one")
}

func TestReplies(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.room.users = []*chatv1.User{ana, ben}
	s.event(snapshot(said(ben, 1, noon, "who comes?"), said(ben, 2, noon, "anybody?")))
	s.run(up, up, stroke('r'))
	s.shows("replying to ben: who comes?")
	s.run(escape)
	if strings.Contains(s.frame(), "replying") {
		t.Errorf("still replying:\n%s", s.frame())
	}
	s.run(up, up, stroke('r'))
	s.typed("me, @b")
	s.run(tea.KeyPressMsg{Code: tea.KeyTab}) // completes ben
	s.typed("and not @benedict")
	s.send(s.typed("", tea.KeyEnter)())
	post := s.chat.posts[0]
	if post.replyTo != 1 || !slices.Equal(post.mentions, []string{ben.Id}) || post.text != "me, @ben and not @benedict" {
		t.Errorf("posted %+v", post)
	}
	s.shows("╭ ben: who comes?", "… sending")

	answer := said(ana, 3, noon, "me, @ben and not @benedict")
	answer.ReplyTo, answer.ClientId = 1, post.clientID
	s.event(posted(answer))
	s.shows("1 reply")
	about := said(ben, 4, noon, "@ana, good")
	about.ReplyTo, about.Mentions = 900, []string{ana.Id}
	s.event(posted(about))
	s.golden("replies")
}

func TestEdits(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ana, 1, noon, "helo"), said(ben, 2, noon, "hello")))
	s.run(up, stroke('e'))
	s.shows("only one's own messages can be edited")
	s.run(up, stroke('e'))
	s.shows("editing", "> helo")
	s.run(escape)
	if s.model.input.Value() != "" {
		t.Errorf("the input is %q", s.model.input.Value())
	}
	s.run(up, up, stroke('e'))
	s.typed(" all")
	s.run(enter)
	s.did("edit 1 helo all [[]]")
	if len(s.chat.posts) != 0 || s.model.input.Value() != "" {
		t.Errorf("posts %v, input %q", s.chat.posts, s.model.input.Value())
	}
	s.room.fails = status.Error(codes.FailedPrecondition, "it is deleted")
	s.run(up, up, stroke('e'), enter)
	s.shows("not edited: it is deleted")
}

func TestDeletesOnlyWhenAskedTwice(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ana, 1, noon, "regretted")))
	s.run(up, stroke('d'))
	s.shows("d once more deletes it for everybody")
	s.run(stroke('k'), stroke('d')) // something else in between
	s.did()
	s.run(stroke('d'))
	s.did("delete 1")
	gone := said(ana, 1, noon, "")
	gone.Rev, gone.Body, gone.DeleteTime = 2, nil, timestamppb.New(noon)
	s.event(&chatv1.Event{Room: "lobby", Rev: 2, Kind: &chatv1.Event_Deleted{Deleted: gone}})
	s.run(up, stroke('d'), stroke('d'), stroke('e'), stroke('r'))
	s.did()
	s.shows("(deleted)")
}

func TestReactions(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	mine := said(ben, 1, noon, "good news")
	mine.Reactions = []*chatv1.Reaction{{Emoji: "🎉", UserIds: []string{ana.Id, ben.Id}}}
	s.event(snapshot(mine, said(ben, 2, noon, "more")))
	s.run(up, up, stroke('1'), stroke('4'))
	s.did("react 1 👍", "unreact 1 🎉")
	s.run(stroke('+'))
	s.shows("an emoji for ben: good news")
	s.run(escape)
	if s.model.composing.subject() != 0 {
		t.Error("still waiting for an emoji")
	}
	s.run(up, up, stroke('+'))
	s.typed("🦆")
	s.run(enter)
	s.did("react 1 🦆")
	s.typed("/react 🐢")
	s.run(enter)
	s.did("react 2 🐢") // the newest
	s.room.fails = status.Error(codes.ResourceExhausted, "20 kinds are there")
	s.run(up, stroke('1'))
	s.shows("no reaction: 20 kinds are there")
}

func TestCopying(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ben, 1, noon, "good news")))
	s.run(up)
	if s.send(stroke('c')) == nil {
		t.Error("nothing was copied")
	}
	s.shows("copied")
}
