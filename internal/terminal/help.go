package terminal

import (
	"slices"
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
}

// helpLines lays the help out, in as many columns as fit.
func (m *model) helpLines(width int) []string {
	blocks := m.helpBlocks()
	for columns := 3; columns > 1; columns-- {
		lines := inColumns(blocks, columns)
		if lipgloss.Width(lines) <= width {
			return strings.Split(lines, "\n")
		}
	}
	return strings.Split(strings.Join(blocks, "\n"), "\n")
}

// helpBlocks are the sections: keys, then commands.
func (m *model) helpBlocks() []string {
	sections := slices.Clone(help)
	for _, section := range slashes() {
		s := helpSection{title: section.title}
		for _, command := range section.commands {
			s.keys = append(s.keys, [2]string{strings.TrimSpace("/" + command.name + " " + command.takes), command.does})
		}
		sections = append(sections, s)
	}
	var blocks []string
	for _, section := range sections {
		keyWidth := 12
		for _, key := range section.keys {
			keyWidth = max(keyWidth, lipgloss.Width(key[0]))
		}
		lines := []string{m.layout.style.strong.Render("  " + section.title)}
		for _, key := range section.keys {
			lines = append(lines, "  "+pad(key[0], keyWidth+1)+m.layout.style.faint.Render(key[1]))
		}
		blocks = append(blocks, strings.Join(append(lines, ""), "\n"))
	}
	return blocks
}

// inColumns puts blocks beside one another, in their order, in columns of about the same height.
func inColumns(blocks []string, columns int) string {
	total := strings.Count(strings.Join(blocks, "\n"), "\n")
	var filled []string
	column := ""
	for _, block := range blocks {
		if column != "" && len(filled) < columns-1 && strings.Count(column+block, "\n") > total/columns+1 {
			filled, column = append(filled, column), ""
		}
		if column != "" {
			column += "\n"
		}
		column += block
	}
	return lipgloss.JoinHorizontal(lipgloss.Top, append(filled, column)...)
}

func (m *model) openHelp() {
	m.mode, m.panelTop = helping, 0
	m.relayout()
}

// pressPanel scrolls the help or a list; any other key closes it, and what it types is typed.
func (m *model) pressPanel(key tea.KeyPressMsg) tea.Cmd {
	switch key.String() {
	case "up":
		m.panelTop = max(m.panelTop-1, 0)
	case "down":
		m.panelTop++ // drawing it finds the end
	case "pgup":
		m.panelTop = max(m.panelTop-m.layout.rows, 0)
	case "pgdown":
		m.panelTop += m.layout.rows
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
