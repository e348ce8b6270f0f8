package terminal

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// command obeys a line that began with a slash.
func (m *model) command(line string) tea.Cmd {
	name, argument, _ := strings.Cut(line, " ")
	argument = strings.TrimSpace(argument)
	switch {
	case name == "help":
		m.mode = helping
	case name == "quit":
		return m.quit()
	case name == "rooms":
		return m.switchRooms()
	case name == "who":
		m.showPeople()
	case name == "find":
		m.find(argument)
		return m.refind()
	case name == "react" && argument != "":
		return m.reactTo(m.timeline.last(), argument)
	case name == "join" && argument != "":
		return m.goTo(strings.TrimPrefix(argument, "#"))
	case name == "nick" && argument != "":
		m.rename(argument)
	case name == "join" || name == "nick":
		m.say("/" + name + " needs a name")
	case name == "react":
		m.say("/react needs an emoji")
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
	m.putDraftAside()
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

// maxPeopleShown keeps the answer to /who on one screen.
const maxPeopleShown = 20

// showPeople says who is connected to the room.
func (m *model) showPeople() {
	if m.room == nil {
		m.say("no room yet")
		return
	}
	users, online := m.room.Roster()
	if len(users) == 0 {
		m.say(count(online) + " people are here")
		return
	}
	var names []string
	for _, user := range users[:min(len(users), maxPeopleShown)] {
		name := user.GetDisplayName()
		if user.GetId() == m.chat.User().GetId() {
			name += " (you)"
		} else if user.GetGuest() {
			name += " (guest)"
		}
		names = append(names, name)
	}
	if more := online - len(names); more > 0 {
		names = append(names, count(more)+" more")
	}
	m.show("here: " + strings.Join(names, ", "))
}

// reactTo reacts to a message, if it is still held.
func (m *model) reactTo(seq uint64, emoji string) tea.Cmd {
	message := m.timeline.get(seq)
	if message == nil {
		m.say("there is no message to react to")
		return nil
	}
	return m.react(message, emoji)
}
