package terminal

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
)

// helpSection is a part of the help, whole on the screen if possible.
type helpSection struct {
	title string
	keys  [][2]string
}

var help = []helpSection{
	{"Write", [][2]string{
		{"Enter", "send"},
		{"Alt+Enter", "new line (also Ctrl+J)"},
		{"@name Tab", "name somebody"},
		{"Ctrl+R", "send again what was refused"},
		{"Ctrl+X", "drop what was refused"},
		{"//", "begins a message with a slash"},
	}},
	{"Messages", [][2]string{
		{"↑", "choose one (or click it), then:"},
		{"r, Enter", "reply"},
		{"e, d", "edit or delete one's own"},
		{"1 to 6, +", "react; again takes it back"},
		{"c", "copy"},
		{"Esc", "back"},
	}},
	{"Read", [][2]string{
		{"PgUp PgDn", "read back (also the wheel)"},
		{"Ctrl+End", "to the newest message"},
		{"Ctrl+F", "find: ↑ older, ↓ newer"},
	}},
	{"Rooms", [][2]string{
		{"Ctrl+K", "go to a room, or make one"},
		{"Alt+↑ Alt+↓", "the next room"},
		{"Ctrl+N", "the next with unread messages"},
	}},
	{"Commands", [][2]string{
		{"/join ROOM", "go to a room, or make one"},
		{"/rooms", "what rooms there are"},
		{"/who", "who is here"},
		{"/nick NAME", "the name that others see"},
		{"/react EMOJI", "to the newest message"},
		{"/find WORDS", "in this room"},
		{"/quit", "leave (also Ctrl+C)"},
	}},
}

// helpLines lays the help out, in two columns if they fit.
func (m *model) helpLines(width int) []string {
	var blocks []string
	for _, section := range help {
		lines := []string{m.layout.style.strong.Render("  " + section.title)}
		for _, key := range section.keys {
			lines = append(lines, "  "+pad(key[0], 13)+m.layout.style.faint.Render(key[1]))
		}
		blocks = append(blocks, strings.Join(append(lines, ""), "\n"))
	}
	left, right := strings.Join(blocks[:3], "\n"), strings.Join(blocks[3:], "\n")
	if lipgloss.Width(left)+lipgloss.Width(right) > width {
		return strings.Split(left+"\n"+right, "\n")
	}
	return strings.Split(lipgloss.JoinHorizontal(lipgloss.Top, left, right), "\n")
}

// pressHelping scrolls the help; any other key closes it, and what it types is typed.
func (m *model) pressHelping(key tea.KeyPressMsg) tea.Cmd {
	switch key.String() {
	case "up":
		m.helpTop = max(m.helpTop-1, 0)
	case "down":
		m.helpTop++
	default:
		m.write()
		if key.Text != "" {
			return m.pressWriting(key)
		}
	}
	return nil
}

// pad fills text up to a width.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(width-lipgloss.Width(text), 1))
}
