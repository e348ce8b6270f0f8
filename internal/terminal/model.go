package terminal

import (
	"context"
	"errors"
	"time"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textarea"
	tea "charm.land/bubbletea/v2"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

const (
	typingShown = 6 * time.Second // as rialto.chat.v1.Signaled says
	noticeShown = 8 * time.Second
	pageSize    = 50
)

// model is the screen's state. Update is the only writer; what waits or calls out is in commands, which see none of it.
type model struct {
	ctx     context.Context // of the whole program; commands wait under it
	chat    chat
	options ScreenOptions
	states  <-chan client.State // of the connection
	feeds   <-chan client.Feed  // of this user

	now      time.Time
	state    client.State
	refusal  error // set when the server refused before the first welcome
	quitting bool
	warned   bool // that messages are on their way
	blurred  bool // the terminal has lost the focus

	room     room // nil until the first is joined
	joining  string
	staying  string // the room of which this user is to become a member once it is joined; empty: none
	timeline timeline
	online   uint32
	typists  []typist
	newAfter uint64 // what follows this message was not read when the room was entered, or the terminal left; 0: nothing
	paging   bool   // a page is being fetched
	atStart  bool   // the room's first message is held
	notice   []string
	dropAt   time.Time           // when the notice goes; zero: not by itself
	outbox   []*outgoing         // written and not yet taken by the client, in order
	behind   map[string]struct{} // client_ids of messages on their way to rooms that were left
	sending  bool                // one of them is being handed over

	input     textarea.Model
	composing composing
	drafts    map[string]string // what was being written in rooms that were left

	mode     mode
	chosen   uint64 // the message, while choosing
	doomed   bool   // it is deleted when asked for once more
	search   search
	switcher switcher
	panel    panel
	panelTop int // the first line of the help, or of the panel, that is seen
	list     roomList
	known    map[string]*chatv1.User // people met anywhere, by id
	askedWho map[string]bool         // direct rooms whose members were asked for
	blocked  map[string]bool         // whom this user has blocked, by id

	width, height int // of the terminal
	layout        layout
}

// typist is somebody who is typing.
type typist struct {
	id, name string
	until    time.Time
}

// outgoing is a message for the client to take.
type outgoing struct {
	room, text, clientID string
	replyTo              uint64
	mentions             []string
}

// What commands bring back.
type (
	tickMsg   time.Time
	stateMsg  client.State
	feedMsg   client.Feed
	joinedMsg struct {
		id   string
		room room
		err  error
	}
	eventMsg struct {
		room  room
		event *chatv1.Event
		err   error
	}
	pageMsg struct {
		room     room
		messages []*chatv1.Message
		err      error
	}
	handedOverMsg struct {
		outgoing    *outgoing
		publication publication
		err         error
	}
	outcomeMsg struct {
		clientID string
		result   *chatv1.PublishResult
		err      error
	}
	changedMsg struct {
		room room
		what string // went wrong, if err is one
		err  error
	}
	noticeMsg string
)

func newModel(ctx context.Context, c chat, o ScreenOptions, states <-chan client.State, feeds <-chan client.Feed, now time.Time) *model {
	input := textarea.New()
	input.Prompt = "> "
	input.ShowLineNumbers = false
	input.EndOfBufferCharacter = ' '
	input.DynamicHeight, input.MinHeight, input.MaxHeight, input.MaxContentHeight = true, 1, maxInputHeight, 20_000
	input.KeyMap.InsertNewline = key.NewBinding(key.WithKeys("alt+enter", "shift+enter", "ctrl+j"))
	input.SetVirtualCursor(false)
	input.Focus()
	m := &model{
		ctx: ctx, chat: c, options: o, states: states, feeds: feeds, now: now, joining: o.Room, input: input,
		behind: make(map[string]struct{}), drafts: make(map[string]string),
		known: make(map[string]*chatv1.User), askedWho: make(map[string]bool), blocked: make(map[string]bool),
	}
	m.setDark(true)
	return m
}

// Init begins everything that goes on by itself.
func (m *model) Init() tea.Cmd {
	return tea.Batch(m.awaitTick(), m.awaitState(), m.awaitFeed(), m.join(m.joining), tea.RequestBackgroundColor)
}

// Update takes one message in.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.resize(msg.Width, msg.Height)
	case tea.BackgroundColorMsg:
		m.setDark(msg.IsDark())
	case tea.FocusMsg:
		m.blurred = false
		m.markRead()
	case tea.BlurMsg:
		m.leaveTerminal()
	case tea.PasteMsg:
		return m, m.paste(msg)
	case tea.KeyPressMsg:
		return m, m.press(msg)
	case tea.MouseWheelMsg:
		return m, m.wheel(msg)
	case tea.MouseClickMsg:
		return m, m.click(msg)
	case tickMsg:
		m.tick(time.Time(msg))
		return m, m.awaitTick()
	case stateMsg:
		return m, m.connection(client.State(msg))
	case feedMsg:
		return m, m.tookFeed(client.Feed(msg))
	case joinedMsg:
		return m, m.joined(msg)
	case eventMsg:
		return m, m.event(msg)
	case pageMsg:
		return m, m.page(msg)
	case handedOverMsg:
		return m, m.handedOver(msg)
	case outcomeMsg:
		m.outcome(msg)
	case changedMsg:
		m.changed(msg)
	case noticeMsg:
		m.say(string(msg))
	case roomsMsg:
		m.tookRooms(msg)
	case blockedMsg:
		m.tookBlocked(msg)
	case metMsg:
		m.meet(msg...)
	case doneMsg:
		return m, m.done(msg)
	default:
		return m, m.updateInput(msg)
	}
	return m, nil
}

