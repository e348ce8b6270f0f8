package terminal

import (
	"slices"
	"strconv"
	"strings"

	"charm.land/bubbles/v2/textarea"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
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
	m.width, m.height = width, height
	m.layout.width = width - m.sidebarColumns()
	m.input.MaxHeight = min(max(height/2, 1), maxInputHeight)
	m.input.SetWidth(m.layout.width)
	m.relayout()
}

// sidebarColumns is how much of the width the list of rooms takes, if there is space for it.
func (m *model) sidebarColumns() int {
	if m.width < sidebarFrom {
		return 0
	}
	return sidebarWidth + 2
}

// mainLeft is the column where the conversation begins. The help and lists have the whole width.
func (m *model) mainLeft() int {
	if m.mode == helping || m.mode == listing {
		return 0
	}
	return m.sidebarColumns()
}

func (m *model) mainWidth() int { return m.width - m.mainLeft() }

// relayout lays out the scrollback again, in the rows that the rest leaves.
func (m *model) relayout() {
	l := &m.layout
	l.rows = m.fit().scrollback
	l.set(l.arrange(&m.timeline, setting{m.chat.User(), m.now, m.options.Local, m.newAfter, m.blocked}))
}

// parts is how many lines each part of the screen has, the input aside.
type parts struct{ header, scrollback, notice, banner, typing, status int }

// fit shares the terminal's lines out: first to the input, then to a line of the scrollback, and then as they matter.
func (m *model) fit() parts {
	left := m.height - m.inputHeight()
	take := func(lines int) int {
		lines = min(lines, max(left, 0))
		left -= lines
		return lines
	}
	scrollback := take(1)
	p := parts{notice: take(len(m.noticeLines()))}
	if m.composing.subject() > 0 {
		p.banner = take(1)
	}
	p.status, p.header, p.typing = take(1), take(1), take(1)
	p.scrollback = scrollback + max(left, 0)
	return p
}

// inputHeight is how many lines the input has: a field where there is one, otherwise the message that is written.
func (m *model) inputHeight() int {
	if m.mode == finding || m.mode == switching {
		return 1
	}
	return m.input.Height()
}

// View draws the screen: header, rooms, scrollback, notice, typing, connection, input.
func (m *model) View() tea.View {
	var view tea.View
	view.AltScreen, view.ReportFocus, view.MouseMode = true, true, tea.MouseModeCellMotion
	view.WindowTitle = m.unreadElsewhere() + "rialto " + m.roomLabel()
	if m.width == 0 {
		return view
	}
	parts := m.fit()
	lines := m.scrollbackLines()
	lines = append(lines, m.noticeLines()[:parts.notice]...)
	if parts.banner > 0 {
		lines = append(lines, m.banner())
	}
	if parts.typing > 0 {
		lines = append(lines, m.typingLine())
	}
	if parts.status > 0 {
		lines = append(lines, m.statusLine())
	}
	for i, line := range lines {
		lines[i] = lipgloss.NewStyle().MaxWidth(m.mainWidth()).Render(line)
	}
	input, cursor := m.inputView()
	if cursor != nil && !m.quitting {
		cursor.Y += parts.header + len(lines)
		cursor.X += m.mainLeft()
		view.Cursor = cursor
	}
	lines = m.besideRooms(append(lines, strings.Split(input, "\n")...))
	if parts.header > 0 {
		lines = append([]string{m.header()}, lines...)
	}
	view.SetContent(strings.Join(lines, "\n"))
	return view
}

// scrollbackLines are the messages that are seen, or what is shown in their place.
func (m *model) scrollbackLines() []string {
	var lines []string
	switch m.mode {
	case helping:
		lines = m.panelPart(m.helpLines(m.mainWidth()))
	case listing:
		lines = m.panelPart(m.panelLines())
	case switching:
		lines = m.switcherLines(m.layout.rows, m.layout.width)
	default:
		seen := m.layout.seen()
		lines = make([]string, m.layout.rows-len(seen), m.layout.rows)
		for _, row := range seen {
			lines = append(lines, m.rowText(row))
		}
	}
	for len(lines) < m.layout.rows {
		lines = append(lines, "")
	}
	return lines
}

