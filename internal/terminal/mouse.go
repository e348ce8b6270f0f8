package terminal

import (
	tea "charm.land/bubbletea/v2"
)

// wheel scrolls.
func (m *model) wheel(msg tea.MouseWheelMsg) tea.Cmd {
	if m.mode == helping || m.mode == switching {
		return nil
	}
	switch msg.Button {
	case tea.MouseWheelUp:
		return m.scroll(3)
	case tea.MouseWheelDown:
		return m.scroll(-3)
	}
	return nil
}

// click goes to the room, chooses the message, or takes the choice under the mouse.
func (m *model) click(msg tea.MouseClickMsg) tea.Cmd {
	if msg.Button != tea.MouseLeft {
		return nil
	}
	line := msg.Y - m.fit().header
	if line < 0 {
		return nil
	}
	if m.mainLeft() > 0 && msg.X < m.mainLeft() {
		rooms := m.roomsKnown()
		if _, first := m.sidebar(m.height - m.fit().header); first+line < len(rooms) {
			return m.goTo(rooms[first+line].id)
		}
		return nil
	}
	switch m.mode {
	case switching:
		first := max(m.switcher.at-m.layout.rows+1, 0)
		if choices := m.choices(); line < m.layout.rows && first+line < len(choices) {
			m.write()
			return m.goTo(choices[first+line].id)
		}
	case writing, choosing:
		seen := m.layout.seen()
		line -= m.layout.rows - len(seen)
		if line >= 0 && line < len(seen) && seen[line].seq > 0 {
			m.choose(seen[line].seq)
		}
	}
	return nil
}
