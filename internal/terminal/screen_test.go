package terminal

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"image/color"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

var update = flag.Bool("update", false, "write the golden frames anew")

var (
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	ana  = &chatv1.User{Id: "guest-ana", DisplayName: "ana", Guest: true}
	ben  = &chatv1.User{Id: "ben", DisplayName: "ben"}
)

// fakeChat is a chat that notes what is asked of it; what it answers, the test says as messages to the model.
type fakeChat struct {
	user  *chatv1.User
	names []string
	posts []outgoing
	*fakeServer
}

func (f *fakeChat) Join(context.Context, string, int) (room, error) {
	return nil, errors.ErrUnsupported
}
func (f *fakeChat) User() *chatv1.User { return f.user }

func (f *fakeChat) SetDisplayName(name string) error {
	f.names = append(f.names, name)
	return nil
}

func (f *fakeChat) PublishAsync(_ context.Context, o *outgoing) (publication, error) {
	f.posts = append(f.posts, *o)
	return unanswered{}, nil
}

func (f *fakeChat) ListRooms(context.Context) iter.Seq2[client.ListedRoom, error] {
	return func(yield func(client.ListedRoom, error) bool) {
		kitchen := &chatv1.Room{Id: "kitchen", HeadSeq: 12, Title: "The \x1b[31mkitchen"}
		_ = yield(client.ListedRoom{Room: kitchen, Read: &chatv1.ReadMarker{Unread: 4}}, nil) &&
			yield(client.ListedRoom{Room: &chatv1.Room{Id: "lobby", HeadSeq: 3}}, nil)
	}
}

type unanswered struct{}

func (unanswered) Wait(context.Context) (*chatv1.PublishResult, error) {
	return nil, errors.ErrUnsupported
}

type fakeRoom struct {
	id     string
	info   *chatv1.Room // beside its id
	users  []*chatv1.User
	unread int
	upTo   uint64
	did    []string // changes of messages
	fails  error    // of the next ones
	typing []bool
	read   uint64
	asked  []uint64 // before which seq a page was wanted
	left   bool
}

func (r *fakeRoom) ID() string          { return r.id }
func (r *fakeRoom) Typing(active bool)  { r.typing = append(r.typing, active) }
func (r *fakeRoom) MarkRead(seq uint64) { r.read = seq }
func (r *fakeRoom) Leave()              { r.left = true }
func (r *fakeRoom) Unread() int         { return r.unread }
func (r *fakeRoom) ReadUpTo() uint64    { return r.upTo }

func (r *fakeRoom) Info() *chatv1.Room {
	if r.info != nil {
		info := proto.CloneOf(r.info)
		info.Id = r.id
		return info
	}
	return &chatv1.Room{Id: r.id, FirstSeq: 1}
}

func (r *fakeRoom) Roster() ([]*chatv1.User, int) { return r.users, len(r.users) }

func (r *fakeRoom) Edit(_ context.Context, seq uint64, text string, opts ...client.EditOption) (*chatv1.Message, error) {
	r.did = append(r.did, fmt.Sprint("edit ", seq, " ", text, " ", opts))
	return nil, r.fails
}

func (r *fakeRoom) Delete(_ context.Context, seq uint64) error {
	r.did = append(r.did, fmt.Sprint("delete ", seq))
	return r.fails
}

func (r *fakeRoom) React(_ context.Context, seq uint64, emoji string) (*chatv1.Message, error) {
	r.did = append(r.did, fmt.Sprint("react ", seq, " ", emoji))
	return nil, r.fails
}

func (r *fakeRoom) Unreact(_ context.Context, seq uint64, emoji string) (*chatv1.Message, error) {
	r.did = append(r.did, fmt.Sprint("unreact ", seq, " ", emoji))
	return nil, r.fails
}

func (r *fakeRoom) Next(context.Context) (*chatv1.Event, error) { return nil, context.Canceled }

