package terminal

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// obeyed types a command and has it carried out, with what comes of it.
func (s *screen) obeyed(line string) {
	for pending := batch(s.typed(line, tea.KeyEnter)); len(pending) > 0; pending = pending[1:] {
		pending = append(pending, batch(s.send(pending[0]))...)
	}
}

// newRoomWithPeople is a screen in lobby, where ana is the owner, ben has spoken and anna lee is connected.
func newRoomWithPeople(t *testing.T) *screen {
	s := newScreen(t)
	anna := &chatv1.User{Id: "guest-anna", DisplayName: "Anna Lee", Guest: true}
	s.room.users = []*chatv1.User{ana, anna}
	feed := feedOf(roomState{id: "lobby"})
	feed.Rooms[0].Member.Role = chatv1.Role_ROLE_OWNER
	s.send(feedMsg(feed))
	s.event(snapshot(said(ben, 1, noon, "hello")),
		&chatv1.Event{Kind: &chatv1.Event_Presence{Presence: &chatv1.Presence{Reset_: true, Online: 2, Joined: s.room.users}}})
	return s
}

// Every command that asks the server for something: what for, and what it says then.
func TestCommandsToTheServer(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]struct{ call, says string }{
		"/kick ben":                {`RemoveMember room: "lobby" user_id: "ben"`, "ben is no member any more"},
		"/ban @ben 2d spam, again": {`BanMember room: "lobby" user_id: "ben" duration: { seconds: 172800 } reason: "spam, again"`, "ben is banned"},
		"/ban ben rude":            {`BanMember room: "lobby" user_id: "ben" reason: "rude"`, "ben is banned"},
		"/unban id:carl@x":         {`UnbanMember room: "lobby" user_id: "carl@x"`, "carl@x is not banned any more"},
		"/mute anna lee 10m":       {`MuteMember room: "lobby" user_id: "guest-anna" duration: { seconds: 600 }`, "Anna Lee is muted for 10m"},
		"/mute ANNA LEE":           {`MuteMember room: "lobby" user_id: "guest-anna"`, "Anna Lee is muted"},
		"/unmute ben":              {`UnmuteMember room: "lobby" user_id: "ben"`, "ben may post again"},
		"/role ben moderator":      {`UpdateMember room: "lobby" user_id: "ben" role: ROLE_MODERATOR`, "ben is a moderator now"},
		"/admit guest-xyz":         {`AnswerMembershipRequest room: "lobby" user_id: "guest-xyz" accept: true`, "guest-xyz is a member now"},
		"/reject guest-xyz":        {`AnswerMembershipRequest room: "lobby" user_id: "guest-xyz"`, "guest-xyz is not let in"},
		"/invite ben":              {`InviteMember room: "lobby" user_id: "ben" role: ROLE_MEMBER`, "ben is invited"},
		"/invite ben guest":        {`InviteMember room: "lobby" user_id: "ben" role: ROLE_GUEST`, "ben is invited"},
		"/block ben":               {`BlockUser user_id: "ben"`, "ben is blocked"},
		"/unblock ben":             {`UnblockUser user_id: "ben"`, "ben is not blocked any more"},
		"/topic What news":         {`UpdateRoom room: "lobby" topic: "What news"`, "the topic is set"},
		"/topic -":                 {`UpdateRoom room: "lobby" topic: ""`, "the topic is set"},
		"/title The lobby":         {`UpdateRoom room: "lobby" title: "The lobby"`, "the title is set"},
		"/slow 30s":                {`UpdateRoom room: "lobby" slow_mode: { seconds: 30 }`, "one message each 30s"},
		"/slow off":                {`UpdateRoom room: "lobby" slow_mode: {}`, "no slow mode any more"},
		"/posting member":          {`UpdateRoom room: "lobby" posting: ROLE_MEMBER`, "who may post from now on: member"},
		"/posting everybody":       {`UpdateRoom room: "lobby" posting: ROLE_UNSPECIFIED`, "who may post from now on: everybody"},
		"/kind private":            {`UpdateRoom room: "lobby" kind: ROOM_KIND_PRIVATE`, "the room is private now"},
		"/requests on":             {`UpdateRoom room: "lobby" join_requests: true`, "requests to be let in: on"},
		"/archive":                 {`UpdateRoom room: "lobby" archived: true`, "the room is read only now"},
		"/unarchive":               {`UpdateRoom room: "lobby" archived: false`, "the room is not archived any more"},
		"/leave":                   {`RemoveMember room: "lobby"`, "you are no member of lobby any more"},
		"/ask club let me in":      {`RequestMembership room: "club" note: "let me in"`, "asked;"},
		"/nick anna":               {`UpdateProfile display_name: "anna"`, "from now on: anna"},
		"/about me":                {`UpdateProfile about: "me"`, "you say of yourself: me"},
		"/about -":                 {`UpdateProfile about: ""`, "you say nothing of yourself"},
		"/unlink k3y":              {`RemoveLink room: "lobby" link_id: "k3y"`, "the link is ended"},
	} {
		s := newRoomWithPeople(t)
		s.obeyed(line)
		s.asked(want.call)
		s.shows(want.says)
		s = newRoomWithPeople(t)
		s.chat.refusal = status.Error(codes.PermissionDenied, "not \x1bfor you")
		s.obeyed(line)
		name, _, _ := strings.Cut(line, " ")
		s.shows(name + ": not ␛for you")
	}
}

