package terminal

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

func peopleSlashes() []slash {
	return []slash{
		{"who", "", "is here now", func(m *model, _ string) tea.Cmd { m.showPeople(); return nil }},
		{"whois", "[NAME]", "id, role and profile", (*model).whois},
		{"members", "", "of this room", (*model).listMembers},
		{"msg", "NAME… [TEXT]", "talk directly", (*model).direct},
		{"invite", "NAME [guest]", "to this room", (*model).invite},
		{"block", "NAME", "hear no more of them", (*model).block},
		{"unblock", "NAME", "end that", (*model).unblock},
		{"blocked", "", "whom you have blocked", (*model).listBlocked},
	}
}

func moderationSlashes() []slash {
	return []slash{
		{"kick", "NAME", "remove from the room", (*model).kick},
		{"ban", "NAME [TIME] [WHY]", "and keep out", (*model).ban},
		{"unban", "NAME", "let in again", (*model).unban},
		{"mute", "NAME [TIME]", "keep from posting", (*model).mute},
		{"unmute", "NAME", "let post again", (*model).unmute},
		{"role", "NAME ROLE", "such as moderator", (*model).giveRole},
		{"admit", "NAME", "who asked to be let in", func(m *model, name string) tea.Cmd { return m.answer("admit", name, true) }},
		{"reject", "NAME", "who asked to be let in", func(m *model, name string) tea.Cmd { return m.answer("reject", name, false) }},
		{"link", "[USES] [TIME]", "for whoever has it", (*model).createLink},
		{"links", "", "that there are", (*model).listLinks},
		{"unlink", "ID", "end a link", (*model).removeLink},
		{"bans", "", "who is kept out", (*model).listBans},
		{"audit", "", "what moderators did", (*model).listAudit},
	}
}

// about is what a command needs that does something about somebody in the present room.
type about struct {
	room    string
	user    *chatv1.User
	rest    string // of the argument
	service chatv1.MemberServiceClient
}

// aboutSomebody finds whom an argument names, or says why not.
func (m *model) aboutSomebody(argument string) (a about, ok bool) {
	room, ok := m.inRoom()
	if !ok {
		return about{}, false
	}
	user, rest, problem := m.person(argument)
	if problem != "" {
		m.say(problem)
		return about{}, false
	}
	return about{room, user, rest, m.memberService()}, true
}

func (a about) name() string { return a.user.GetDisplayName() }

// moderate does something about somebody whom an argument names.
func (m *model) moderate(command, argument, said string, call func(context.Context, about) error) tea.Cmd {
	a, ok := m.aboutSomebody(argument)
	if !ok {
		return nil
	}
	return m.change(command, a.name()+" "+said, func(ctx context.Context) error { return call(ctx, a) })
}

func (m *model) kick(argument string) tea.Cmd {
	return m.moderate("kick", argument, "is no member any more", func(ctx context.Context, a about) error {
		_, err := a.service.RemoveMember(ctx, &chatv1.RemoveMemberRequest{Room: a.room, UserId: a.user.GetId()})
		return err
	})
}

func (m *model) ban(argument string) tea.Cmd {
	return m.moderate("ban", argument, "is banned", func(ctx context.Context, a about) error {
		request := &chatv1.BanMemberRequest{Room: a.room, UserId: a.user.GetId(), Reason: a.rest}
		word, reason, _ := strings.Cut(a.rest, " ")
		if d, ok := parseTime(word); ok {
			request.Duration, request.Reason = durationpb.New(d), strings.TrimSpace(reason)
		}
		_, err := a.service.BanMember(ctx, request)
		return err
	})
}

func (m *model) unban(argument string) tea.Cmd {
	return m.moderate("unban", argument, "is not banned any more", func(ctx context.Context, a about) error {
		_, err := a.service.UnbanMember(ctx, &chatv1.UnbanMemberRequest{Room: a.room, UserId: a.user.GetId()})
		return err
	})
}

func (m *model) mute(argument string) tea.Cmd {
	a, ok := m.aboutSomebody(argument)
	if !ok {
		return nil
	}
	request, said := &chatv1.MuteMemberRequest{Room: a.room, UserId: a.user.GetId()}, a.name()+" is muted"
	if a.rest != "" {
		d, ok := parseTime(a.rest)
		if !ok {
			m.say("/mute takes a time such as 10m, 2h or 1d behind the name")
			return nil
		}
		request.Duration, said = durationpb.New(d), said+" for "+a.rest
	}
	return m.change("mute", said, func(ctx context.Context) error {
		_, err := a.service.MuteMember(ctx, request)
		return err
	})
}

func (m *model) unmute(argument string) tea.Cmd {
	return m.moderate("unmute", argument, "may post again", func(ctx context.Context, a about) error {
		_, err := a.service.UnmuteMember(ctx, &chatv1.UnmuteMemberRequest{Room: a.room, UserId: a.user.GetId()})
		return err
	})
}

func (m *model) giveRole(argument string) tea.Cmd {
	a, ok := m.aboutSomebody(argument)
	if !ok {
		return nil
	}
	role, ok := parseRole(a.rest)
	if !ok {
		m.say("/role takes a name and one of " + roleNames)
		return nil
	}
	return m.change("role", a.name()+" is "+article(role)+" now", func(ctx context.Context) error {
		_, err := a.service.UpdateMember(ctx, &chatv1.UpdateMemberRequest{Room: a.room, UserId: a.user.GetId(), Role: role})
		return err
	})
}