// paste takes pasted text to where the keys go.
func (m *model) paste(msg tea.PasteMsg) tea.Cmd {
	switch m.mode {
	case finding:
		m.search.query.add(msg.Content)
		return m.refind()
	case switching:
		m.switcher.query.add(msg.Content)
		return nil
	default:
		m.write()
		return m.updateInput(msg)
	}
}

// leaveTerminal notes that nobody looks: what comes now is new when they do.
func (m *model) leaveTerminal() {
	m.blurred = true
	if m.layout.following() {
		m.newAfter = m.timeline.last()
	}
}

func (m *model) tick(now time.Time) {
	m.now = now
	m.dropTypists(func(t typist) bool { return !t.until.After(now) })
	if !m.dropAt.IsZero() && !m.dropAt.After(now) {
		m.dropNotice()
	}
}

func (m *model) connection(state client.State) tea.Cmd {
	lives := state.Phase == client.Live && m.state.Phase != client.Live
	m.state = state
	if lives {
		return tea.Batch(m.awaitState(), m.fetchBlocked())
	}
	if state.Phase != client.Closed {
		return m.awaitState()
	}
	if m.chat.User() == nil && state.Err != nil {
		m.refusal = state.Err
		return m.quit()
	}
	return nil
}

// quit ends the program, but not at the first try with messages on their way: nothing is lost unsaid.
func (m *model) quit() tea.Cmd {
	if n := len(m.timeline.pending) + len(m.behind); n > 0 && !m.warned && m.refusal == nil {
		m.warned = true
		m.say("not stored yet: " + count(n) + "; once more to leave without them")
		return nil
	}
	m.quitting = true
	return tea.Quit
}

// joined moves to a room that was joined, unless another was asked for since.
func (m *model) joined(msg joinedMsg) tea.Cmd {
	if msg.id == m.joining {
		m.joining = ""
	} else if msg.err == nil {
		msg.room.Leave()
		return nil
	}
	if msg.err != nil {
		if !errors.Is(msg.err, client.ErrClosed) && !errors.Is(msg.err, context.Canceled) {
			m.say("cannot join " + msg.id + ": " + joinProblem(msg.id, msg.err))
			m.takeUpDraft()
		}
		return nil
	}
	if m.room != nil {
		m.remember()
		m.room.Leave()
	}
	for _, p := range m.timeline.pending {
		if p.seq == 0 && p.failure == "" {
			m.behind[p.clientID] = struct{}{}
		}
	}
	m.room = msg.room
	m.timeline, m.online, m.typists, m.paging, m.atStart = timeline{}, 0, nil, false, false
	m.composing, m.newAfter = composing{}, 0
	if m.room.Unread() > 0 {
		m.newAfter = m.room.ReadUpTo()
	}
	m.takeUpDraft()
	m.write()
	m.layout.follow()
	m.relayout()
	if m.staying == m.room.ID() {
		m.staying = ""
		return tea.Batch(m.awaitEvent(), m.stay())
	}
	return m.awaitEvent()
}

