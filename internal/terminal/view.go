package terminal

import (
	"math"
	"strconv"
	"strings"

	"charm.land/bubbles/v2/textarea"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/rialto-rpc/rialto/client"
)

// maxInputHeight is how many lines of a message are seen while it is written, in a terminal that has room for them.
const maxInputHeight = 5

// setDark chooses colours for a dark or a light terminal.
func (m *model) setDark(dark bool) {
	m.layout.style = newStyle(dark)
	m.layout.bodies = nil
	styles := textarea.DefaultStyles(dark)
	styles.Focused.CursorLine = lipgloss.NewStyle() // no bar behind the one line there is
	styles.Focused.Prompt = m.layout.style.faint
	m.input.SetStyles(styles)
	m.relayout()
}

func (m *model) resize(width, height int) {
	m.layout.width, m.height = width, height
	m.input.MaxHeight = min(max(height/2, 1), maxInputHeight)
	m.input.SetWidth(width)
	m.relayout()
}

// relayout lays out the scrollback again, in the rows that the rest leaves.
func (m *model) relayout() {
	l := &m.layout
	l.rows = m.fit().scrollback
	l.set(l.arrange(&m.timeline, m.chat.User(), m.now, m.options.Local))
}

// parts is how many lines each part of the screen has, the input aside.
type parts struct{ header, scrollback, notice, typing, status int }

// fit shares the terminal's lines out: first to the input, then to a line of the scrollback, and then as they matter.
func (m *model) fit() parts {
	left := m.height - m.input.Height()
	take := func(lines int) int {
		lines = min(lines, max(left, 0))
		left -= lines
		return lines
	}
	scrollback := take(1)
	p := parts{notice: take(len(m.noticeLines())), status: take(1), header: take(1), typing: take(1)}
	p.scrollback = scrollback + max(left, 0)
	return p
}

// View draws the screen: header, scrollback, notice, typing, connection, input.
func (m *model) View() tea.View {
	var view tea.View
	view.AltScreen, view.ReportFocus, view.MouseMode = true, true, tea.MouseModeCellMotion
	view.WindowTitle = "rialto " + m.roomName()
	if m.layout.width == 0 {
		return view
	}
	parts := m.fit()
	seen := m.layout.seen()
	var lines []string
	if parts.header > 0 {
		lines = append(lines, m.header())
	}
	for range m.layout.rows - len(seen) {
		lines = append(lines, "")
	}
	for _, row := range seen {
		lines = append(lines, row.text)
	}
	lines = append(lines, m.noticeLines()[:parts.notice]...)
	if parts.typing > 0 {
		lines = append(lines, m.typingLine())
	}
	if parts.status > 0 {
		lines = append(lines, m.statusLine())
	}
	for i, line := range lines {
		lines[i] = lipgloss.NewStyle().MaxWidth(m.layout.width).Render(line)
	}
	if cursor := m.input.Cursor(); cursor != nil && !m.quitting {
		cursor.Y += len(lines)
		view.Cursor = cursor
	}
	view.SetContent(strings.Join(append(lines, m.input.View()), "\n"))
	return view
}

func (m *model) roomName() string {
	if m.room == nil {
		return CleanLine(m.joining)
	}
	return m.room.ID()
}

func (m *model) header() string {
	left := " " + m.roomName()
	if m.room != nil {
		if title := m.room.Info().GetTitle(); title != "" {
			left += "  " + CleanLine(title)
		}
	}
	right := ""
	if m.online > 0 {
		right = count(int(m.online)) + " here "
	}
	return m.layout.style.header.Render(spread(left, right, m.layout.width))
}

// noticeLines leaves at least a little of the scrollback in sight.
func (m *model) noticeLines() []string {
	var lines []string
	for _, line := range m.notice {
		lines = append(lines, m.layout.wrap(m.layout.style.faint.Render(CleanLine(line)))...)
	}
	return lines[:min(len(lines), max(m.height-6, 1))]
}

func (m *model) typingLine() string {
	var names []string
	for _, t := range m.typists {
		names = append(names, CleanLine(t.name))
	}
	text := ""
	switch n := len(names); n {
	case 0:
	case 1:
		text = names[0] + " is typing…"
	case 2, 3:
		text = strings.Join(names[:n-1], ", ") + " and " + names[n-1] + " are typing…"
	default:
		text = count(n) + " people are typing…"
	}
	return m.layout.style.faint.Render("  " + text)
}

// statusLine says how the connection is, and what is not in sight.
func (m *model) statusLine() string {
	s := m.layout.style
	left := s.bad.Render("○ ") + s.faint.Render(m.connectionText())
	if m.state.Phase == client.Live {
		left = s.good.Render("● ") + s.faint.Render(m.connectionText())
	}
	right := "/help "
	switch failed, unseen := len(m.timeline.failed()), m.layout.unseen(); {
	case failed > 0:
		right = s.bad.Render(count(failed)+" not sent") + s.faint.Render(", Ctrl+R retries ")
	case m.paging:
		right = s.faint.Render("loading older messages… ")
	case m.atStart && !m.layout.following() && m.layout.scrolledToTop():
		right = s.faint.Render("the beginning of " + m.roomName() + " ")
	case !m.layout.following() && unseen > 0:
		right = s.strong.Render("↓ "+count(unseen)+" below") + s.faint.Render(" (Ctrl+End) ")
	default:
		right = s.faint.Render(right)
	}
	return spread(left, right, m.layout.width)
}

func (m *model) connectionText() string {
	server := CleanLine(m.options.Server)
	switch m.state.Phase {
	case client.Live:
		if m.joining != "" {
			return "joining " + CleanLine(m.joining) + "…"
		}
		return "live as " + CleanLine(m.chat.User().GetDisplayName()) + " at " + server
	case client.CatchingUp:
		return "catching up…"
	case client.Waiting:
		wait := max(int(math.Ceil(m.state.RetryAt.Sub(m.now).Seconds())), 0)
		return "reconnecting to " + server + " in " + count(wait) + " s: " + CleanLine(reason(m.state.Err))
	case client.Closed:
		if m.state.Err != nil {
			return "over: " + CleanLine(reason(m.state.Err))
		}
		return "over"
	default:
		if m.state.Err != nil {
			return "connecting to " + server + " again: " + CleanLine(reason(m.state.Err))
		}
		return "connecting to " + server + "…"
	}
}

// spread puts left and right at the ends of a line; right gives way first.
func spread(left, right string, width int) string {
	gap := width - lipgloss.Width(left) - lipgloss.Width(right)
	if gap < 1 {
		return lipgloss.NewStyle().MaxWidth(width).Render(left)
	}
	return left + strings.Repeat(" ", gap) + right
}

func count(n int) string { return strconv.Itoa(n) }
