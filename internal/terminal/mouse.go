package terminal

import (
	tea "charm.land/bubbletea/v2"
)

// wheel scrolls.
func (m *model) wheel(msg tea.MouseWheelMsg) tea.Cmd {
	switch {
	case m.mode == switching:
		return nil
	case m.mode == helping || m.mode == listing:
		m.scrollPanel(msg.Button)
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
		return m.clickRoom(line)
	}
	switch m.mode {
	case switching:
		first := max(m.switcher.at-m.layout.rows+1, 0)
		if choices := m.choices(); line < m.layout.rows && first+line < len(choices) {
			return m.take(choices[first+line])
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

// clickRoom goes to the room on a line of the list, or says what there is to do with an invitation.
func (m *model) clickRoom(line int) tea.Cmd {
	rooms := m.sidebarRooms()
	_, first := m.sidebar(m.height - m.fit().header)
	if first+line >= len(rooms) {
		return nil
	}
	r := rooms[first+line]
	if invitation := m.list.feed.Invitation(r.id); invitation != nil && r.invitedBy != "" {
		m.show(m.invitationText(invitation))
		return nil
	}
	return m.goTo(r.id)
}

func (m *model) scrollPanel(button tea.MouseButton) {
	switch button {
	case tea.MouseWheelUp:
		m.panelTop = max(m.panelTop-3, 0)
	case tea.MouseWheelDown:
		m.panelTop += 3 // drawing it finds the end
	}
}