func (r *fakeRoom) History(_ context.Context, before uint64, _ int) ([]*chatv1.Message, error) {
	r.asked = append(r.asked, before)
	var page []*chatv1.Message
	for seq := uint64(1); seq < before; seq++ {
		page = append(page, said(ben, seq, noon, "old"))
	}
	return page, nil
}

// screen is a model under test, live in lobby.
type screen struct {
	t     *testing.T
	model *model
	chat  *fakeChat
	room  *fakeRoom
}

func newScreen(t *testing.T) *screen {
	t.Helper()
	s := &screen{t: t, chat: &fakeChat{user: ana, fakeServer: &fakeServer{}}, room: &fakeRoom{id: "lobby"}}
	options := ScreenOptions{Room: "lobby", Server: "localhost:9090", Local: time.UTC}
	s.model = newModel(t.Context(), s.chat, options, nil, nil, noon)
	s.send(tea.WindowSizeMsg{Width: 64, Height: 20})
	s.send(joinedMsg{id: "lobby", room: s.room})
	s.send(stateMsg{Phase: client.Live})
	return s
}

// send has the model take messages in, and drops the commands that come of them.
func (s *screen) send(messages ...tea.Msg) (last tea.Cmd) {
	for _, message := range messages {
		_, last = s.model.Update(message)
	}
	return last
}

// event has an event of the room come in.
func (s *screen) event(events ...*chatv1.Event) {
	for _, event := range events {
		s.send(eventMsg{room: s.room, event: event})
	}
}

// typed types text and presses keys.
func (s *screen) typed(text string, keys ...rune) (last tea.Cmd) {
	for _, r := range text {
		s.send(tea.KeyPressMsg{Code: r, Text: string(r)})
	}
	for _, code := range keys {
		last = s.send(tea.KeyPressMsg{Code: code})
	}
	return last
}

// frame returns the screen without its colours.
func (s *screen) frame() string {
	var lines []string
	for line := range strings.Lines(ansi.Strip(s.model.View().Content)) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return strings.Join(lines, "\n") + "\n"
}

// golden compares the screen with what is kept of it.
func (s *screen) golden(name string) {
	s.t.Helper()
	path := filepath.Join("testdata", name+".golden")
	got := s.frame()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if got != string(want) {
		s.t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
	}
}

func said(by *chatv1.User, seq uint64, at time.Time, text string) *chatv1.Message {
	return &chatv1.Message{
		Room: "lobby", Seq: seq, Rev: seq, Sender: by, CreateTime: timestamppb.New(at),
		Body: &chatv1.Message_Text{Text: text},
	}
}

func posted(m *chatv1.Message) *chatv1.Event {
	return &chatv1.Event{Room: "lobby", Rev: m.GetRev(), Kind: &chatv1.Event_Posted{Posted: m}}
}

func snapshot(messages ...*chatv1.Message) *chatv1.Event {
	head := uint64(len(messages))
	if head > 0 {
		head = messages[head-1].GetSeq()
	}
	return &chatv1.Event{Room: "lobby", Rev: head, Kind: &chatv1.Event_Snapshot{Snapshot: &chatv1.Snapshot{
		Room: &chatv1.Room{Id: "lobby", HeadSeq: head, HeadRev: head, FirstSeq: 1}, Messages: messages,
	}}}
}

func TestConversation(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	yesterday := noon.AddDate(0, 0, -1)
	edited := said(ben, 3, noon.Add(-time.Minute), "the second, \x1b[2Jcorrected")
	edited.EditTime = timestamppb.New(noon)
	edited.Reactions = []*chatv1.Reaction{{Emoji: "👍", UserIds: []string{"a", "b"}}}
	s.event(
		snapshot(said(ana, 1, yesterday, "good night"), said(ben, 2, noon.Add(-time.Minute), "good morning"), edited),
		posted(said(ana, 4, noon, "two\nlines and 世界 👩‍👩‍👧 and so much text that it has to be wrapped somewhere")),
		&chatv1.Event{Kind: &chatv1.Event_Presence{Presence: &chatv1.Presence{Reset_: true, Online: 2}}},
		&chatv1.Event{Kind: &chatv1.Event_Signaled{Signaled: &chatv1.Signaled{
			User: ben, Signal: &chatv1.Signaled_Typing{Typing: true},
		}}})
	s.typed("and now")
	s.golden("conversation")
	if s.room.read != 4 {
		t.Errorf("read up to %d", s.room.read)
	}

	// Nobody types for ever.
	s.send(tickMsg(noon.Add(7 * time.Second)))
	if strings.Contains(s.frame(), "is typing") {
		t.Error("ben still types")
	}
}

