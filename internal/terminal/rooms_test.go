package terminal

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// wide makes the screen wide enough for the list of rooms, and has it come.
func (s *screen) wide(feed client.Feed) {
	s.send(tea.WindowSizeMsg{Width: 100, Height: 20}, feedMsg(feed))
}

// feedOf is a feed with these rooms, in which messages are unread and mention this user.
func feedOf(rooms ...roomState) client.Feed {
	feed := client.Feed{Known: true}
	for _, r := range rooms {
		feed.Rooms = append(feed.Rooms, &chatv1.FeedRoom{
			Room:     &chatv1.Room{Id: r.id, Title: r.title, HeadSeq: r.messages, UpdateTime: timestamppb.New(r.updated)},
			Member:   &chatv1.Member{Room: r.id, Role: chatv1.Role_ROLE_MEMBER},
			Read:     &chatv1.ReadMarker{Unread: uint64(r.unread)},
			Mentions: uint32(r.mentions),
		})
	}
	return feed
}

func invitation(id, title string, by *chatv1.User) *chatv1.Invitation {
	return &chatv1.Invitation{Room: &chatv1.Room{Id: id, Title: title, Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE}, InvitedBy: by}
}

func TestRoomsBesideTheConversation(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ben, 1, noon, "hello")))
	s.typed("a draft")
	feed := feedOf(
		roomState{id: "attic", messages: 3}, roomState{id: "kitchen", unread: 12, mentions: 1},
		roomState{id: "pub", unread: 2}, roomState{id: "zoo-with-a-very-long-name-indeed", unread: 5000},
	)
	feed.Invitations = append(feed.Invitations, invitation("den", "A den", ben))
	s.wide(feed)
	s.golden("sidebar")
	if cursor := s.model.View().Cursor; cursor == nil || cursor.X != s.model.mainLeft()+len("> a draft") {
		t.Errorf("cursor %+v", cursor)
	}
	if title := s.model.View().WindowTitle; title != "(@1) rialto lobby" {
		t.Errorf("the window is called %q", title)
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

// What comes while one talks elsewhere is said, once; what was there at the start is only in the list.
func TestNewsOfOtherRooms(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ben, 1, noon, "hello")))
	feed := feedOf(roomState{id: "kitchen", unread: 1, mentions: 1})
	feed.Invitations = append(feed.Invitations, invitation("den", "A \x1b[31mden", ben))
	s.wide(feed)
	if frame := s.frame(); strings.Contains(frame, "invites") || strings.Contains(frame, "mentioned") {
		t.Errorf("frame\n%s", frame)
	}
	more := feedOf(roomState{id: "kitchen", unread: 2, mentions: 2})
	more.Invitations = append(feed.Invitations, invitation("club", "", ben))
	s.send(feedMsg(more))
	s.shows("you are mentioned in kitchen; Ctrl+N goes there")
	more.Rooms = feed.Rooms
	more.Invitations = append(more.Invitations, invitation("pub", "Ale", ben))
	s.send(feedMsg(more))
	s.shows("ben invites you to Ale: /accept pub or /decline pub")
	if strings.Contains(s.frame(), "mentioned") {
		t.Error("said once more")
	}
}