// What cannot be meant is not asked for.
func TestCommandsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"/kick":             "/kick needs NAME",
		"/kick nobody":      "nobody known is called nobody",
		"/kick benjamin":    "nobody known is called benjamin",
		"/mute ben soon":    "/mute takes a time such as 10m",
		"/role ben king":    "/role takes a name and one of guest, member, moderator",
		"/slow down":        "/slow takes a time such as 30s or 5m, or off",
		"/posting nobody":   "/posting takes everybody, guest, member",
		"/kind direct":      "/kind takes public or private",
		"/requests perhaps": "/requests takes on, off, or nothing",
		"/invite ben king":  "/invite takes a name and perhaps guest",
		"/link for ever":    "/link takes how many may use it and for how long",
		"/create Bad":       "a room's id is in lower case",
		"/leave kitchen":    "you are no member of kitchen",
		"/accept":           "nobody invites you to a room",
		"/accept club":      "nobody invites you to a room",
		"/join":             "lobby", // a member already
	} {
		s := newRoomWithPeople(t)
		s.obeyed(line)
		s.asked()
		s.shows(want)
	}
}

func TestPeopleOfTheSameName(t *testing.T) {
	t.Parallel()
	s := newRoomWithPeople(t)
	s.room.users = append(s.room.users, &chatv1.User{Id: "guest-2", DisplayName: "ben"})
	s.obeyed("/kick ben")
	s.asked()
	s.shows("several people are called ben; say which: guest-2, id:ben")
	s.obeyed("/kick guest-2")
	s.asked(`RemoveMember room: "lobby" user_id: "guest-2"`)
	s.room.users = append(s.room.users, &chatv1.User{Id: "guest-3", DisplayName: "Anna"}) // a part of another's name
	s.obeyed("/kick anna lee")
	s.obeyed("/kick anna")
	s.asked(`RemoveMember room: "lobby" user_id: "guest-anna"`, `RemoveMember room: "lobby" user_id: "guest-3"`)
}

func TestRoomsAreMadeAndGoneTo(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"/create den A den": `CreateRoom room: "den" title: "A den" kind: ROOM_KIND_PUBLIC`,
		"/private A den":    `CreateRoom title: "A den" kind: ROOM_KIND_PRIVATE`,
		"/msg ben":          `OpenDirectRoom user_ids: "ben"`,
		"/use t0ken":        `AddMember link: "t0ken"`,
		"/accept":           `AddMember room: "den"`,
	} {
		s := newRoomWithPeople(t)
		feed := s.model.list.feed
		feed.Invitations = []*chatv1.Invitation{invitation("den", "", ben)}
		s.send(feedMsg(feed))
		s.chat.answers = map[string]proto.Message{
			"CreateRoom":     &chatv1.CreateRoomResponse{Room: &chatv1.Room{Id: "den"}},
			"OpenDirectRoom": &chatv1.OpenDirectRoomResponse{Room: &chatv1.Room{Id: "den"}},
			"AddMember":      &chatv1.AddMemberResponse{Member: &chatv1.Member{Room: "den"}},
		}
		s.send(batch(s.typed(line, tea.KeyEnter))...)
		s.asked(want)
		if s.model.joining != "den" {
			t.Errorf("%s goes to %q", line, s.model.joining)
		}
	}
}

