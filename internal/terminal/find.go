package terminal

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// search is a search in the room's messages, from the newest to the oldest; older pages are fetched as it comes to them.
type search struct {
	query field
	at    uint64 // the match that is shown; 0: none yet
	older bool   // waits for a page to go on in
	over  bool   // nothing older matches
}

// find begins a search.
func (m *model) find(query string) {
	m.mode, m.search = finding, search{query: field{query}}
	m.relayout()
}

// pressFinding takes a key during a search.
func (m *model) pressFinding(key tea.KeyPressMsg) tea.Cmd {
	s := &m.search
	switch key.String() {
	case "esc":
		m.write()
		return nil
	case "enter", "up", "ctrl+f":
		return m.findOlder()
	case "down":
		m.findNewer()
		return nil
	}
	if !s.query.press(key) {
		return nil
	}
	return m.refind()
}

// refind searches afresh for what the query is now.
func (m *model) refind() tea.Cmd {
	m.search = search{query: m.search.query}
	m.relayout()
	return m.findOlder()
}

// findOlder goes to the next older match, if there is one.
func (m *model) findOlder() tea.Cmd {
	s := &m.search
	s.older, s.over = false, false
	if s.query.text == "" || m.room == nil {
		return nil
	}
	for i := len(m.timeline.messages) - 1; i >= 0; i-- {
		if message := m.timeline.messages[i]; (s.at == 0 || message.GetSeq() < s.at) && matches(message, s.query.text) {
			s.at = message.GetSeq()
			m.layout.show(s.at)
			m.relayout()
			return nil
		}
	}
	fetch := m.fetchPage()
	s.older = fetch != nil || m.paging
	s.over = !s.older
	m.relayout()
	return fetch
}

func (m *model) findNewer() {
	s := &m.search
	s.older, s.over = false, false
	for _, message := range m.timeline.messages {
		if message.GetSeq() > s.at && s.at > 0 && matches(message, s.query.text) {
			s.at = message.GetSeq()
			m.layout.show(s.at)
			m.relayout()
			return
		}
	}
}

// matches reports whether a message has what is searched for, in whatever case, in its text or its sender's name.
func matches(m *chatv1.Message, query string) bool {
	query = strings.ToLower(query)
	return strings.Contains(strings.ToLower(m.GetText()), query) ||
		strings.Contains(strings.ToLower(m.GetSender().GetDisplayName()), query)
}

// findingHint says how the search stands.
func (m *model) findingHint() string {
	s := m.search
	switch {
	case s.query.text == "":
		return "type what to look for  Esc back"
	case s.older:
		return "looking through older messages…"
	case s.over && s.at == 0:
		return "nothing in this room  Esc back"
	case s.over:
		return "nothing older  ↓ newer  Esc back"
	default:
		return "↑ older  ↓ newer  Esc back"
	}
}

// highlight marks what is searched for in a line that is seen.
func (m *model) highlight(line string) string {
	query := strings.ToLower(m.search.query.text)
	if m.mode != finding || query == "" {
		return line
	}
	plain := strings.ToLower(ansi.Strip(line))
	var ranges []lipgloss.Range
	for from := 0; ; {
		i := strings.Index(plain[from:], query)
		if i < 0 {
			break
		}
		begin := ansi.StringWidth(plain[:from+i])
		ranges = append(ranges, lipgloss.NewRange(begin, begin+ansi.StringWidth(query), m.layout.style.match))
		from += i + len(query)
	}
	if len(ranges) == 0 {
		return line
	}
	return lipgloss.StyleRanges(line, ranges...)
}