func TestOwnMessages(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot())
	for _, text := range []string{"on its way", "stored", "refused"} {
		command := s.typed(text, tea.KeyEnter)
		if command == nil {
			t.Fatalf("%q was not handed over", text)
		}
		s.send(command())
	}
	own := s.chat.posts
	s.send(outcomeMsg{clientID: own[1].clientID, result: &chatv1.PublishResult{Seq: 9}},
		outcomeMsg{clientID: own[2].clientID, err: status.Error(codes.InvalidArgument, "too long")})
	s.golden("own-messages")

	// Ctrl+R sends again what was refused, under the same id.
	command := s.send(tea.KeyPressMsg{Code: 'r', Mod: tea.ModCtrl})
	for _, message := range batch(command) {
		s.send(message)
	}
	if again := s.chat.posts[3]; again.clientID != own[2].clientID || again.text != own[2].text {
		t.Errorf("sent again as %v, first as %v", again, own[2])
	}
	// What came back is not pending any more; what somebody else sent under the same id is not ours.
	mine, theirs := said(ana, 1, noon, "on its way"), said(ben, 2, noon, "refused")
	mine.ClientId, theirs.ClientId = own[0].clientID, own[2].clientID
	s.event(posted(mine), posted(theirs))
	if n := len(s.model.timeline.pending); n != 2 {
		t.Errorf("%d pending, want the stored one and the repeated one", n)
	}
	s.send(outcomeMsg{clientID: own[2].clientID, err: status.Error(codes.InvalidArgument, "too long")})
	s.send(tea.KeyPressMsg{Code: 'x', Mod: tea.ModCtrl})
	if strings.Contains(s.frame(), "not sent") {
		t.Errorf("still there:\n%s", s.frame())
	}
}

// batch runs a command and returns all that came of it.
func batch(command tea.Cmd) []tea.Msg {
	if command == nil {
		return nil
	}
	message := command()
	commands, several := message.(tea.BatchMsg)
	if !several {
		return []tea.Msg{message}
	}
	var messages []tea.Msg
	for _, c := range commands {
		messages = append(messages, batch(c)...)
	}
	return messages
}

func TestReadingBack(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	var newest []*chatv1.Message
	for seq := uint64(31); seq <= 60; seq++ {
		newest = append(newest, said(ben, seq, noon, "message "+count(int(seq))))
	}
	s.event(snapshot(newest...))
	s.send(tea.KeyPressMsg{Code: tea.KeyPgUp})
	lowest := func() string { return s.model.layout.seen()[s.model.layout.rows-1].text }
	before := lowest()
	s.event(posted(said(ana, 61, noon, "news")), posted(said(ana, 62, noon, "more news")))
	if lowest() != before {
		t.Errorf("the view moved from %q to %q", before, lowest())
	}
	if s.room.read != 60 {
		t.Errorf("read up to %d without having seen it", s.room.read)
	}
	s.golden("reading-back")

	var fetch tea.Cmd
	for range 10 {
		if cmd := s.send(tea.MouseWheelMsg{Button: tea.MouseWheelUp}); cmd != nil {
			fetch = cmd
		}
	}
	if fetch == nil {
		t.Fatal("no page was fetched at the top")
	}
	top := s.model.layout.seen()[s.model.layout.rows-1]
	s.send(fetch())
	if len(s.room.asked) != 1 || s.room.asked[0] != 31 {
		t.Errorf("asked for pages before %v", s.room.asked)
	}
	if got := s.model.layout.seen()[s.model.layout.rows-1]; got != top {
		t.Errorf("the view moved from %v to %v", top, got)
	}
	if s.model.timeline.first() != 1 {
		t.Errorf("first held is %d", s.model.timeline.first())
	}
	for range 20 {
		if s.send(tea.KeyPressMsg{Code: tea.KeyPgUp}) != nil {
			t.Error("a page before the beginning was wanted")
		}
	}
	if !strings.Contains(s.frame(), "the beginning of lobby") {
		t.Errorf("no beginning:\n%s", s.frame())
	}
	s.send(tea.KeyPressMsg{Code: tea.KeyEnd, Mod: tea.ModCtrl})
	if s.room.read != 62 {
		t.Errorf("read up to %d at the end", s.room.read)
	}
}