// panelPart is what is seen of the lines of the help or a list.
func (m *model) panelPart(all []string) []string {
	m.panelTop = min(m.panelTop, max(len(all)-m.layout.rows, 0))
	return all[m.panelTop:min(m.panelTop+m.layout.rows, len(all))]
}

// rowText is a row as it is seen now: with a bar if its message is chosen, found, or about this user.
func (m *model) rowText(r row) string {
	switch {
	case r.seq == 0 || !r.body:
		return r.text
	case m.mode == choosing && r.seq == m.chosen, m.mode == finding && r.seq == m.search.at:
		return m.layout.style.bar.Render("▌") + m.highlight(r.text[1:])
	case slices.Contains(m.timeline.get(r.seq).GetMentions(), m.chat.User().GetId()):
		return m.layout.style.bad.Render("▎") + m.highlight(r.text[1:])
	default:
		return m.highlight(r.text)
	}
}

// inputView is the input with its cursor.
func (m *model) inputView() (string, *tea.Cursor) {
	prompt, text := "", ""
	switch m.mode {
	case finding:
		prompt, text = "find: ", m.search.query.text
	case switching:
		prompt, text = "go to: ", m.switcher.query.text
	case choosing, helping, listing:
		return m.input.View(), nil
	default:
		return m.input.View(), m.input.Cursor()
	}
	text = ansi.TruncateLeft(CleanLine(text), max(ansi.StringWidth(CleanLine(text))-m.layout.width+len(prompt)+1, 0), "")
	line := m.layout.style.faint.Render(prompt) + text
	return ansi.Truncate(line, m.layout.width, ""), tea.NewCursor(min(len(prompt)+ansi.StringWidth(text), max(m.layout.width-1, 0)), 0)
}

// besideRooms puts the list of rooms beside lines, if there is space for it.
func (m *model) besideRooms(lines []string) []string {
	if m.mainLeft() == 0 {
		return lines
	}
	rooms, _ := m.sidebar(len(lines))
	edge := m.layout.style.faint.Render("│ ")
	for i := range lines {
		lines[i] = rooms[i] + edge + lines[i]
	}
	return lines
}

func (m *model) roomName() string {
	if m.room == nil {
		return CleanLine(m.joining)
	}
	return m.room.ID()
}

// roomLabel is what the present room is called.
func (m *model) roomLabel() string { return CleanLine(m.called(m.roomName())) }

// header says which room this is, what it is about, and how things stand in it.
func (m *model) header() string {
	left, right := " "+m.roomLabel(), ""
	if m.room != nil {
		info := m.room.Info()
		if info.GetTitle() != "" {
			left += "  #" + m.room.ID()
		}
		if topic, _, _ := strings.Cut(info.GetTopic(), "\n"); topic != "" {
			left += " · " + CleanLine(topic)
		}
		right = strings.Join(m.standing(info), " · ") + " "
	}
	return m.layout.style.header.Render(spread(left, right, m.width))
}

// standing says how things stand in the room: what kind it is, what this user is there, and who is here.
func (m *model) standing(info *chatv1.Room) (parts []string) {
	entry := m.list.feed.Room(info.GetId())
	if n := int(entry.GetRequests()); n > 0 {
		parts = append(parts, count(n)+" ask to come in: /requests")
	}
	if info.GetArchiveTime() != nil {
		parts = append(parts, "archived")
	}
	if info.GetKind() == chatv1.RoomKind_ROOM_KIND_PRIVATE {
		parts = append(parts, "private")
	}
	if role := entry.GetMember().GetRole(); role >= chatv1.Role_ROLE_MODERATOR {
		parts = append(parts, roleName(role))
	}
	if m.online > 0 {
		parts = append(parts, count(int(m.online))+" here")
	}
	return parts
}

// noticeLines leaves at least a little of the scrollback in sight.
func (m *model) noticeLines() []string {
	var lines []string
	for _, line := range m.notice {
		lines = append(lines, m.layout.wrap(m.layout.style.faint.Render(CleanLine(line)))...)
	}
	return lines[:min(len(lines), max(m.height-6, 1))]
}

func count(n int) string { return strconv.Itoa(n) }