// Who is talked to directly gets the text, also while the room is being joined; leaving meanwhile is warned of.
func TestDirectMessage(t *testing.T) {
	t.Parallel()
	s := newRoomWithPeople(t)
	s.chat.answers = map[string]proto.Message{"OpenDirectRoom": &chatv1.OpenDirectRoomResponse{Room: &chatv1.Room{Id: "direct.1"}}}
	opened := batch(s.typed("/msg ben, anna lee are you there?", tea.KeyEnter))
	s.asked(`OpenDirectRoom user_ids: "ben" user_ids: "guest-anna"`)
	posts := batch(s.send(opened...))
	if len(s.chat.posts) != 1 || s.chat.posts[0].room != "direct.1" || s.chat.posts[0].text != "are you there?" {
		t.Fatalf("posts %v", s.chat.posts)
	}
	if s.send(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}) != nil {
		t.Error("no warning that it is not stored yet")
	}
	s.send(posts...)
	feed := feedOf(roomState{id: "direct.1", unread: 1})
	feed.Rooms[0].Room.Kind, feed.Rooms[0].Room.People = chatv1.RoomKind_ROOM_KIND_DIRECT, []string{"guest-ana", "ben", "carl"}
	s.chat.members = []*chatv1.Member{{User: &chatv1.User{Id: "carl", DisplayName: "Carl"}}}
	s.send(tea.WindowSizeMsg{Width: 100, Height: 20})
	for range 2 { // names are asked for once
		if ask := s.send(feedMsg(feed)); ask != nil && s.model.known["carl"] == nil {
			s.send(s.model.meetDirectPeople())
			s.send(metMsg{s.chat.members[0].GetUser()})
		}
	}
	s.shows(" @ben @Carl           1 │")
}

func TestJoiningStays(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.typed("/join kitchen", tea.KeyEnter)
	kitchen := &fakeRoom{id: "kitchen", info: &chatv1.Room{Kind: chatv1.RoomKind_ROOM_KIND_PUBLIC}}
	s.chat.answers = map[string]proto.Message{"AddMember": &chatv1.AddMemberResponse{Member: &chatv1.Member{Room: "kitchen"}}}
	for _, message := range batch(s.send(joinedMsg{id: "kitchen", room: kitchen})) {
		s.send(message)
	}
	s.asked(`AddMember room: "kitchen"`)
	s.shows("you are a member of kitchen now")

	s.typed("/join attic", tea.KeyEnter)
	for _, message := range batch(s.send(joinedMsg{id: "attic", room: &fakeRoom{id: "attic"}})) {
		s.send(message)
	}
	s.asked()
	s.shows("attic is new: the first message makes it")

	s.send(tea.KeyPressMsg{Code: 'k', Mod: tea.ModCtrl}) // only looks
	s.typed("kitchen", tea.KeyEnter)
	for _, message := range batch(s.send(joinedMsg{id: "kitchen", room: kitchen})) {
		s.send(message)
	}
	s.asked()
}

func TestInvitationsAreDeclined(t *testing.T) {
	t.Parallel()
	s := newRoomWithPeople(t)
	feed := s.model.list.feed
	feed.Invitations = []*chatv1.Invitation{invitation("club", "", ben), invitation("den", "", ben)}
	s.send(feedMsg(feed))
	s.obeyed("/decline")
	s.asked()
	s.shows("ben invites you to club", "ben invites you to den")
	s.obeyed("/decline den")
	s.asked(`RemoveInvitation room: "den"`)
	s.send(tea.KeyPressMsg{Code: 'k', Mod: tea.ModCtrl})
	s.typed("club")
	s.run(enter)
	s.asked(`AddMember room: "club"`)
}

