package terminal

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
)

var help = []string{
	"/join ROOM   go to a room; its first message makes it",
	"/rooms       what rooms there are",
	"/nick NAME   the name that others see",
	"/quit        leave (also Ctrl+C, Esc)",
	"PgUp PgDn    read back (also mouse wheel, Shift+Up)",
	"Ctrl+End     to the newest message",
	"Alt+Enter    a new line in the message",
	"Ctrl+R       send again what was refused; Ctrl+X drops it",
	"//           begins a message that begins with a slash",
}

// command obeys a line that began with a slash.
func (m *model) command(line string) tea.Cmd {
	name, argument, _ := strings.Cut(line, " ")
	argument = strings.TrimSpace(argument)
	switch {
	case name == "help":
		m.list(help...)
	case name == "quit":
		return m.quit()
	case name == "rooms":
		return m.listRooms()
	case name == "join" && argument != "":
		return m.goTo(strings.TrimPrefix(argument, "#"))
	case name == "nick" && argument != "":
		m.rename(argument)
	case name == "join" || name == "nick":
		m.say("/" + name + " needs a name")
	default:
		m.say("no command /" + name + "; see /help")
	}
	return nil
}

func (m *model) goTo(id string) tea.Cmd {
	if problem := roomIDProblem(id); problem != "" {
		m.say("cannot join " + id + ": " + problem)
		return nil
	}
	if m.room != nil && m.room.ID() == id {
		m.say("this is " + id)
		return nil
	}
	m.joining = id
	return m.join(id)
}

func (m *model) rename(name string) {
	if err := m.chat.SetDisplayName(name); err != nil {
		m.say("a name has 1 to 64 characters")
		return
	}
	m.say("from now on: " + name)
}

// maxRoomsListed keeps the answer to /rooms on one screen.
const maxRoomsListed = 20

func (m *model) listRooms() tea.Cmd {
	ctx, chat := m.ctx, m.chat
	return func() tea.Msg {
		var lines roomsMsg
		for listed, err := range chat.ListRooms(ctx) {
			if err != nil {
				return noticeMsg("no list of rooms: " + reason(err))
			}
			if len(lines) == maxRoomsListed {
				return append(lines, "and more")
			}
			room, unit := listed.Room, "messages"
			if room.GetHeadSeq() == 1 {
				unit = "message"
			}
			lines = append(lines, strings.TrimRight(
				fmt.Sprintf("%-20s %6d %-8s  %s", room.GetId(), room.GetHeadSeq(), unit, room.GetTitle()), " "))
		}
		if len(lines) == 0 {
			return noticeMsg("no rooms yet: the first message makes one")
		}
		return lines
	}
}
