package terminal

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/protobuf/types/known/durationpb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

func roomSlashes() []slash {
	return []slash{
		{"rooms", "", "go to a room (also Ctrl+K)", func(m *model, _ string) tea.Cmd { return m.switchRooms() }},
		{"join", "[ROOM]", "become a member, and go there", (*model).becomeMember},
		{"leave", "[ROOM]", "be no member any more", (*model).leaveRoom},
		{"create", "ROOM [TITLE]", "make a public room", (*model).createPublic},
		{"private", "TITLE", "make a private room", (*model).createPrivate},
		{"accept", "[ROOM]", "an invitation", (*model).accept},
		{"decline", "[ROOM]", "an invitation", (*model).decline},
		{"ask", "ROOM [NOTE]", "to be let in", (*model).askToComeIn},
		{"use", "TOKEN", "a link into a room", (*model).useLink},
	}
}

func settingSlashes() []slash {
	return []slash{
		{"topic", "[TEXT]", "show or set it; - for none", (*model).topic},
		{"title", "TEXT", "what the room is called", (*model).title},
		{"slow", "TIME", "between messages; off", (*model).slowMode},
		{"posting", "ROLE", "that may post; everybody", (*model).posting},
		{"kind", "public|private", "who may come in", (*model).kind},
		{"requests", "[on|off]", "to come in; or who asks", (*model).requests},
		{"archive", "", "make the room read only", func(m *model, _ string) tea.Cmd { return m.archive("archive", true) }},
		{"unarchive", "", "end that", func(m *model, _ string) tea.Cmd { return m.archive("unarchive", false) }},
	}
}

// becomeMember makes this user a member of a room, so that it stays in their list, and goes there. One that does not exist is gone
// to all the same: the first message makes it.
func (m *model) becomeMember(argument string) tea.Cmd {
	id, ok := m.roomOr(argument)
	if !ok {
		return nil
	}
	if m.room == nil || m.room.ID() != id {
		m.staying = id
		return m.goTo(id)
	}
	return m.stay()
}

// stay makes this user a member of the present room, if it exists and they are none.
func (m *model) stay() tea.Cmd {
	id := m.room.ID()
	switch {
	case m.list.feed.Room(id) != nil:
		return nil
	case m.room.Info().GetKind() == chatv1.RoomKind_ROOM_KIND_UNSPECIFIED:
		m.say(id + " is new: the first message makes it")
		return nil
	}
	return m.addMember("join", &chatv1.AddMemberRequest{Room: id})
}

// addMember makes this user a member of a room, and goes there.
func (m *model) addMember(command string, request *chatv1.AddMemberRequest) tea.Cmd {
	service := m.memberService()
	return m.do(command, func(ctx context.Context) (doneMsg, error) {
		response, err := service.AddMember(ctx, request)
		id := response.GetMember().GetRoom()
		return doneMsg{next: func(m *model) tea.Cmd {
			m.say("you are a member of " + m.called(id) + " now")
			if m.roomName() == id {
				return nil
			}
			return m.goTo(id)
		}}, err
	})
}

func (m *model) leaveRoom(argument string) tea.Cmd {
	id, ok := m.roomOr(argument)
	if !ok {
		return nil
	}
	if m.list.feed.Known && m.list.feed.Room(id) == nil {
		m.say("you are no member of " + m.called(id))
		return nil
	}
	service := m.memberService()
	return m.change("leave", "you are no member of "+m.called(id)+" any more", func(ctx context.Context) error {
		_, err := service.RemoveMember(ctx, &chatv1.RemoveMemberRequest{Room: id})
		return err
	})
}

func (m *model) createPublic(argument string) tea.Cmd {
	word, title, _ := strings.Cut(argument, " ")
	id, ok := m.roomOr(word)
	if !ok {
		return nil
	}
	return m.create("create", &chatv1.CreateRoomRequest{Room: id, Title: strings.TrimSpace(title), Kind: chatv1.RoomKind_ROOM_KIND_PUBLIC})
}

// createPrivate leaves the id to the server, which chooses one that cannot be guessed.
func (m *model) createPrivate(title string) tea.Cmd {
	return m.create("private", &chatv1.CreateRoomRequest{Title: title, Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE})
}

func (m *model) create(command string, request *chatv1.CreateRoomRequest) tea.Cmd {
	service := m.roomService()
	return m.do(command, func(ctx context.Context) (doneMsg, error) {
		response, err := service.CreateRoom(ctx, request)
		id := response.GetRoom().GetId()
		return doneMsg{next: func(m *model) tea.Cmd { return m.goTo(id) }}, err
	})
}

