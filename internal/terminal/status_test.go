package terminal

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// line returns the line of the screen that contains one of these.
func (s *screen) line(marks ...string) string {
	for line := range strings.Lines(s.frame()) {
		for _, mark := range marks {
			if strings.Contains(line, mark) {
				return strings.TrimSuffix(line, "\n")
			}
		}
	}
	return ""
}

// Whatever the width, the line of the connection says whole words: less of them, the narrower it is.
func TestTheStatusLineFitsAnyWidth(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.chat.user = &chatv1.User{Id: "guest-ana", DisplayName: "ana-with-quite-a-long-name"}
	s.model.options.Server = "wss://chat.somewhere.example.com"
	for width, want := range map[int]string{
		120: "● live as ana-with-quite-a-long-name at wss://chat.somewhere.example.com              F1 help",
		84:  "● live as ana-with-quite-a-long-name              F1 help",
		60:  "● live as ana-with-quite-a-long-name                F1 help",
		40:  "● live as ana-with-quite-a-lon… F1 help",
		20:  "● live      F1 help",
		12:  "● live",
	} {
		s.send(tea.WindowSizeMsg{Width: width, Height: 20})
		line := s.line("●")
		if _, beside, wide := strings.Cut(line, "│ "); wide {
			line = beside
		}
		if line != want {
			t.Errorf("at %d columns %q, want %q", width, line, want)
		}
	}
	s.send(stateMsg{
		Phase: client.Waiting, RetryAt: noon.Add(3 * time.Second),
		Err: status.Error(codes.Unavailable, "dial tcp: connection refused"),
	})
	for width, want := range map[int]string{
		60: "○ reconnecting in 3 s: dial tcp: connection refused F1 help",
		45: "○ reconnecting in 3 s: dial tcp: co… F1 help",
		36: "○ reconnecting in 3 s       F1 help",
		28: "○ reconnecting in 3 s",
	} {
		s.send(tea.WindowSizeMsg{Width: width, Height: 20})
		if line := s.line("○"); line != want {
			t.Errorf("at %d columns %q, want %q", width, line, want)
		}
	}
	for width := 1; width < 140; width++ {
		s.send(tea.WindowSizeMsg{Width: width, Height: 20})
		for line := range strings.Lines(s.frame()) {
			if ansi.StringWidth(strings.TrimSuffix(line, "\n")) > max(width, 4) {
				t.Errorf("at %d columns there is %q", width, line)
			}
		}
	}
}

// The keys for a chosen message are whole ones, and the way back is always among them.
func TestHintsFitAnyWidth(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ana, 1, noon, "hello")))
	s.run(up)
	for width, want := range map[int]string{
		110: "r reply  e edit  d delete  1👍 2❤️ 3😂 4🎉 5👀 6✅  + other  c copy  Esc back",
		84:  "r reply  e edit  d delete  + other  c copy  Esc back",
		40:  "r reply  e edit  d delete  Esc back",
		24:  "r reply  Esc back",
	} {
		s.send(tea.WindowSizeMsg{Width: width, Height: 20})
		if line := s.line("Esc back"); !strings.HasSuffix(line, "  "+want) {
			t.Errorf("at %d columns %q, want %q", width, line, want)
		}
	}
}
