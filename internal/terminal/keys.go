package terminal

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

// mode says what the keys are for.
type mode int

const (
	writing   mode = iota // a message
	choosing              // a message to do something with
	finding               // words in the room
	switching             // to another room
	helping               // the help is shown
	listing               // a list is shown
)

// write goes back to writing.
func (m *model) write() {
	m.mode, m.panelTop = writing, 0
	m.relayout()
}

// press takes a key.
func (m *model) press(key tea.KeyPressMsg) tea.Cmd {
	if cmd, taken := m.pressAnywhere(key); taken {
		return cmd
	}
	switch m.mode {
	case choosing:
		return m.pressChoosing(key)
	case finding:
		return m.pressFinding(key)
	case switching:
		return m.pressSwitching(key)
	case helping, listing:
		return m.pressPanel(key)
	default:
		return m.pressWriting(key)
	}
}

// pressAnywhere takes the keys that mean the same whatever is going on.
func (m *model) pressAnywhere(key tea.KeyPressMsg) (cmd tea.Cmd, taken bool) {
	switch key.String() {
	case "ctrl+c":
		return m.quit(), true
	case "f1":
		m.openHelp()
		return nil, true
	case "alt+up":
		return m.neighbour(-1), true
	case "alt+down":
		return m.neighbour(1), true
	case "ctrl+n":
		return m.nextUnread(), true
	}
	if m.mode == switching || m.mode == helping || m.mode == listing {
		return nil, false
	}
	return m.pressScrolling(key)
}

func (m *model) pressScrolling(key tea.KeyPressMsg) (cmd tea.Cmd, taken bool) {
	switch key.String() {
	case "pgup":
		return m.scroll(max(m.layout.rows-1, 1)), true
	case "pgdown":
		return m.scroll(-max(m.layout.rows-1, 1)), true
	case "shift+up":
		return m.scroll(1), true
	case "shift+down":
		return m.scroll(-1), true
	case "ctrl+end":
		m.layout.follow()
		m.relayout()
		m.markRead()
		return nil, true
	}
	return nil, false
}

// pressWriting takes a key while a message is written.
func (m *model) pressWriting(key tea.KeyPressMsg) tea.Cmd {
	switch key.String() {
	case "esc":
		if !m.dropComposing() {
			m.dropNotice()
		}
		return nil
	case "enter":
		return m.enter()
	case "up":
		if last := m.timeline.last(); m.input.Value() == "" && last > 0 {
			m.choose(last)
			return nil
		}
	case "tab":
		m.complete()
		return nil
	case "ctrl+k":
		return m.switchRooms()
	case "ctrl+f":
		m.find("")
		return nil
	case "ctrl+r":
		return m.retry()
	case "ctrl+x":
		m.discard()
		return nil
	}
	return m.updateInput(key)
}

// scroll moves the view up by lines, and fetches older messages in time.
func (m *model) scroll(lines int) tea.Cmd {
	top := m.layout.scroll(lines)
	m.markRead()
	if top {
		return m.fetchPage()
	}
	return nil
}

// updateInput edits the line. Its height follows its content.
func (m *model) updateInput(msg tea.Msg) tea.Cmd {
	before, height := m.input.Value(), m.input.Height()
	var cmd tea.Cmd
	m.input, cmd = m.input.Update(msg)
	if m.input.Height() != height {
		m.relayout()
	}
	if text := m.input.Value(); text != before && m.room != nil {
		m.room.Typing(text != "" && !strings.HasPrefix(text, "/"))
	}
	return cmd
}

// enter sends the line, or obeys it.
func (m *model) enter() tea.Cmd {
	text := strings.TrimSpace(m.input.Value())
	if text == "" {
		return nil
	}
	m.input.Reset()
	m.notice, m.dropAt = nil, time.Time{}
	m.warned = m.warned && text == "/quit" // which may be said twice
	m.layout.follow()
	defer m.relayout()
	if command, isCommand := strings.CutPrefix(text, "/"); isCommand && !strings.HasPrefix(command, "/") {
		return m.command(command)
	}
	if m.room == nil {
		m.input.SetValue(text)
		m.say("no room yet")
		return nil
	}
	if strings.HasPrefix(text, "//") { // a message that begins with a slash
		text = text[1:]
	}
	return m.submit(text)
}

// retry sends what was refused again, under the same ids.
func (m *model) retry() tea.Cmd {
	var cmds []tea.Cmd
	for _, p := range m.timeline.failed() {
		p.failure = ""
		cmds = append(cmds, m.post(p))
	}
	m.relayout()
	return tea.Batch(cmds...)
}

// discard gives up what was refused.
func (m *model) discard() {
	m.timeline.pending = slices.DeleteFunc(m.timeline.pending, func(p *pending) bool { return p.failure != "" })
	m.relayout()
}
