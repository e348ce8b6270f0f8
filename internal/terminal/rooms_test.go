package terminal

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rialto-rpc/rialto/client"
)

// wide makes the screen wide enough for the list of rooms, and has it come.
func (s *screen) wide(rooms ...roomState) {
	s.send(tea.WindowSizeMsg{Width: 100, Height: 20}, roomsMsg{rooms: rooms})
}

func TestRoomsBesideTheConversation(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ben, 1, noon, "hello")))
	s.typed("a draft")
	s.wide(roomState{id: "attic", messages: 3}, roomState{id: "kitchen", unread: 2}, roomState{id: "zoo-with-a-very-long-name-indeed", unread: 5000})
	s.golden("sidebar")
	if cursor := s.model.View().Cursor; cursor == nil || cursor.X != s.model.mainLeft()+len("> a draft") {
		t.Errorf("cursor %+v", cursor)
	}
	s.send(tea.KeyPressMsg{Code: tea.KeyF1})
	s.golden("help-wide")
	s.run(escape)
	for width := 79; width <= 81; width++ {
		s.send(tea.WindowSizeMsg{Width: width, Height: 20})
		if got := strings.Contains(s.frame(), "kitchen"); got != (width >= sidebarFrom) {
			t.Errorf("at %d columns the rooms are shown: %v", width, got)
		}
	}
}

func TestGoingToAnotherRoom(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ben, 1, noon, "hello")))
	s.wide(roomState{id: "attic"}, roomState{id: "kitchen", unread: 2})
	for name, test := range map[string]struct {
		msg  tea.Msg
		want string
	}{
		"the next":       {tea.KeyPressMsg{Code: tea.KeyDown, Mod: tea.ModAlt}, "attic"}, // behind the last comes the first
		"the one before": {tea.KeyPressMsg{Code: tea.KeyUp, Mod: tea.ModAlt}, "kitchen"},
		"unread":         {tea.KeyPressMsg{Code: 'n', Mod: tea.ModCtrl}, "kitchen"},
		"a click":        {tea.MouseClickMsg{X: 3, Y: 1, Button: tea.MouseLeft}, "attic"},
	} {
		if s.send(test.msg); s.model.joining != test.want {
			t.Errorf("%s: to %q, want %q", name, s.model.joining, test.want)
		}
	}
	s.send(roomsMsg{rooms: []roomState{{id: "attic"}}}, tea.KeyPressMsg{Code: 'n', Mod: tea.ModCtrl})
	s.shows("nothing unread elsewhere")
}

func TestDraftsStayInTheirRooms(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ana, 1, noon, "hello")))
	s.wide(roomState{id: "kitchen"}, roomState{id: "lobby"})
	s.typed("for the lobby")
	alt := tea.KeyPressMsg{Code: tea.KeyDown, Mod: tea.ModAlt}
	s.send(alt)
	s.typed("for the kitchen") // before it is there
	s.send(joinedMsg{id: "kitchen", room: &fakeRoom{id: "kitchen"}})
	s.shows("> for the kitchen")
	s.send(alt, joinedMsg{id: "lobby", room: s.room})
	s.shows("> for the lobby")
	s.send(alt, joinedMsg{id: "kitchen", err: client.ErrJoined})
	s.shows("> for the lobby", "cannot join kitchen")
}

func TestSwitcher(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ben, 1, noon, "hello")))
	s.send(roomsMsg{rooms: []roomState{
		{id: "attic", messages: 1, updated: noon},
		{id: "kitchen", title: "Where we \x1b[31mcook", messages: 12, unread: 2, updated: noon.Add(-time.Hour)},
		{id: "zoo", messages: 7, updated: noon.Add(time.Hour)},
	}})
	ctrlK := tea.KeyPressMsg{Code: 'k', Mod: tea.ModCtrl}
	s.send(ctrlK)
	s.golden("switcher")
	s.typed("COOK")
	s.send(enter)
	if s.model.joining != "kitchen" || s.model.mode != writing {
		t.Errorf("to %q", s.model.joining)
	}
	s.send(ctrlK)
	s.run(down, down, down, down, down, down, up) // the last but one
	s.send(enter)
	if s.model.joining != "attic" {
		t.Errorf("to %q", s.model.joining)
	}
	s.send(ctrlK)
	s.typed("cellar")
	s.shows("new: the first message makes it")
	s.send(enter)
	if s.model.joining != "cellar" {
		t.Errorf("to %q", s.model.joining)
	}
	s.send(ctrlK)
	s.typed("no such room")
	s.run(enter)
	s.shows("a room's id has no spaces")
	s.run(escape)
	s.send(ctrlK, tea.MouseClickMsg{X: 3, Y: 2, Button: tea.MouseLeft})
	if s.model.joining != "zoo" {
		t.Errorf("to %q", s.model.joining)
	}
}

func TestWhatIsNewHasALine(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	room := &fakeRoom{id: "kitchen", unread: 2, upTo: 1}
	s.send(joinedMsg{id: s.model.joining, room: room})
	s.model.joining = "kitchen"
	s.send(joinedMsg{id: "kitchen", room: room})
	s.room = room
	s.event(snapshot(said(ben, 1, noon, "old"), said(ben, 2, noon, "not seen"), said(ana, 3, noon, "neither")))
	s.golden("new")
	// What comes while nobody looks is new when they do; writing oneself ends that.
	s.send(tea.BlurMsg{})
	s.event(posted(said(ben, 4, noon, "while away")))
	s.send(tea.FocusMsg{})
	frame := s.frame()
	if at := strings.Index(frame, " new "); at < strings.Index(frame, "neither") || at > strings.Index(frame, "while away") {
		t.Errorf("frame\n%s", frame)
	}
	s.typed("seen", tea.KeyEnter)
	if strings.Contains(s.frame(), " new ") {
		t.Errorf("frame\n%s", s.frame())
	}
}

// The list comes by itself while there is a connection, and not all the time.
func TestRoomsAreAskedForNowAndThen(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	ask := s.model.refreshRooms()
	if ask == nil {
		t.Fatal("not asked for")
	}
	if s.model.refreshRooms() != nil {
		t.Error("asked for twice at once")
	}
	s.send(ask())
	if len(s.model.list.rooms) != 2 || s.model.list.rooms[0].unread != 4 {
		t.Errorf("rooms %v", s.model.list.rooms)
	}
	if s.model.refreshRooms() != nil {
		t.Error("asked for again at once")
	}
	s.send(roomsMsg{err: client.ErrClosed})
	if len(s.model.list.rooms) != 2 {
		t.Error("a failure emptied the list")
	}
	s.model.now = noon.Add(roomsEvery)
	if s.model.refreshRooms() == nil {
		t.Error("not asked for again")
	}
}

func TestShutOut(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ben, 1, noon, "hello")))
	if s.send(eventMsg{room: s.room, err: client.ErrShutOut}) != nil {
		t.Error("another event is waited for")
	}
	s.shows("you may not see lobby any more")
}

func TestManyRooms(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	var rooms []roomState
	for _, r := range "abcdefghijklmnopqrstuvwxyz" {
		rooms = append(rooms, roomState{id: string(r)})
	}
	s.event(snapshot(said(ben, 1, noon, "hello")))
	s.wide(rooms...)
	s.model.room.(*fakeRoom).id = "zz"
	s.shows(" zz")
}
