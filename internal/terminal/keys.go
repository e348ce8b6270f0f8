package terminal

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rialto-rpc/rialto/client"
)

// press takes a key.
func (m *model) press(key tea.KeyPressMsg) tea.Cmd {
	switch key.String() {
	case "ctrl+c", "esc":
		return m.quit()
	case "enter":
		return m.enter()
	case "pgup":
		return m.scroll(max(m.layout.rows-1, 1))
	case "pgdown":
		return m.scroll(-max(m.layout.rows-1, 1))
	case "shift+up":
		return m.scroll(1)
	case "shift+down":
		return m.scroll(-1)
	case "ctrl+end":
		m.layout.follow()
		m.relayout()
		m.markRead()
		return nil
	case "ctrl+r":
		return m.retry()
	case "ctrl+x":
		m.discard()
		return nil
	}
	return m.updateInput(key)
}

func (m *model) wheel(msg tea.MouseWheelMsg) tea.Cmd {
	switch msg.Button {
	case tea.MouseWheelUp:
		return m.scroll(3)
	case tea.MouseWheelDown:
		return m.scroll(-3)
	}
	return nil
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
	p := &pending{clientID: client.NewClientID(), text: text, time: m.now}
	m.timeline.pending = append(m.timeline.pending, p)
	return m.post(p)
}

func (m *model) post(p *pending) tea.Cmd {
	m.outbox = append(m.outbox, &outgoing{m.room.ID(), p.text, p.clientID})
	return m.handOver()
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
