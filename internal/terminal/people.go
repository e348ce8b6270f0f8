package terminal

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// maxKnown is how many people are remembered by name.
const maxKnown = 5000

// meet remembers people, to call them by name elsewhere.
func (m *model) meet(users ...*chatv1.User) {
	if len(m.known) > maxKnown {
		clear(m.known)
	}
	for _, u := range users {
		if u.GetId() != "" && u.GetDisplayName() != "" {
			m.known[u.GetId()] = u
		}
	}
}

// metIn remembers whom an event of the room is about.
func (m *model) metIn(event *chatv1.Event) {
	m.meet(event.GetPosted().GetSender(), event.GetMemberChanged().GetUser(), event.GetActor())
	m.meet(event.GetPresence().GetJoined()...)
	for _, message := range event.GetSnapshot().GetMessages() {
		m.meet(message.GetSender())
	}
}

// nameOf is what to call somebody: their name, or if that is not known, their id.
func (m *model) nameOf(id string) string {
	if u := m.known[id]; u != nil {
		return u.GetDisplayName()
	}
	return id
}

// peopleText names the people of a direct room beside this user.
func (m *model) peopleText(ids []string) string {
	var names []string
	for _, id := range ids {
		if id != m.chat.User().GetId() {
			names = append(names, "@"+m.nameOf(id))
		}
	}
	return strings.Join(names, " ")
}

// metMsg brings the members of direct rooms.
type metMsg []*chatv1.User

// meetDirectPeople asks who the people of direct rooms are, once for each room.
func (m *model) meetDirectPeople() tea.Cmd {
	var asked []string
	for _, entry := range m.list.feed.Rooms {
		id := entry.GetRoom().GetId()
		unknown := func(id string) bool { return m.known[id] == nil && id != m.chat.User().GetId() }
		if slices.ContainsFunc(entry.GetRoom().GetPeople(), unknown) && !m.askedWho[id] {
			m.askedWho[id] = true
			asked = append(asked, id)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	ctx, chat := m.ctx, m.chat
	return func() tea.Msg {
		var met metMsg
		for _, id := range asked {
			for member, err := range chat.ListMembers(ctx, id) {
				if err != nil {
					break // they keep their ids for names
				}
				met = append(met, member.GetUser())
			}
		}
		return met
	}
}

// people are those who are connected to the room, and those who wrote what is held.
func (m *model) people() []*chatv1.User {
	users, _ := m.room.Roster()
	for _, message := range m.timeline.messages {
		sender := message.GetSender()
		if !slices.ContainsFunc(users, func(u *chatv1.User) bool { return u.GetId() == sender.GetId() }) {
			users = append(users, sender)
		}
	}
	return users
}

// person finds whom an argument begins with, and returns the rest of it: a name that is known, the longest that fits and rather
// of somebody here, or an id. A problem is in words for who typed it.
func (m *model) person(argument string) (user *chatv1.User, rest, problem string) {
	argument = strings.TrimPrefix(argument, "@")
	word := argument[:wordLength(argument)]
	if id, isID := strings.CutPrefix(word, "id:"); isID && id != "" || strings.HasPrefix(word, "guest-") {
		if user = m.known[id]; user == nil {
			user = &chatv1.User{Id: id, DisplayName: id}
		}
		return user, strings.TrimSpace(argument[len(word):]), ""
	}
	here := make(map[string]*chatv1.User)
	if m.room != nil {
		for _, u := range m.people() {
			here[u.GetId()] = u
		}
	}
	for _, among := range []map[string]*chatv1.User{here, m.known} {
		switch found, length := namedFirst(among, argument); len(found) {
		case 0:
		case 1:
			return found[0], strings.TrimSpace(argument[length:]), ""
		default:
			return nil, "", "several people are called " + argument[:length] + "; say which: " + idArguments(found)
		}
	}
	return nil, "", "nobody known is called " + word + "; /members lists who is in, and id:ID does, too"
}

// wordLength is where a space or a comma ends what a text begins with.
func wordLength(text string) int {
	if end := strings.IndexAny(text, " ,"); end >= 0 {
		return end
	}
	return len(text)
}

// namedFirst returns those among people whose name a text begins with, in whatever case, and the name's length: the longest.
func namedFirst(among map[string]*chatv1.User, text string) (found []*chatv1.User, length int) {
	for _, u := range among {
		name := u.GetDisplayName()
		n := len(name)
		if n == 0 || n < length || n > len(text) || !strings.EqualFold(text[:n], name) || continuesWord(text[n:]) {
			continue
		}
		if n > length {
			found, length = nil, n
		}
		found = append(found, u)
	}
	return found, length
}

// idArguments are what to type to mean one of these.
func idArguments(users []*chatv1.User) string {
	var ids []string
	for _, u := range users {
		ids = append(ids, idArgument(u.GetId()))
	}
	slices.Sort(ids)
	return strings.Join(ids, ", ")
}

func idArgument(id string) string {
	if strings.HasPrefix(id, "guest-") {
		return id
	}
	return "id:" + id
}
