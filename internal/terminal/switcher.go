package terminal

import (
	"cmp"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// maxFound is how many rooms are asked for.
const maxFound = 500

// switcher is the list of rooms to go to, by what is typed.
type switcher struct {
	query field
	at    int // of the choices
}

type roomsMsg struct {
	rooms []roomState
	err   error
}

// switchRooms opens it, and asks what rooms there are.
func (m *model) switchRooms() tea.Cmd {
	m.mode, m.switcher = switching, switcher{}
	m.relayout()
	if m.list.fetching {
		return nil
	}
	m.list.fetching = true
	ctx, chat := m.ctx, m.chat
	return func() tea.Msg {
		var rooms []roomState
		for listed, err := range chat.ListRooms(ctx) {
			if err != nil {
				return roomsMsg{err: err}
			}
			r := stateOf(listed.Room, listed.Read)
			r.unread = 0 // nobody waits for news of a room that they are no member of
			rooms = append(rooms, r)
			if len(rooms) == maxFound {
				break
			}
		}
		return roomsMsg{rooms: rooms}
	}
}

// tookRooms takes the answer. What could not be had is asked for the next time.
func (m *model) tookRooms(msg roomsMsg) {
	m.list.fetching = false
	if msg.err == nil {
		m.list.found = msg.rooms
	}
}

// choices are the rooms that fit the query: what is unread or waits for an answer first, then what is busiest; at last a room
// that there is not yet.
func (m *model) choices() []roomState {
	query := strings.ToLower(strings.TrimPrefix(m.switcher.query.text, "#"))
	var choices []roomState
	known := make(map[string]bool)
	for _, rooms := range [][]roomState{m.rooms(), m.invitations(), m.list.found} {
		for _, r := range rooms {
			if !known[r.id] && r.fits(query) {
				choices = append(choices, r)
			}
			known[r.id] = true
		}
	}
	slices.SortStableFunc(choices, func(a, b roomState) int {
		return cmp.Or(cmp.Compare(b.urgency(), a.urgency()), b.updated.Compare(a.updated))
	})
	if query != "" && !known[query] && roomIDProblem(query) == "" {
		choices = append(choices, roomState{id: query, label: query})
	}
	return choices
}

func (r roomState) fits(query string) bool {
	return strings.Contains(r.id, query) || strings.Contains(strings.ToLower(r.title), query) ||
		strings.Contains(strings.ToLower(r.label), query)
}

func (r roomState) urgency() int {
	switch {
	case r.mentions > 0:
		return 3
	case r.unread > 0:
		return 2
	case r.invitedBy != "":
		return 1
	default:
		return 0
	}
}

// take goes to a choice; an invitation is accepted by it.
func (m *model) take(choice roomState) tea.Cmd {
	m.write()
	if choice.invitedBy != "" {
		return m.accept(choice.id)
	}
	return m.goTo(choice.id)
}

// pressSwitching takes a key while the switcher is open.
func (m *model) pressSwitching(key tea.KeyPressMsg) tea.Cmd {
	choices := m.choices()
	switch key.String() {
	case "esc", "ctrl+k":
		m.write()
	case "up":
		m.switcher.at = max(m.switcher.at-1, 0)
	case "down":
		m.switcher.at = min(m.switcher.at+1, max(len(choices)-1, 0))
	case "enter":
		if m.switcher.at >= len(choices) {
			if query := m.switcher.query.text; query != "" {
				m.say("cannot join " + query + ": " + roomIDProblem(query))
			}
			return nil
		}
		return m.take(choices[m.switcher.at])
	default:
		if m.switcher.query.press(key) {
			m.switcher.at = 0
		}
	}
	return nil
}

// switcherLines are the choices, as many as there is room for.
func (m *model) switcherLines(height, width int) []string {
	choices, s := m.choices(), m.layout.style
	first := max(m.switcher.at-height+1, 0)
	var lines []string
	for i := first; i < min(first+height, len(choices)); i++ {
		r := choices[i]
		right := m.choiceText(r)
		left := "  " + CleanLine(r.label)
		if r.label == r.title {
			left += "  #" + r.id
		}
		line := spread(ansi.Truncate(left, max(width-ansi.StringWidth(right)-1, 1), "…"), right, width)
		switch {
		case i == m.switcher.at:
			line = s.current.Render(line)
		case r.urgency() > 0:
			line = s.strong.Render(line)
		}
		lines = append(lines, line)
	}
	return lines
}

// choiceText says of a choice what one would go there for.
func (m *model) choiceText(r roomState) string {
	switch {
	case r.id == m.roomName():
		return "here "
	case r.invitedBy != "":
		return "invited by " + CleanLine(r.invitedBy) + ", Enter accepts "
	case r.mentions > 0:
		return "@" + unreadText(r.mentions) + ", " + unreadText(r.unread) + " unread "
	case r.unread > 0:
		return unreadText(r.unread) + " unread "
	case r.messages == 1:
		return "1 message "
	case r.messages > 0:
		return count(int(r.messages)) + " messages "
	case r.updated.IsZero():
		return "new: the first message makes it "
	default:
		return "empty "
	}
}