func TestListsOfTheServer(t *testing.T) {
	t.Parallel()
	s := newRoomWithPeople(t)
	s.send(tea.WindowSizeMsg{Width: 90, Height: 16})
	at := func(minutes int) *timestamppb.Timestamp {
		return timestamppb.New(noon.Add(time.Duration(minutes) * time.Minute))
	}
	carl := &chatv1.User{Id: "guest-carl", DisplayName: "carl \x1b[2J", Guest: true}
	s.chat.members = []*chatv1.Member{{User: ana, Role: chatv1.Role_ROLE_OWNER}, {User: carl, Role: chatv1.Role_ROLE_GUEST, Muted: true}}
	s.obeyed("/members")
	s.golden("members")
	s.run(escape)

	s.chat.bans = []*chatv1.Ban{{User: carl, BannedBy: ben, Reason: "spam", CreateTime: at(-1), EndTime: at(2000)}}
	s.obeyed("/bans")
	s.golden("bans")
	s.run(escape)

	for action := range chatv1.AuditAction_name {
		if action > 0 {
			s.chat.audit = append(s.chat.audit, &chatv1.AuditEntry{
				Action: chatv1.AuditAction(action), Actor: ben, UserId: carl.GetId(), Time: at(int(-action)), Seq: 7, Text: "t3xt",
				Role: chatv1.Role_ROLE_MODERATOR,
			})
		}
	}
	s.obeyed("/audit")
	for _, entry := range s.chat.audit {
		if text := s.model.auditText(entry); strings.Contains(text, "does not know") {
			t.Errorf("no words for %v", entry.GetAction())
		}
	}
	s.shows("What was done in lobby by moderators and owners")
	s.run(down, down, down)
	s.shows("ben ")
	s.run(escape)

	s.chat.requests = []*chatv1.MembershipRequest{{User: carl, Note: "it's me", CreateTime: at(-3)}}
	s.obeyed("/requests")
	s.shows("Who asks to be let into lobby", "11:57", "carl ␛[2J (guest)", "it's me")
	s.run(escape)
	s.chat.requests = nil
	s.obeyed("/requests")
	s.shows("Who asks to be let into lobby (/admit, /reject): none")

	s.chat.answers = map[string]proto.Message{
		"ListLinks": &chatv1.ListLinksResponse{Links: []*chatv1.Link{
			{Id: "k3y", Creator: ben, Role: chatv1.Role_ROLE_MEMBER, MaxUses: 5, Uses: 2, EndTime: at(1)},
		}},
		"CreateLink":       &chatv1.CreateLinkResponse{Token: "t0ken"},
		"ListBlockedUsers": &chatv1.ListBlockedUsersResponse{UserIds: []string{"ben", "stranger"}},
	}
	s.obeyed("/links")
	s.shows("Links into lobby", "k3y", "2 of 5 uses", "member, by ben until 12:01")
	s.run(escape)
	s.chat.calls = nil
	s.obeyed("/link 5 2d")
	s.asked(`CreateLink room: "lobby" max_uses: 5 duration: { seconds: 172800 }`)
	s.shows("whoever types this becomes a member of lobby: /use t0ken")
	s.obeyed("/blocked")
	s.shows("ben  ", "stranger")
	s.typed("x") // closes it, and is typed
	s.shows("> x")
	s.typed("", tea.KeyBackspace)

	s.chat.refusal = status.Error(codes.DeadlineExceeded, "context deadline exceeded")
	s.obeyed("/members")
	s.shows("/members: no answer from the server in time")
}

func TestWhois(t *testing.T) {
	t.Parallel()
	s := newRoomWithPeople(t)
	s.chat.members = []*chatv1.Member{{User: ben, Role: chatv1.Role_ROLE_MODERATOR}}
	s.chat.answers = map[string]proto.Message{"GetProfiles": &chatv1.GetProfilesResponse{Profiles: []*chatv1.Profile{
		{UserId: "ben", Emoji: "🐢", About: "slow\x1b but sure"},
	}}}
	s.obeyed("/whois ben")
	s.asked(`GetProfiles user_ids: "ben"`)
	s.shows("ben is id:ben, moderator of lobby", "🐢 slow␛ but sure")
	s.obeyed("/whois")
	s.shows("ana (you) is guest-ana")
}

// What is done to people in the room is said, and by whom; that they come and go is not.
func TestMembershipChanges(t *testing.T) {
	t.Parallel()
	inAnHour := timestamppb.New(time.Now().Add(time.Hour))
	changed := func(m *chatv1.Member) *chatv1.Event {
		return &chatv1.Event{Kind: &chatv1.Event_MemberChanged{MemberChanged: m}, Actor: ana}
	}
	removed := func(m *chatv1.Member, by *chatv1.User) *chatv1.Event {
		return &chatv1.Event{Kind: &chatv1.Event_MemberRemoved{MemberRemoved: m}, Actor: by}
	}
	const member, owner = chatv1.Role_ROLE_MEMBER, chatv1.Role_ROLE_OWNER
	for want, event := range map[string]*chatv1.Event{
		"you are muted in lobby until":         changed(&chatv1.Member{User: ana, Role: owner, Muted: true, MuteEnd: inAnHour}),
		"you are a member of lobby now by ana": changed(&chatv1.Member{User: ana, Role: member}),
		"ben is muted in lobby by ana":         changed(&chatv1.Member{User: ben, Role: member, Muted: true}),
		"ben is an owner of lobby now by ana":  changed(&chatv1.Member{User: ben, Role: owner}),
		"ben is removed from lobby by ana":     removed(&chatv1.Member{User: ben, Role: member}, ana),
		"ben is banned from lobby by ana":      removed(&chatv1.Member{User: ben, Banned: true}, ana),
	} {
		s := newRoomWithPeople(t)
		s.event(event)
		s.shows(want)
	}
	for _, event := range []*chatv1.Event{
		changed(&chatv1.Member{User: ben, Role: member}), removed(&chatv1.Member{User: ben, Role: member}, nil),
	} {
		s := newRoomWithPeople(t)
		s.event(event)
		if frame := s.frame(); strings.Contains(frame, "ben is") {
			t.Errorf("frame\n%s", frame)
		}
	}
}

