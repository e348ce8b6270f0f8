package terminal

import (
	"cmp"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

const (
	maxRooms     = 500              // of which something is known
	roomsEvery   = 10 * time.Second // they are asked for
	sidebarWidth = 24
	sidebarFrom  = 80 // columns; a narrower terminal has no sidebar
)

// roomList is what is known of the rooms there are.
type roomList struct {
	rooms    []roomState // by id
	fetching bool
	fetched  time.Time
}

// roomState is a room as it was found.
type roomState struct {
	id, title string
	messages  uint64
	unread    int
	updated   time.Time
}

type roomsMsg struct {
	rooms []roomState
	err   error
}

// refreshRooms asks what rooms there are, unless that was done just now.
func (m *model) refreshRooms() tea.Cmd {
	if m.list.fetching || m.chat.User() == nil || m.now.Sub(m.list.fetched) < roomsEvery {
		return nil
	}
	m.list.fetching, m.list.fetched = true, m.now
	ctx, chat := m.ctx, m.chat
	return func() tea.Msg {
		var rooms []roomState
		for listed, err := range chat.ListRooms(ctx) {
			if err != nil {
				return roomsMsg{err: err}
			}
			rooms = append(rooms, stateOf(listed.Room, listed.Read))
			if len(rooms) == maxRooms {
				break
			}
		}
		return roomsMsg{rooms: rooms}
	}
}

func stateOf(room *chatv1.Room, read *chatv1.ReadMarker) roomState {
	return roomState{
		id: room.GetId(), title: room.GetTitle(), messages: room.GetHeadSeq(),
		unread: int(read.GetUnread()), updated: room.GetUpdateTime().AsTime(),
	}
}

// tookRooms takes the answer. What could not be had is asked for again.
func (m *model) tookRooms(msg roomsMsg) {
	m.list.fetching = false
	if msg.err == nil {
		m.list.rooms = msg.rooms
	}
}

// roomsKnown are the rooms by id, the present one among them as it is here.
func (m *model) roomsKnown() []roomState {
	rooms := slices.Clone(m.list.rooms)
	if m.room == nil {
		return rooms
	}
	here := stateOf(m.room.Info(), nil)
	here.id, here.unread = m.room.ID(), m.room.Unread()
	i, found := slices.BinarySearchFunc(rooms, here.id, func(r roomState, id string) int { return strings.Compare(r.id, id) })
	if found {
		rooms[i] = here
		return rooms
	}
	return slices.Insert(rooms, i, here)
}

// neighbour goes to the room before or after the present one.
func (m *model) neighbour(step int) tea.Cmd {
	rooms := m.roomsKnown()
	i := slices.IndexFunc(rooms, func(r roomState) bool { return r.id == m.roomName() })
	if len(rooms) < 2 || i < 0 {
		return nil
	}
	return m.goTo(rooms[(i+step+len(rooms))%len(rooms)].id)
}

// nextUnread goes to the next room in which something is unread.
func (m *model) nextUnread() tea.Cmd {
	rooms := m.roomsKnown()
	i := slices.IndexFunc(rooms, func(r roomState) bool { return r.id == m.roomName() })
	for step := 1; step < len(rooms); step++ {
		if r := rooms[(i+step)%len(rooms)]; r.unread > 0 {
			return m.goTo(r.id)
		}
	}
	m.say("nothing unread elsewhere")
	return nil
}

// sidebar returns the rooms as lines of its width, so many that the present room is among them.
func (m *model) sidebar(height int) (lines []string, first int) {
	rooms := m.roomsKnown()
	current := slices.IndexFunc(rooms, func(r roomState) bool { return r.id == m.roomName() })
	if current >= height {
		first = current - height + 1
	}
	for _, r := range rooms[first:min(first+height, len(rooms))] {
		lines = append(lines, m.sidebarLine(r, r.id == m.roomName()))
	}
	blank := strings.Repeat(" ", sidebarWidth)
	for len(lines) < height {
		lines = append(lines, blank)
	}
	return lines, first
}

func (m *model) sidebarLine(r roomState, current bool) string {
	s, unread := m.layout.style, ""
	if r.unread > 0 {
		unread = " " + unreadText(r.unread)
	}
	name := ansi.Truncate(r.id, sidebarWidth-3-len(unread), "…")
	line := spread(" "+name, unread+" ", sidebarWidth)
	switch {
	case current:
		return s.current.Render(line)
	case r.unread > 0:
		return s.strong.Render(line)
	default:
		return s.faint.Render(line)
	}
}

func unreadText(n int) string {
	if n > 999 {
		return "999+"
	}
	return count(n)
}

// switcher is the list of rooms to go to, by what is typed.
type switcher struct {
	query field
	at    int // of the choices
}

// switchRooms opens it.
func (m *model) switchRooms() tea.Cmd {
	m.mode, m.switcher = switching, switcher{}
	m.list.fetched = time.Time{}
	m.relayout()
	return m.refreshRooms()
}

// choices are the rooms that fit the query: what is unread first, then what is busiest; at last a room that there is not yet.
func (m *model) choices() []roomState {
	query := strings.ToLower(strings.TrimPrefix(m.switcher.query.text, "#"))
	var found []roomState
	exact := false
	for _, r := range m.roomsKnown() {
		if strings.Contains(r.id, query) || strings.Contains(strings.ToLower(r.title), query) {
			found = append(found, r)
			exact = exact || r.id == query
		}
	}
	slices.SortStableFunc(found, func(a, b roomState) int {
		return cmp.Or(cmp.Compare(min(b.unread, 1), min(a.unread, 1)), b.updated.Compare(a.updated))
	})
	if query != "" && !exact && roomIDProblem(query) == "" {
		found = append(found, roomState{id: query})
	}
	return found
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
		m.write()
		return m.goTo(choices[m.switcher.at].id)
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
		right := count(int(r.messages)) + " messages "
		switch {
		case r.id == m.roomName():
			right = "here "
		case r.messages == 0:
			right = "new: the first message makes it "
		case r.unread > 0:
			right = unreadText(r.unread) + " unread "
		case r.messages == 1:
			right = "1 message "
		}
		left := "  " + r.id
		if r.title != "" {
			left += "  " + CleanLine(r.title)
		}
		line := spread(ansi.Truncate(left, max(width-ansi.StringWidth(right)-1, 1), "…"), right, width)
		switch {
		case i == m.switcher.at:
			line = s.current.Render(line)
		case r.unread > 0:
			line = s.strong.Render(line)
		}
		lines = append(lines, line)
	}
	return lines
}
