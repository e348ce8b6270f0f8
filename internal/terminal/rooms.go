package terminal

import (
	"cmp"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

const (
	maxVisited   = 20 // rooms that stay in the list although this user is no member
	sidebarWidth = 24
	sidebarFrom  = 80 // columns; a narrower terminal has no sidebar
)

// roomList is what is known of the rooms there are.
type roomList struct {
	feed     client.Feed // those that this user is a member of or invited to; it comes by itself
	visited  []roomState // others that were gone to, as they were when they were left, the latest last
	found    []roomState // what the server lists, when the switcher was opened
	fetching bool
}

// roomState is a room in a list.
type roomState struct {
	id, title        string
	label            string // what it is called: its title, or its id, or of a direct room its people
	direct           bool
	messages         uint64
	unread, mentions int
	invitedBy        string // not empty: this user may become a member
	updated          time.Time
}

func stateOf(room *chatv1.Room, read *chatv1.ReadMarker) roomState {
	return roomState{
		id: room.GetId(), label: cmp.Or(room.GetTitle(), room.GetId()), title: room.GetTitle(), messages: room.GetHeadSeq(),
		direct: room.GetKind() == chatv1.RoomKind_ROOM_KIND_DIRECT,
		unread: int(read.GetUnread()), updated: room.GetUpdateTime().AsTime(),
	}
}

// labelled gives a direct room the names of its people.
func (m *model) labelled(r roomState, room *chatv1.Room) roomState {
	if r.direct {
		r.label = m.peopleText(room.GetPeople())
	}
	return r
}

// rooms are those that this user is a member of or has gone to, and the present one as it is here: by name, the direct ones last.
func (m *model) rooms() []roomState {
	var rooms []roomState
	for _, entry := range m.list.feed.Rooms {
		r := m.labelled(stateOf(entry.GetRoom(), entry.GetRead()), entry.GetRoom())
		r.mentions = int(entry.GetMentions())
		rooms = append(rooms, r)
	}
	for _, r := range m.list.visited {
		if i := indexOf(m.list.found, r.id); i >= 0 {
			r = m.list.found[i]
		}
		if m.list.feed.Room(r.id) == nil {
			rooms = append(rooms, r)
		}
	}
	if m.room != nil {
		rooms = m.withPresent(rooms)
	}
	slices.SortFunc(rooms, func(a, b roomState) int {
		if a.direct != b.direct {
			return cmp.Compare(boolInt(a.direct), boolInt(b.direct))
		}
		return cmp.Or(strings.Compare(a.label, b.label), strings.Compare(a.id, b.id))
	})
	return rooms
}

// withPresent puts the present room in its place: its handle is ahead of the feed.
func (m *model) withPresent(rooms []roomState) []roomState {
	here := m.labelled(stateOf(m.room.Info(), nil), m.room.Info())
	here.id, here.unread = m.room.ID(), m.room.Unread()
	here.label = cmp.Or(here.label, here.id)
	i := indexOf(rooms, here.id)
	if i < 0 {
		return append(rooms, here)
	}
	here.mentions = min(rooms[i].mentions, here.unread)
	rooms[i] = here
	return rooms
}

// invitations are the rooms that this user is invited to.
func (m *model) invitations() []roomState {
	var rooms []roomState
	for _, i := range m.list.feed.Invitations {
		r := stateOf(i.GetRoom(), nil)
		r.invitedBy = i.GetInvitedBy().GetDisplayName()
		rooms = append(rooms, r)
	}
	return rooms
}

// tookFeed takes what this user has to do with rooms, and says what of it is for them to know now.
func (m *model) tookFeed(feed client.Feed) tea.Cmd {
	before := m.list.feed
	m.list.feed = feed
	for _, i := range feed.Invitations {
		m.meet(i.GetInvitedBy())
		if before.Known && before.Invitation(i.GetRoom().GetId()) == nil {
			m.show(m.invitationText(i))
		}
	}
	for _, entry := range feed.Rooms {
		id := entry.GetRoom().GetId()
		if before.Known && id != m.roomName() && entry.GetMentions() > before.Room(id).GetMentions() {
			m.say("you are mentioned in " + m.called(id) + "; Ctrl+N goes there")
		}
	}
	return tea.Batch(m.awaitFeed(), m.meetDirectPeople())
}

// invitationText says who invites to what, and what to answer: the room's id, if there are several invitations.
func (m *model) invitationText(i *chatv1.Invitation) string {
	id := ""
	if len(m.list.feed.Invitations) > 1 {
		id = " " + i.GetRoom().GetId()
	}
	return i.GetInvitedBy().GetDisplayName() + " invites you to " + m.called(i.GetRoom().GetId()) + ": /accept" + id + " or /decline" + id
}

// called is what a room is called.
func (m *model) called(id string) string {
	for _, r := range m.sidebarRooms() {
		if r.id == id {
			return r.label
		}
	}
	return id
}

// remember keeps the present room in the list when it is left. What it was then is soon out of date: nothing of it is unread.
func (m *model) remember() {
	r := stateOf(m.room.Info(), nil)
	r.id, r.label = m.room.ID(), cmp.Or(r.title, m.room.ID())
	v := slices.DeleteFunc(m.list.visited, func(other roomState) bool { return other.id == r.id })
	m.list.visited = append(v[max(len(v)-maxVisited+1, 0):], r)
}

// neighbour goes to the room before or after the present one.
func (m *model) neighbour(step int) tea.Cmd {
	rooms := m.rooms()
	i := indexOf(rooms, m.roomName())
	if len(rooms) < 2 || i < 0 {
		return nil
	}
	return m.goTo(rooms[(i+step+len(rooms))%len(rooms)].id)
}

// nextUnread goes to the next room in which this user is mentioned, or if there is none, in which something is unread.
func (m *model) nextUnread() tea.Cmd {
	rooms := m.rooms()
	i := indexOf(rooms, m.roomName())
	for _, wanted := range []func(roomState) bool{
		func(r roomState) bool { return r.mentions > 0 }, func(r roomState) bool { return r.unread > 0 },
	} {
		for step := range rooms {
			if r := rooms[(i+1+step)%len(rooms)]; wanted(r) && r.id != m.roomName() {
				return m.goTo(r.id)
			}
		}
	}
	m.say("nothing unread elsewhere")
	return nil
}

// unreadElsewhere counts the messages in other rooms that are about this user, or if there are none, all that are unread.
func (m *model) unreadElsewhere() string {
	unread, mentions := 0, 0
	for _, entry := range m.list.feed.Rooms {
		if entry.GetRoom().GetId() != m.roomName() {
			unread += int(entry.GetRead().GetUnread())
			mentions += int(entry.GetMentions())
		}
	}
	switch {
	case mentions > 0:
		return "(@" + unreadText(mentions) + ") "
	case unread > 0:
		return "(" + unreadText(unread) + ") "
	default:
		return ""
	}
}

// sidebar returns the rooms and then the invitations as lines of its width, so many that the present room is among them.
func (m *model) sidebar(height int) (lines []string, first int) {
	rooms := m.sidebarRooms()
	current := indexOf(rooms, m.roomName())
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
	if len(rooms)-first < height-1 {
		lines[height-1] = m.layout.style.faint.Render(spread(" Ctrl+K other rooms", "", sidebarWidth))
	}
	return lines, first
}

func (m *model) sidebarRooms() []roomState { return append(m.rooms(), m.invitations()...) }

func (m *model) sidebarLine(r roomState, current bool) string {
	s, right := m.layout.style, r.badge()
	name := ansi.Truncate(CleanLine(r.label), sidebarWidth-3-len(right), "…")
	line := spread(" "+name, right+" ", sidebarWidth)
	switch {
	case current:
		return s.current.Render(line)
	case r.mentions > 0:
		return s.bad.Bold(true).Render(line)
	case right != "":
		return s.strong.Render(line)
	default:
		return s.faint.Render(line)
	}
}

// badge says in a few characters why to go there; empty: no reason.
func (r roomState) badge() string {
	switch {
	case r.invitedBy != "":
		return " invited"
	case r.mentions > 0:
		return " @" + unreadText(r.mentions) + " " + unreadText(r.unread)
	case r.unread > 0:
		return " " + unreadText(r.unread)
	default:
		return ""
	}
}

func indexOf(rooms []roomState, id string) int {
	return slices.IndexFunc(rooms, func(r roomState) bool { return r.id == id })
}

func unreadText(n int) string {
	if n > 999 {
		return "999+"
	}
	return count(n)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