func TestHeaderSaysHowThingsStand(t *testing.T) {
	t.Parallel()
	s := newRoomWithPeople(t)
	s.room.info = &chatv1.Room{
		Title: "Arrivals", Topic: "What news on the Rialto?\nand more", Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE,
		ArchiveTime: timestamppb.New(noon),
	}
	feed := s.model.list.feed
	feed.Rooms[0].Requests = 2
	s.send(tea.WindowSizeMsg{Width: 120, Height: 16}, feedMsg(feed))
	s.shows(" Arrivals  #lobby · What news on the Rialto?", "2 ask to come in: /requests · archived · private · owner · 2 here")
	s.send(tea.WindowSizeMsg{Width: 90, Height: 16})
	s.shows(" Arrivals  #lobby · Wh… 2 ask to come in")
}

func TestCommandsAreCompleted(t *testing.T) {
	t.Parallel()
	tab := tea.KeyPressMsg{Code: tea.KeyTab}
	for typed, want := range map[string]string{
		"/arch":            "/archive ",
		"/un":              "/un", // unarchive, unban, unblock, …
		"/unb":             "/unb",
		"/kick an":         "/kick an",
		"/kick Anna":       "/kick Anna Lee ",
		"/kick @be":        "/kick @ben ",
		"/join kit":        "/join kitchen ",
		"/accept d":        "/accept den ",
		"/frob x":          "/frob x",
		"hello @anna":      "hello @Anna Lee ",
		"//not a command ": "//not a command ",
	} {
		s := newRoomWithPeople(t)
		feed := feedOf(roomState{id: "lobby"}, roomState{id: "kitchen"})
		feed.Invitations = []*chatv1.Invitation{invitation("den", "", ben)}
		s.send(feedMsg(feed))
		s.typed(typed)
		s.run(tab)
		if got := s.model.input.Value(); got != want {
			t.Errorf("%q is completed to %q, want %q", typed, got, want)
		}
	}
	s := newRoomWithPeople(t)
	s.typed("/unb")
	s.run(tab)
	s.shows("/unban  /unblock")
}

// Every command is in the help, and every one that needs something says so.
func TestHelpHasEveryCommand(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.send(tea.WindowSizeMsg{Width: 120, Height: 60})
	s.typed("/help", tea.KeyEnter)
	frame := s.frame()
	s.run(escape)
	seen := make(map[string]bool)
	for _, section := range slashes() {
		for _, command := range section.commands {
			if seen[command.name] || !strings.Contains(frame, "  /"+strings.TrimSpace(command.name+" "+command.takes)+" ") {
				t.Errorf("/%s is not in the help, or is there twice:\n%s", command.name, frame)
			}
			seen[command.name] = true
			if command.takes != "" && !strings.HasPrefix(command.takes, "[") {
				s.typed("/"+command.name, tea.KeyEnter)
				s.shows("/" + command.name + " needs " + command.takes)
			}
		}
	}
}

// What somebody writes whom one has blocked is not shown, here or quoted, nor that they type, until they are unblocked.
func TestBlockedPeopleAreNotHeard(t *testing.T) {
	t.Parallel()
	s := newRoomWithPeople(t)
	answer := said(ana, 2, noon, "what do you mean?")
	answer.ReplyTo = 1
	s.event(posted(answer))
	s.shows("  hello", "╭ ben: hello")
	s.obeyed("/block ben")
	s.shows("(you have blocked them; /unblock shows what they say)", "╭ a message of somebody you have blocked")
	s.event(&chatv1.Event{Kind: &chatv1.Event_Signaled{Signaled: &chatv1.Signaled{User: ben, Signal: &chatv1.Signaled_Typing{Typing: true}}}})
	if frame := s.frame(); strings.Contains(frame, "hello") || strings.Contains(frame, "typing") {
		t.Errorf("frame\n%s", frame)
	}
	s.obeyed("/unblock ben")
	s.shows("  hello", "╭ ben: hello")

	s.chat.answers = map[string]proto.Message{"ListBlockedUsers": &chatv1.ListBlockedUsersResponse{UserIds: []string{"ben"}}}
	s.send(stateMsg{Phase: client.Connecting})
	for _, message := range batch(s.model.fetchBlocked()) { // as when it lives again
		s.send(message)
	}
	s.shows("(you have blocked them")
}