// joinProblem says why a room cannot be joined; of an id that no room can have, in our own words.
func joinProblem(id string, err error) string {
	if problem := refusedID(id, err); problem != "" {
		return problem
	}
	return reason(err)
}

// event takes what happened in the room.
func (m *model) event(msg eventMsg) tea.Cmd {
	if msg.room != m.room {
		return nil // it was left
	}
	switch {
	case msg.err == nil:
	case errors.Is(msg.err, client.ErrClosed), errors.Is(msg.err, context.Canceled):
		return nil
	case errors.Is(msg.err, client.ErrDeleted):
		m.timeline = timeline{}
		m.relayout()
		m.show(m.roomLabel() + " was deleted; Ctrl+K goes to another room")
		return nil
	case errors.Is(msg.err, client.ErrShutOut):
		m.show("you may not see " + m.roomLabel() + " any more; Ctrl+K goes to another room")
		return nil
	default:
		m.say("no more of " + m.roomLabel() + ": " + reason(msg.err))
		return nil
	}
	m.metIn(msg.event)
	switch kind := msg.event.GetKind().(type) {
	case *chatv1.Event_MemberChanged:
		m.memberChanged(kind.MemberChanged, msg.event.GetActor())
	case *chatv1.Event_MemberRemoved:
		m.memberRemoved(kind.MemberRemoved, msg.event.GetActor())
	case *chatv1.Event_Presence:
		m.online = kind.Presence.GetOnline()
		return m.awaitEvent()
	case *chatv1.Event_Signaled:
		m.typing(kind.Signaled)
		return m.awaitEvent()
	case *chatv1.Event_Posted:
		m.dropTypists(func(t typist) bool { return t.id == kind.Posted.GetSender().GetId() })
	case *chatv1.Event_Snapshot:
		m.atStart = false
	}
	m.timeline.apply(msg.event, m.chat.User().GetId())
	if m.layout.following() {
		m.timeline.trim()
	}
	m.atStart = m.atStart && m.timeline.first() <= m.firstSeq()
	m.relayout()
	m.markRead()
	return m.awaitEvent()
}

// markRead says that the newest message was seen, if it was.
func (m *model) markRead() {
	if last := m.timeline.last(); m.room != nil && last > 0 && !m.blurred && m.layout.following() {
		m.room.MarkRead(last)
	}
}

// firstSeq is the seq of the oldest message that can be fetched.
func (m *model) firstSeq() uint64 { return max(m.room.Info().GetFirstSeq(), 1) }

func (m *model) typing(s *chatv1.Signaled) {
	id := s.GetUser().GetId()
	m.dropTypists(func(t typist) bool { return t.id == id })
	if s.GetTyping() && id != m.chat.User().GetId() && !m.blocked[id] {
		m.typists = append(m.typists, typist{id, s.GetUser().GetDisplayName(), m.now.Add(typingShown)})
	}
}

func (m *model) dropTypists(gone func(typist) bool) {
	kept := m.typists[:0]
	for _, t := range m.typists {
		if !gone(t) {
			kept = append(kept, t)
		}
	}
	m.typists = kept
}

// say shows a line above the input for some seconds, or until the next message or command is sent.
func (m *model) say(line string) {
	m.show(line)
	m.dropAt = m.now.Add(noticeShown)
}

// show shows lines above the input until the next message or command is sent: they may be needed to type it.
func (m *model) show(lines ...string) {
	m.notice, m.dropAt = lines, time.Time{}
	m.relayout()
}

// dropNotice takes the notice away, and with it what it warned of.
func (m *model) dropNotice() {
	m.warned = false
	m.show()
}