func TestConnectionIsShown(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	for _, test := range []struct {
		state client.State
		want  string
	}{
		{client.State{Phase: client.Connecting}, "○ connecting to localhost:9090…"},
		{client.State{Phase: client.Connecting, Err: status.Error(codes.Unavailable,
			`connection error: desc = "transport: Error while dialing: dial tcp: refused"`)},
			"○ connecting to localhost:9090 again: dial tcp: refused"},
		{client.State{Phase: client.CatchingUp}, "○ catching up…"},
		{client.State{Phase: client.Live}, "● live as ana at localhost:9090"},
		{client.State{
			Phase: client.Waiting, RetryAt: noon.Add(2500 * time.Millisecond),
			Err: status.Error(codes.Unavailable, "gone\x1b"),
		}, "○ reconnecting to localhost:9090 in 3 s: gone␛"},
		{client.State{Phase: client.Closed, Err: status.Error(codes.Unauthenticated, "invalid token")}, "○ over: invalid token"},
	} {
		s.send(stateMsg(test.state))
		if frame := s.frame(); !strings.Contains(frame, test.want) {
			t.Errorf("%v: no %q in\n%s", test.state.Phase, test.want, frame)
		}
	}
}

func TestRefusedBeforeTheFirstWelcome(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.chat.user = nil
	refusal := status.Error(codes.Unauthenticated, "invalid token")
	if quit := s.send(stateMsg{Phase: client.Closed, Err: refusal}); quit == nil || s.model.refusal != refusal {
		t.Errorf("refusal is %v", s.model.refusal)
	}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ben, 1, noon, "hello")))
	s.typed("/help", tea.KeyEnter)
	s.golden("help")
	s.typed("", tea.KeyEscape)
	for _, message := range batch(s.typed("/rooms", tea.KeyEnter)) {
		s.send(message)
	}
	s.golden("rooms")
	s.typed("", tea.KeyEscape)

	s.obeyed("/nick anna")
	if len(s.chat.names) != 1 || s.chat.names[0] != "anna" {
		t.Errorf("names %q", s.chat.names)
	}
	s.typed("/frobnicate", tea.KeyEnter)
	if !strings.Contains(s.frame(), "no command /frobnicate") {
		t.Errorf("frame\n%s", s.frame())
	}
	s.send(s.typed("//not a command", tea.KeyEnter)())
	if len(s.chat.posts) != 1 || s.chat.posts[0].text != "/not a command" {
		t.Errorf("posts %v", s.chat.posts)
	}
	s.send(outcomeMsg{clientID: s.chat.posts[0].clientID, result: &chatv1.PublishResult{Seq: 2}})
	for _, typing := range s.room.typing[:4] { // of "/hel"
		if typing {
			t.Error("a command is no message: nobody is typing")
		}
	}

	if s.typed("/join kitchen", tea.KeyEnter) == nil {
		t.Fatal("no join")
	}
	kitchen := &fakeRoom{id: "kitchen"}
	s.send(joinedMsg{id: "kitchen", room: kitchen})
	s.event(posted(said(ben, 2, noon, "still in the lobby")))
	if frame := s.frame(); !s.room.left || strings.Contains(frame, "lobby") || !strings.Contains(frame, "kitchen") {
		t.Errorf("left is %v, frame\n%s", s.room.left, frame)
	}
	s.typed("/join cellar", tea.KeyEnter)
	s.send(joinedMsg{id: "cellar", err: status.Error(codes.ResourceExhausted, "too many rooms")})
	if frame := s.frame(); kitchen.left || !strings.Contains(frame, "cannot join cellar: too many rooms") {
		t.Errorf("frame\n%s", frame)
	}
	if s.typed("/quit", tea.KeyEnter) == nil || !s.model.quitting {
		t.Error("no end")
	}
}