func TestGoingToAnotherRoom(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ben, 1, noon, "hello")))
	feed := feedOf(roomState{id: "attic"}, roomState{id: "kitchen", unread: 2})
	feed.Invitations = append(feed.Invitations, invitation("den", "", ben))
	s.wide(feed)
	ctrlN := tea.KeyPressMsg{Code: 'n', Mod: tea.ModCtrl}
	for name, test := range map[string]struct {
		msg  tea.Msg
		want string
	}{
		"the next":       {tea.KeyPressMsg{Code: tea.KeyDown, Mod: tea.ModAlt}, "attic"}, // behind the last comes the first
		"the one before": {tea.KeyPressMsg{Code: tea.KeyUp, Mod: tea.ModAlt}, "kitchen"},
		"unread":         {ctrlN, "kitchen"},
		"a click":        {tea.MouseClickMsg{X: 3, Y: 1, Button: tea.MouseLeft}, "attic"},
	} {
		if s.send(test.msg); s.model.joining != test.want {
			t.Errorf("%s: to %q, want %q", name, s.model.joining, test.want)
		}
	}
	s.model.joining = ""
	s.send(tea.MouseClickMsg{X: 3, Y: 4, Button: tea.MouseLeft})
	s.shows("ben invites you to den: /accept or /decline")
	if s.model.joining != "" {
		t.Error("a click accepted an invitation")
	}
	s.send(feedMsg(feedOf(roomState{id: "attic", unread: 9}, roomState{id: "kitchen", unread: 2, mentions: 1})), ctrlN)
	if s.model.joining != "kitchen" {
		t.Errorf("to %q, want where one is mentioned", s.model.joining)
	}
	s.send(feedMsg(feedOf(roomState{id: "attic"})), ctrlN)
	s.shows("nothing unread elsewhere")
}

func TestDraftsStayInTheirRooms(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ana, 1, noon, "hello")))
	s.wide(feedOf(roomState{id: "kitchen"}, roomState{id: "lobby"}))
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
	feed := feedOf(
		roomState{id: "kitchen", title: "Where we \x1b[31mcook", messages: 12, unread: 2, mentions: 1, updated: noon.Add(-time.Hour)},
		roomState{id: "pub", messages: 4, unread: 4, updated: noon.Add(-2 * time.Hour)},
	)
	feed.Invitations = append(feed.Invitations, invitation("den", "", ben))
	s.send(feedMsg(feed), roomsMsg{rooms: []roomState{
		{id: "attic", label: "attic", messages: 1, updated: noon},
		{id: "pub", label: "pub", messages: 4, updated: noon},
		{id: "zoo", label: "zoo", messages: 7, updated: noon.Add(time.Hour)},
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
	s.run(down, down, down, down, down, down, down, up) // the last but one
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
	s.send(ctrlK, tea.MouseClickMsg{X: 3, Y: 4, Button: tea.MouseLeft})
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

// What rooms there are is asked for when one looks, and kept when that fails.
func TestRoomsAreAskedForWhenTheyAreLookedFor(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	ctrlK := tea.KeyPressMsg{Code: 'k', Mod: tea.ModCtrl}
	ask := s.send(ctrlK)
	if ask == nil {
		t.Fatal("not asked for")
	}
	s.run(escape)
	if s.send(ctrlK) != nil {
		t.Error("asked for twice at once")
	}
	s.send(ask())
	if found := s.model.list.found; len(found) != 2 || found[0].messages != 12 || found[0].unread != 0 {
		t.Errorf("rooms %v", found)
	}
	s.send(roomsMsg{err: client.ErrClosed})
	if len(s.model.list.found) != 2 {
		t.Error("a failure emptied the list")
	}
	s.run(escape)
	if s.send(ctrlK) == nil {
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

func TestTrimmed(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ben, 1, noon, "long ago"), said(ben, 2, noon, "just now")))
	s.event(&chatv1.Event{Room: "lobby", Rev: 3, Kind: &chatv1.Event_Trimmed{Trimmed: &chatv1.Trimmed{FirstSeq: 2}}})
	s.shows("just now")
	if first := s.model.timeline.first(); first != 2 {
		t.Errorf("message %d is still held", first)
	}
}

func TestDeletedRoom(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ben, 1, noon, "secret")))
	if s.send(eventMsg{room: s.room, err: client.ErrDeleted}) != nil {
		t.Error("another event is waited for")
	}
	s.shows("lobby was deleted")
	if len(s.model.timeline.messages) > 0 {
		t.Error("its messages are still held")
	}
}

func TestManyRooms(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	var rooms []roomState
	for _, r := range "abcdefghijklmnopqrstuvwxyz" {
		rooms = append(rooms, roomState{id: string(r)})
	}
	s.event(snapshot(said(ben, 1, noon, "hello")))
	s.wide(feedOf(rooms...))
	s.model.room.(*fakeRoom).id = "zz"
	s.shows(" zz")
}