// invitation is the one that an argument names, or the only one.
func (m *model) invitation(argument string) (id string, ok bool) {
	invitations := m.list.feed.Invitations
	switch {
	case argument != "":
		id = strings.TrimPrefix(argument, "#")
	case len(invitations) == 1:
		id = invitations[0].GetRoom().GetId()
	}
	if m.list.feed.Invitation(id) != nil {
		return id, true
	}
	var lines []string
	for _, i := range invitations {
		lines = append(lines, m.invitationText(i))
	}
	if len(lines) == 0 {
		lines = []string{"nobody invites you to a room"}
	}
	m.show(lines...)
	return "", false
}

func (m *model) accept(argument string) tea.Cmd {
	id, ok := m.invitation(argument)
	if !ok {
		return nil
	}
	return m.addMember("accept", &chatv1.AddMemberRequest{Room: id})
}

func (m *model) decline(argument string) tea.Cmd {
	id, ok := m.invitation(argument)
	if !ok {
		return nil
	}
	service := m.memberService()
	return m.change("decline", "declined: "+m.called(id), func(ctx context.Context) error {
		_, err := service.RemoveInvitation(ctx, &chatv1.RemoveInvitationRequest{Room: id})
		return err
	})
}

func (m *model) askToComeIn(argument string) tea.Cmd {
	word, note, _ := strings.Cut(argument, " ")
	id, ok := m.roomOr(word)
	if !ok {
		return nil
	}
	service := m.memberService()
	said := "asked; if there is such a room and it takes requests, its moderators see it"
	return m.change("ask", said, func(ctx context.Context) error {
		_, err := service.RequestMembership(ctx, &chatv1.RequestMembershipRequest{Room: id, Note: strings.TrimSpace(note)})
		return err
	})
}

func (m *model) useLink(token string) tea.Cmd {
	return m.addMember("use", &chatv1.AddMemberRequest{Link: token})
}

// update changes settings of the present room; an event shows most of them.
func (m *model) update(command, said string, request *chatv1.UpdateRoomRequest) tea.Cmd {
	id, ok := m.inRoom()
	if !ok {
		return nil
	}
	request.Room = id
	service := m.roomService()
	return m.change(command, said, func(ctx context.Context) error {
		_, err := service.UpdateRoom(ctx, request)
		return err
	})
}

func (m *model) topic(text string) tea.Cmd {
	if _, ok := m.inRoom(); !ok {
		return nil
	}
	if text == "" {
		topic := m.room.Info().GetTopic()
		if topic == "" {
			topic = "no topic"
		}
		m.show(strings.Split(topic, "\n")...)
		return nil
	}
	if text == "-" {
		text = ""
	}
	return m.update("topic", "the topic is set", &chatv1.UpdateRoomRequest{Topic: &text})
}

func (m *model) title(text string) tea.Cmd {
	return m.update("title", "the title is set", &chatv1.UpdateRoomRequest{Title: &text})
}

func (m *model) slowMode(argument string) tea.Cmd {
	least, said := time.Duration(0), "no slow mode any more"
	if argument != "off" {
		var ok bool
		if least, ok = parseTime(argument); !ok {
			m.say("/slow takes a time such as 30s or 5m, or off")
			return nil
		}
		said = "one message each " + argument
	}
	return m.update("slow", said, &chatv1.UpdateRoomRequest{SlowMode: durationpb.New(least)})
}

func (m *model) posting(argument string) tea.Cmd {
	role := chatv1.Role_ROLE_UNSPECIFIED
	if argument != "everybody" {
		var ok bool
		if role, ok = parseRole(argument); !ok {
			m.say("/posting takes everybody, " + roleNames)
			return nil
		}
	}
	return m.update("posting", "who may post from now on: "+argument, &chatv1.UpdateRoomRequest{Posting: &role})
}

func (m *model) kind(argument string) tea.Cmd {
	kind := chatv1.RoomKind_ROOM_KIND_PUBLIC
	switch argument {
	case "public":
	case "private":
		kind = chatv1.RoomKind_ROOM_KIND_PRIVATE
	default:
		m.say("/kind takes public or private")
		return nil
	}
	return m.update("kind", "the room is "+argument+" now", &chatv1.UpdateRoomRequest{Kind: &kind})
}

func (m *model) requests(argument string) tea.Cmd {
	takes := argument == "on"
	switch argument {
	case "":
		return m.listRequests()
	case "on", "off":
		return m.update("requests", "requests to be let in: "+argument, &chatv1.UpdateRoomRequest{JoinRequests: &takes})
	}
	m.say("/requests takes on, off, or nothing to list them")
	return nil
}

func (m *model) archive(command string, archived bool) tea.Cmd {
	said := "the room is read only now"
	if !archived {
		said = "the room is not archived any more"
	}
	return m.update(command, said, &chatv1.UpdateRoomRequest{Archived: &archived})
}