func TestRoomsThatCannotBe(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	for id, want := range map[string]string{
		"Bad Room":              "a room's id is in lower case",
		"bad room":              "a room's id has no spaces",
		"café":                  "a room's id cannot contain “é”",
		"-room":                 "a room's id starts with a letter or a digit",
		"#":                     "a room's id starts with a letter or a digit",
		strings.Repeat("r", 65): "a room's id has at most 64 characters; this one has 65",
	} {
		if s.typed("/join "+id, tea.KeyEnter) != nil {
			t.Errorf("%q was asked for", id)
		}
		if frame := s.frame(); !strings.Contains(strings.Join(strings.Fields(frame), " "), want) {
			t.Errorf("%q: no %q in\n%s", id, want, frame)
		}
	}
	if s.typed("/join 9-lives_2.0", tea.KeyEnter) == nil {
		t.Error("a good id was not asked for")
	}
	// The room to begin with was not typed here; the server has the say.
	s.model.joining = "Lobby"
	s.send(joinedMsg{id: "Lobby", err: status.Error(codes.InvalidArgument, "must match [a-z0-9]")})
	if frame := s.frame(); !strings.Contains(frame, "cannot join Lobby: a room's id is in lower case") {
		t.Errorf("frame\n%s", frame)
	}
}

func TestNoticesGoByThemselves(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ben, 1, noon, "hello")))
	s.typed("/frob", tea.KeyEnter)
	s.send(tickMsg(noon.Add(7 * time.Second)))
	if !strings.Contains(s.frame(), "no command /frob") {
		t.Error("gone before it could be read")
	}
	s.send(tickMsg(noon.Add(8 * time.Second)))
	if strings.Contains(s.frame(), "no command /frob") {
		t.Errorf("still there:\n%s", s.frame())
	}

	// A list is there for as long as it may be read.
	s.room.users = []*chatv1.User{ana, ben}
	s.typed("/who", tea.KeyEnter)
	s.send(tickMsg(noon.Add(time.Hour)))
	s.typed("hello ")
	if !strings.Contains(s.frame(), "here: ana (you), ben") {
		t.Errorf("nobody is here:\n%s", s.frame())
	}
	s.send(s.typed("ben", tea.KeyEnter)())
	if strings.Contains(s.frame(), "here:") {
		t.Errorf("still there:\n%s", s.frame())
	}
	s.send(outcomeMsg{clientID: s.chat.posts[0].clientID, result: &chatv1.PublishResult{Seq: 1}})

	// Who was warned some time ago is warned again.
	s.send(s.typed("on its way", tea.KeyEnter)())
	s.send(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl})
	s.send(tickMsg(noon.Add(2 * time.Hour)))
	if s.send(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}) != nil || !strings.Contains(s.frame(), "not stored yet: 1") {
		t.Errorf("no second warning in\n%s", s.frame())
	}
}

