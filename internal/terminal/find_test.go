package terminal

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

var ctrlF = tea.KeyPressMsg{Code: 'f', Mod: tea.ModCtrl}

func TestFinding(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	var newest []*chatv1.Message
	for seq := uint64(11); seq <= 60; seq++ {
		text := fmt.Sprint("message ", seq)
		if seq == 20 || seq == 50 {
			text += " about the 世界 ÉCLAIR of Tuesday"
		}
		newest = append(newest, said(ben, seq, noon, text))
	}
	s.event(snapshot(newest...))
	s.run(ctrlF)
	s.typed("éclair")
	s.shows("▌ message 50", "find: éclair", "↑ older")
	if !strings.Contains(s.model.View().Content, s.model.layout.style.match.Render("ÉCLAIR")) {
		t.Errorf("the match is not marked:\n%q", s.model.View().Content)
	}
	s.golden("finding")
	s.run(up)
	s.shows("▌ message 20")
	s.run(down)
	s.shows("▌ message 50")
	s.run(down) // none is newer
	s.shows("▌ message 50")

	// Older pages are fetched as the search comes to them; here, in vain.
	s.run(up, up)
	if len(s.room.asked) != 1 || s.room.asked[0] != 11 {
		t.Errorf("asked for pages before %v", s.room.asked)
	}
	s.shows("nothing older")
	s.run(escape)
	if s.model.mode != writing || strings.Contains(s.frame(), "find:") {
		t.Errorf("still there:\n%s", s.frame())
	}

	s.typed("/find old")
	s.run(enter)
	s.shows("▌ old")
	s.send(tea.PasteMsg{Content: "er\nthan that"})
	s.shows("find: older than that", "nothing in this room")
	s.run(tea.KeyPressMsg{Code: 'u', Mod: tea.ModCtrl})
	s.shows("type what to look for")
	s.typed(strings.Repeat("long ", 60))
	if n := len(s.model.search.query.text); n > maxFieldBytes {
		t.Errorf("a query of %d bytes", n)
	}
}

func TestFindingWaitsForAPage(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ben, 40, noon, "new")))
	s.run(ctrlF)
	var fetch tea.Cmd
	for _, r := range "old" {
		if cmd := s.send(stroke(r)); cmd != nil {
			fetch = cmd
		}
	}
	s.shows("looking through older messages…")
	s.send(fetch())
	s.shows("▌ old")
	if s.model.search.at != 39 {
		t.Errorf("found %d", s.model.search.at)
	}
}
