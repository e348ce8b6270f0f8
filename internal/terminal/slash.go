package terminal

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// slash is a command that is typed behind a slash.
type slash struct {
	name  string
	takes string // its arguments; those in brackets may be left out
	does  string
	run   func(m *model, argument string) tea.Cmd
}

// slashSection is a group of commands in the help.
type slashSection struct {
	title    string
	commands []slash
}

// slashes are the commands there are. A function, since /help is one of them.
func slashes() []slashSection {
	return []slashSection{
		{"Commands", generalSlashes()},
		{"In and out of rooms", roomSlashes()},
		{"Settings of a room", settingSlashes()},
		{"People", peopleSlashes()},
		{"Moderation", moderationSlashes()},
	}
}

func generalSlashes() []slash {
	return []slash{
		{"help", "", "this (also F1)", func(m *model, _ string) tea.Cmd { m.openHelp(); return nil }},
		{"nick", "NAME", "the name that others see", (*model).rename},
		{"about", "TEXT", "of yourself; - for nothing", (*model).describe},
		{"react", "EMOJI", "to the newest message", func(m *model, emoji string) tea.Cmd { return m.reactTo(m.timeline.last(), emoji) }},
		{"find", "[WORDS]", "in this room", func(m *model, words string) tea.Cmd { m.find(words); return m.refind() }},
		{"quit", "", "end (also Ctrl+C)", func(m *model, _ string) tea.Cmd { return m.quit() }},
	}
}

// command obeys a line that began with a slash.
func (m *model) command(line string) tea.Cmd {
	name, argument, _ := strings.Cut(line, " ")
	argument = strings.TrimSpace(argument)
	command := findSlash(name)
	switch {
	case command == nil:
		m.say("no command /" + name + "; see /help")
	case argument == "" && command.takes != "" && !strings.HasPrefix(command.takes, "["):
		m.say("/" + name + " needs " + command.takes)
	default:
		return command.run(m, argument)
	}
	return nil
}

func findSlash(name string) *slash {
	for _, section := range slashes() {
		for _, command := range section.commands {
			if command.name == name {
				return &command
			}
		}
	}
	return nil
}

// callTimeout is how long a command waits for the server.
const callTimeout = 15 * time.Second

// doneMsg is what became of a command.
type doneMsg struct {
	command string
	said    string                  // of its success
	next    func(m *model) tea.Cmd  // after that; may be nil
	listed  func(m *model) []string // shown as a list under said, if it is one
	users   []*chatv1.User          // whom it told of
	err     error
}

// do carries out a command aside.
func (m *model) do(command string, call func(ctx context.Context) (doneMsg, error)) tea.Cmd {
	ctx := m.ctx
	return func() tea.Msg {
		limited, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		done, err := call(limited)
		done.command, done.err = command, err
		return done
	}
}

// change is [model.do] of what needs no more than a word when it is done.
func (m *model) change(command, said string, call func(ctx context.Context) error) tea.Cmd {
	return m.do(command, func(ctx context.Context) (doneMsg, error) { return doneMsg{said: said}, call(ctx) })
}

// done says what became of a command.
func (m *model) done(msg doneMsg) tea.Cmd {
	m.meet(msg.users...)
	switch {
	case msg.err != nil && m.ctx.Err() != nil:
		return nil
	case msg.err != nil:
		m.say("/" + msg.command + ": " + reason(msg.err))
		return nil
	case msg.listed != nil:
		m.showList(msg.said, msg.listed(m))
	case msg.said != "":
		m.say(msg.said)
	}
	if msg.next != nil {
		return msg.next(m)
	}
	return nil
}

func (m *model) memberService() chatv1.MemberServiceClient {
	return chatv1.NewMemberServiceClient(m.chat.Conn())
}

func (m *model) roomService() chatv1.RoomServiceClient {
	return chatv1.NewRoomServiceClient(m.chat.Conn())
}

// inRoom is the present room's id; none is said.
func (m *model) inRoom() (id string, ok bool) {
	if m.room == nil {
		m.say("no room yet")
		return "", false
	}
	return m.room.ID(), true
}

// roomOr is the room that an argument names, or the present one.
func (m *model) roomOr(argument string) (id string, ok bool) {
	if argument == "" {
		return m.inRoom()
	}
	id = strings.TrimPrefix(argument, "#")
	if problem := roomIDProblem(id); problem != "" {
		m.say(problem)
		return "", false
	}
	return id, true
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

// rename sets the name in this user's profile, which goes before all others; a new session begins under it.
func (m *model) rename(name string) tea.Cmd {
	service, chat := chatv1.NewUserServiceClient(m.chat.Conn()), m.chat
	return m.change("nick", "from now on: "+name, func(ctx context.Context) error {
		if _, err := service.UpdateProfile(ctx, &chatv1.UpdateProfileRequest{DisplayName: &name}); err != nil {
			return err
		}
		return chat.SetDisplayName(name)
	})
}

// describe sets what this user says of themselves.
func (m *model) describe(about string) tea.Cmd {
	said := "you say of yourself: " + about
	if about == "-" {
		about, said = "", "you say nothing of yourself"
	}
	service := chatv1.NewUserServiceClient(m.chat.Conn())
	return m.change("about", said, func(ctx context.Context) error {
		_, err := service.UpdateProfile(ctx, &chatv1.UpdateProfileRequest{About: &about})
		return err
	})
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