func TestNothingIsLeftBehindUnsaid(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot())
	s.send(s.typed("on its way", tea.KeyEnter)())
	if s.send(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}) != nil || !strings.Contains(s.frame(), "not stored yet: 1") {
		t.Errorf("no warning in\n%s", s.frame())
	}
	if s.send(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}) == nil {
		t.Error("the second time did not end it")
	}

	s = newScreen(t)
	s.event(snapshot())
	s.send(s.typed("on its way", tea.KeyEnter)())
	clientID := s.chat.posts[0].clientID
	s.typed("/join kitchen", tea.KeyEnter)
	s.send(joinedMsg{id: "kitchen", room: &fakeRoom{id: "kitchen"}})
	if s.send(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}) != nil || !strings.Contains(s.frame(), "not stored yet: 1") {
		t.Errorf("no warning about another room in\n%s", s.frame())
	}
	s.typed("/help", tea.KeyEnter) // goes on
	s.typed("", tea.KeyEscape)
	s.typed("/quit", tea.KeyEnter)
	if s.model.quitting {
		t.Error("no second warning")
	}
	if s.typed("/quit", tea.KeyEnter); !s.model.quitting {
		t.Error("/quit twice did not end it")
	}
	s.model.quitting, s.model.warned = false, false
	s.send(outcomeMsg{clientID: clientID, result: &chatv1.PublishResult{Seq: 1}})
	if s.send(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}) == nil {
		t.Error("a warning about a message that is stored")
	}
}

// Whatever answer comes first, the room is the one that was asked for last.
func TestTheLastJoinCounts(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	attic, kitchen := &fakeRoom{id: "attic"}, &fakeRoom{id: "kitchen"}
	s.typed("/join attic", tea.KeyEnter)
	s.typed("/join kitchen", tea.KeyEnter)
	s.send(joinedMsg{id: "kitchen", room: kitchen}, joinedMsg{id: "attic", room: attic})
	if s.model.room != kitchen || kitchen.left || !attic.left || !s.room.left {
		t.Errorf("in %s; left: attic %v, kitchen %v", s.model.room.ID(), attic.left, kitchen.left)
	}
}

func TestLightAndDark(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ben, 1, noon, "hello")))
	dark := s.model.View().Content
	s.send(tea.BackgroundColorMsg{Color: color.White})
	light := s.model.View().Content
	if light == dark || ansi.Strip(light) != ansi.Strip(dark) {
		t.Error("a light terminal does not get colours of its own, and nothing else")
	}
	s.send(tea.BackgroundColorMsg{Color: color.Black})
	if s.model.View().Content != dark {
		t.Error("a dark terminal looks otherwise than by default")
	}
}

func TestSmallestTerminals(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.event(snapshot(said(ben, 1, noon, "hello 世界")))
	s.typed("/help", tea.KeyEnter)
	for width := 1; width < 30; width += 7 {
		for height := 1; height < 14; height += 3 {
			s.send(tea.WindowSizeMsg{Width: width, Height: height})
			for line := range strings.Lines(s.frame()) {
				if ansi.StringWidth(strings.TrimSuffix(line, "\n")) > max(width, 4) {
					t.Errorf("%dx%d has the line %q", width, height, line)
				}
			}
		}
	}
}

// Whatever else there is to show, one sees what one types, and if there is a second line, what was said.
func TestTheInputIsAlwaysSeen(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(s *screen){
		"nothing else": func(*screen) {},
		"a notice":     func(s *screen) { s.typed("/frob", tea.KeyEnter) },
		"help":         func(s *screen) { s.typed("/help", tea.KeyEnter) },
		"long input":   func(s *screen) { s.typed(strings.Repeat("word ", 60)) },
	} {
		for height := 1; height < 14; height++ {
			s := newScreen(t)
			s.event(snapshot(said(ben, 1, noon, "hello")))
			s.send(tea.WindowSizeMsg{Width: 20, Height: height})
			prepare(s)
			s.typed("here")
			frame := s.frame()
			if lines := strings.Count(frame, "\n"); lines > height {
				t.Errorf("%s: 20x%d has %d lines:\n%s", name, height, lines, frame)
			}
			if !strings.Contains(frame, "here") {
				t.Errorf("%s: no input at 20x%d:\n%s", name, height, frame)
			}
			if cursor := s.model.View().Cursor; cursor == nil || cursor.Y >= height {
				t.Errorf("%s: the cursor is not on the screen at 20x%d", name, height)
			}
			if height > 1 && !strings.Contains(frame, "hello") {
				t.Errorf("%s: no message at 20x%d:\n%s", name, height, frame)
			}
		}
	}
}