func (m *model) answer(command, argument string, accept bool) tea.Cmd {
	said := "is a member now"
	if !accept {
		said = "is not let in"
	}
	return m.moderate(command, argument, said, func(ctx context.Context, a about) error {
		_, err := a.service.AnswerMembershipRequest(ctx, &chatv1.AnswerMembershipRequestRequest{
			Room: a.room, UserId: a.user.GetId(), Accept: accept,
		})
		return err
	})
}

func (m *model) invite(argument string) tea.Cmd {
	a, ok := m.aboutSomebody(argument)
	if !ok {
		return nil
	}
	role := chatv1.Role_ROLE_MEMBER
	switch a.rest {
	case "", "member":
	case "guest":
		role = chatv1.Role_ROLE_GUEST
	default:
		m.say("/invite takes a name and perhaps guest")
		return nil
	}
	return m.change("invite", a.name()+" is invited", func(ctx context.Context) error {
		_, err := a.service.InviteMember(ctx, &chatv1.InviteMemberRequest{Room: a.room, UserId: a.user.GetId(), Role: role})
		return err
	})
}

// direct opens the direct room with some people, and posts a text there if there is one.
func (m *model) direct(argument string) tea.Cmd {
	var others []string
	for {
		user, rest, problem := m.person(argument)
		if problem != "" {
			m.say(problem)
			return nil
		}
		others = append(others, user.GetId())
		m.meet(user)
		next, more := strings.CutPrefix(rest, ",")
		argument = strings.TrimSpace(next)
		if !more {
			break
		}
	}
	service, text := m.roomService(), argument
	return m.do("msg", func(ctx context.Context) (doneMsg, error) {
		response, err := service.OpenDirectRoom(ctx, &chatv1.OpenDirectRoomRequest{UserIds: others})
		id := response.GetRoom().GetId()
		return doneMsg{next: func(m *model) tea.Cmd {
			if text == "" {
				return m.goTo(id)
			}
			return tea.Batch(m.postElsewhere(id, text), m.goTo(id))
		}}, err
	})
}

// postElsewhere posts to a room that is not the present one.
func (m *model) postElsewhere(room, text string) tea.Cmd {
	if m.room != nil && m.room.ID() == room {
		return m.submit(text)
	}
	o := &outgoing{room: room, text: text, clientID: client.NewClientID()}
	m.behind[o.clientID] = struct{}{}
	m.outbox = append(m.outbox, o)
	return m.handOver()
}

// maxPeopleShown keeps the answer to /who on one screen.
const maxPeopleShown = 20

// showPeople says who is connected to the room.
func (m *model) showPeople() {
	if _, ok := m.inRoom(); !ok {
		return
	}
	users, online := m.room.Roster()
	if len(users) == 0 {
		m.say(count(online) + " people are here")
		return
	}
	var names []string
	for _, user := range users[:min(len(users), maxPeopleShown)] {
		names = append(names, m.nameWithMark(user))
	}
	if more := online - len(names); more > 0 {
		names = append(names, count(more)+" more")
	}
	m.show("here: " + strings.Join(names, ", "))
}

// nameWithMark says beside a name what one should know of it.
func (m *model) nameWithMark(user *chatv1.User) string {
	switch name := user.GetDisplayName(); {
	case user.GetId() == m.chat.User().GetId():
		return name + " (you)"
	case user.GetGuest():
		return name + " (guest)"
	case name == "":
		return user.GetId()
	default:
		return name
	}
}

// whois says somebody's id, which is how others name them who have not met them, and what they are in this room.
func (m *model) whois(argument string) tea.Cmd {
	user := m.chat.User()
	if argument != "" {
		var problem string
		if user, _, problem = m.person(argument); problem != "" {
			m.say(problem)
			return nil
		}
	}
	said := m.nameWithMark(user) + " is " + idArgument(user.GetId())
	label := m.called(m.roomName())
	if m.room == nil {
		m.show(said)
		return nil
	}
	room, chat := m.room.ID(), m.chat
	return m.do("whois", func(ctx context.Context) (doneMsg, error) {
		profile, err := chatv1.NewUserServiceClient(chat.Conn()).GetProfiles(ctx, &chatv1.GetProfilesRequest{UserIds: []string{user.GetId()}})
		if err != nil {
			return doneMsg{}, err
		}
		for member, err := range chat.ListMembers(ctx, room) {
			if err != nil {
				return doneMsg{}, err
			}
			if member.GetUser().GetId() == user.GetId() {
				said += ", " + memberText(member) + " of " + label
				break
			}
		}
		lines := []string{said}
		for _, p := range profile.GetProfiles() {
			if text := strings.TrimSpace(p.GetEmoji() + " " + p.GetAbout()); text != "" {
				lines = append(lines, text)
			}
		}
		return doneMsg{next: func(m *model) tea.Cmd { m.show(lines...); return nil }}, nil
	})
}

var roles = []chatv1.Role{chatv1.Role_ROLE_GUEST, chatv1.Role_ROLE_MEMBER, chatv1.Role_ROLE_MODERATOR, chatv1.Role_ROLE_OWNER}

const roleNames = "guest, member, moderator or owner"

func roleName(role chatv1.Role) string {
	if role == chatv1.Role_ROLE_UNSPECIFIED {
		return "visitor"
	}
	return strings.ToLower(strings.TrimPrefix(role.String(), "ROLE_"))
}

func article(role chatv1.Role) string {
	if role == chatv1.Role_ROLE_OWNER {
		return "an owner"
	}
	return "a " + roleName(role)
}

func parseRole(name string) (chatv1.Role, bool) {
	i := slices.IndexFunc(roles, func(r chatv1.Role) bool { return roleName(r) == name })
	if i < 0 {
		return 0, false
	}
	return roles[i], true
}
