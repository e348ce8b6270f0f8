package state_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// TestStoreIsTheModel drives the store and the model with the same random commands and compares verdicts, events and
// rooms; then it applies what was recorded again, in other batches, into stores that must have equal dumps.
func TestStoreIsTheModel(t *testing.T) {
	t.Parallel()
	seeds := []uint64{1, 2, 3, 4, 8850498070033244417, rand.Uint64()}
	reached := make(chan reached, len(seeds))
	t.Run("seeds", func(t *testing.T) {
		for _, seed := range seeds {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				reached <- testSeed(t, seed)
			})
		}
	})
	close(reached)
	all := newReached()
	for r := range reached {
		all.add(r)
	}
	all.assertWhole(t)
}

func testSeed(t *testing.T, seed uint64) reached {
	const commands = 3000
	sim := newSimulation(t, seed, randomCommand)
	var told []string
	for range commands {
		told = append(told, tell(sim.step(t))...)
	}
	s, log := sim.store, sim.log
	compareAll(t, s, sim.model)
	slices.Sort(told)
	for _, batch := range []int{1, 7, 1000} {
		again, toldAgain := replayTold(t, log, batch)
		if want := dump(t, s); again != want {
			t.Fatalf("seed %d: applied again in batches of %d the state differs:\n%s\nwant:\n%s", seed, batch, again, want)
		}
		compare(t, fmt.Sprintf("seed %d: lines told in batches of %d", seed, batch), toldAgain, told)
	}
	return sim.reached
}

// comparePublished compares what a command touched: the room, its newest event and the markers told of.
func comparePublished(t *testing.T, s *state.Store, m *model, id string, change *state.Change) {
	v := s.View()
	defer v.Close()
	room, ok, err := v.Room(state.RoomID(id))
	if err != nil {
		t.Fatal(err)
	}
	r := m.rooms[id]
	if ok != (r != nil) || room.Deleted != m.gone[id].deleted() {
		t.Fatalf("room %q exists: %t; deleted: %d", id, ok, room.Deleted)
	}
	if r == nil {
		return
	}
	r.compareRemoval(t, room, change)
	if !sameButEmpty(room, r.Room) {
		t.Fatalf("room %+v, want %+v", room, r.Room)
	}
	if len(change.Events) > 0 { // without any the head is as it was, and so is what comes before it
		newest := r.eventsAfter(r.Head.Rev - 1)
		compare(t, "live events", change.Events, newest)
		events, err := v.Events(room.ID, room.Head.Rev-1, 10, math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, "newest events", events, newest)
	}
	if n := len(change.ShutOuts); n > len(r.shutOuts) {
		t.Fatalf("shut out: %+v, want %+v", change.ShutOuts, r.shutOuts)
	} else if n > 0 {
		want := r.shutOuts[len(r.shutOuts)-n:]
		compare(t, "those shut out", change.ShutOuts, want)
		if want[n-1].Rev != change.Results[0].Rev {
			t.Fatalf("shut out: %+v, want none", change.ShutOuts)
		}
	} else if n := len(r.shutOuts); n > 0 && r.shutOuts[n-1].Rev == change.Results[0].Rev {
		t.Fatalf("shut out: none, want %+v", r.shutOuts[n-1])
	}
	for _, mark := range change.Marks {
		posted := len(change.Events) > 0 && change.Events[0].Kind == state.Posted
		want := state.ReadMark{Room: room.ID, User: mark.User, Seq: r.markers[mark.User], Head: room.Head, Posted: posted}
		if mark != want {
			t.Fatalf("mark %+v, want %+v", mark, want)
		}
	}
}

// compareAll compares everything that a View shows.
func compareAll(t *testing.T, s *state.Store, m *model) {
	t.Helper()
	v := s.View()
	defer v.Close()
	rooms, err := v.Rooms("", math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	gone := 0
	rooms = slices.DeleteFunc(rooms, func(room state.Room) bool {
		if room.Deleted != 0 {
			gone++
		}
		return room.Deleted != 0
	})
	if gone != len(m.gone) {
		t.Fatalf("%d rooms were deleted, want %d", gone, len(m.gone))
	}
	compare(t, "rooms", rooms, m.allRooms())
	for _, room := range rooms {
		r := m.rooms[string(room.ID)]
		messages, err := v.Messages(room.ID, 0, false, math.MaxInt, math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, "messages", messages, r.kept())
		for _, m := range messages {
			replies, err := v.Replies(room.ID, m.Seq, 0, false, math.MaxInt, math.MaxInt)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, "replies", replies, r.replies(m.Seq))
		}
		if _, err := v.Events(room.ID, 0, 1, 1); (room.Removal.Rev > 1) != errors.Is(err, state.ErrTrimmed) {
			t.Fatalf("events from the first one: %v; they are kept from %d", err, room.Removal.Rev)
		}
		events, err := v.Events(room.ID, room.Removal.Rev-1, math.MaxInt, math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, "events", events, r.eventsAfter(room.Removal.Rev-1))
		members, err := v.Members(room.ID, "", math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, "members", members, r.allMembers())
		bans, err := v.Bans(room.ID, "", math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, "bans", bans, r.allBans())
		requests, err1 := v.Requests(room.ID, "", math.MaxInt)
		links, err2 := v.Links(room.ID)
		acts, err3 := v.Acts(room.ID, 0, math.MaxInt)
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		compare(t, "requests", requests, r.allRequests())
		compare(t, "links", links, r.allLinks())
		compare(t, "acts", acts, r.allActs())
		for i := range people {
			seq, err := v.ReadMarker(room.ID, person(i).ID)
			if err != nil || seq != r.markers[person(i).ID] {
				t.Fatalf("marker of %s in %s is %d (%v), want %d", person(i).ID, room.ID, seq, err, r.markers[person(i).ID])
			}
			mentions, err := v.Mentions(room.ID, person(i).ID, seq, math.MaxInt)
			if want := r.mentions(person(i).ID, seq); err != nil || mentions != want {
				t.Fatalf("%s is mentioned %d times in %s (%v), want %d", person(i).ID, mentions, room.ID, err, want)
			}
			known, err := v.Member(room.ID, person(i).ID)
			if err != nil || known != r.known[person(i).ID] {
				t.Fatalf("%s in %s is %+v (%v), want %+v", person(i).ID, room.ID, known, err, r.known[person(i).ID])
			}
		}
	}
	for i := range people {
		invitations, err := v.Invitations(person(i).ID, "", math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		rooms, err := v.RoomsOf(person(i).ID, "", math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, "rooms of somebody", rooms, m.roomsOf(person(i).ID))
		compare(t, "invitations", invitations, m.invitations(person(i).ID))
		blocked, err := v.Blocked(person(i).ID, "", math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, "blocked", blocked, m.blocked(person(i).ID))
	}
	compareBlockCounts(t, s, m)
	compareServer(t, s, v, m)
}

// compareBlockCounts compares how many everybody has blocked, by which Apply decides whether they may block more.
func compareBlockCounts(t *testing.T, s *state.Store, m *model) {
	t.Helper()
	want := []string{}
	for i := range people {
		if n := len(m.blocked(person(i).ID)); n > 0 {
			want = append(want, fmt.Sprintf("blocks of %q = %d", person(i).ID, n))
		}
	}
	got := []string{}
	for line := range strings.Lines(dump(t, s)) {
		if strings.HasPrefix(line, "blocks of ") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	slices.Sort(want)
	compare(t, "how many are blocked", got, want)
}

// compareServer compares what concerns no room.
func compareServer(t *testing.T, s *state.Store, v state.View, m *model) {
	t.Helper()
	bans, err1 := v.ServerBans("", math.MaxInt)
	acts, err2 := v.OperatorActs(0, math.MaxInt)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	compare(t, "bans from the server", bans, m.allServerBans())
	compare(t, "operators' acts", acts, m.allOperatorActs())
	const now = 2_000
	for i := range people {
		profile, err := v.Profile(person(i).ID)
		if err != nil || profile != m.profiles[person(i).ID] {
			t.Fatalf("profile of %s is %+v (%v), want %+v", person(i).ID, profile, err, m.profiles[person(i).ID])
		}
		got, banned := s.Bans().User(person(i).ID, now)
		want, there := m.bans["\x01"+person(i).ID]
		if got != want || banned != (there && want.At(now)) {
			t.Fatalf("ban of %s is %+v %t, want %+v", person(i).ID, got, banned, want)
		}
	}
	for _, addr := range []string{"10.0.0.1", "10.1.0.1", "2001:db8::1", "192.0.2.1"} {
		got, banned := s.Bans().Address(netip.MustParseAddr(addr), now)
		if want, there := m.addressBan(netip.MustParseAddr(addr), now); got != want || banned != there {
			t.Fatalf("ban of %s is %+v %t, want %+v %t", addr, got, banned, want, there)
		}
	}
}

func compare[T any](t *testing.T, what string, got, want []T) {
	if len(got) != len(want) {
		t.Helper()
		t.Fatalf("%d %s, want %d", len(got), what, len(want))
	}
	for i := range got {
		if !sameButEmpty(got[i], want[i]) {
			t.Helper()
			t.Fatalf("%s: number %d is %s, want %s", what, i, show(got[i]), show(want[i]))
		}
	}
}

// sameButEmpty compares deeply; an empty list is nil in some forms of a value and not in others.
func sameButEmpty(a, b any) bool {
	return reflect.DeepEqual(a, b) || show(a) == show(b)
}

func show(v any) string {
	switch v := v.(type) {
	case *state.Message:
		return fmt.Sprintf("%+v", *v)
	case *state.Event:
		s := fmt.Sprintf("%s %d %d %d %+v %d", v.Room, v.Rev, v.Kind, v.Time, v.Actor, v.First)
		if v.Message != nil {
			s += show(v.Message)
		}
		if v.State != nil {
			s += fmt.Sprintf("%+v", *v.State)
		}
		if v.Member != nil {
			s += fmt.Sprintf("%+v", *v.Member)
		}
		return s
	}
	return fmt.Sprintf("%+v", v)
}

// tell writes down all that a change says, a line for each result, event and marker.
func tell(c *state.Change) []string {
	var lines []string
	for _, r := range c.Results {
		lines = append(lines, show(r))
	}
	for _, e := range c.Events {
		lines = append(lines, show(e))
	}
	for _, m := range c.Marks {
		lines = append(lines, show(m))
	}
	for _, touch := range c.Touches {
		lines = append(lines, show(touch))
	}
	for _, p := range c.Profiles {
		lines = append(lines, show(p))
	}
	for _, o := range c.ShutOuts {
		lines = append(lines, show(o))
	}
	return lines
}

// replayTold applies a log in batches into a fresh store, which is closed and opened again now and then, and returns its
// dump and what its changes told, sorted, so that it is the same in any batches.
func replayTold(t *testing.T, log []state.Entry, batch int) (dumped string, told []string) {
	t.Helper()
	fs := vfs.NewMem()
	s := open(t, fs)
	i := 0
	for entries := range slices.Chunk(log, batch) {
		told = append(told, tell(commit(t, s, entries...))...)
		if i++; i%(200/batch+1) == 0 {
			closeStore(t, s)
			s = open(t, fs)
		}
	}
	defer closeStore(t, s)
	return dump(t, s), slices.Sorted(slices.Values(told))
}

// Few rooms, people and texts, so that commands meet.
const people = 25

func person(i int) state.Actor {
	return state.Actor{ID: fmt.Sprintf("user-%02d", i), Name: fmt.Sprintf("Näme %d", i), Guest: i%2 == 0}
}

func randomCommand(r *rand.Rand, m *model) (state.Actor, int64, proto.Message) {
	actor := person(r.IntN(3))
	if r.IntN(4) == 0 {
		actor = person(r.IntN(people))
	}
	timeMS := 1_000 + r.Int64N(3_000) - 500
	if r.IntN(50) == 0 {
		timeMS = []int64{0, -1, math.MinInt64}[r.IntN(3)]
	}
	if r.IntN(10) == 0 {
		return randomInBrief(r, m, actor, timeMS)
	}
	if r.IntN(50) == 0 {
		actor, command := randomBetweenTwo(r, m, timeMS)
		return actor, timeMS, command
	}
	room := []string{"a", "a-", "a-b", "b", "z", "lobby", "lobby", "lobby"}[r.IntN(8)]
	seq := uint64(r.IntN(12))
	switch n := r.IntN(100); {
	case n < 22:
		p := &storev1.Publish{Room: room, ClientId: randomClientID(r), Body: randomBody(r), Mentions: randomMentions(r)}
		if r.IntN(4) == 0 {
			p.ReplyTo = seq
		}
		return actor, timeMS, p
	case n < 28:
		e := &storev1.Edit{Room: room, Seq: seq, Text: fmt.Sprint("text ", r.IntN(3)), Mentions: randomMentions(r)}
		if r.IntN(3) == 0 {
			e.ExpectedRev = proto.Uint64(uint64(r.IntN(60)))
		}
		return actor, timeMS, e
	case n < 32:
		return actor, timeMS, &storev1.Delete{Room: room, Seq: seq + 2}
	case n < 50:
		react := &storev1.React{
			Room: room, Seq: 1 + uint64(r.IntN(12))/5, Emoji: string(rune('😀' + r.IntN(30))), Remove: r.IntN(10) == 0,
		}
		switch r.IntN(8) {
		case 0:
			react.MaxReactions = 1 + r.Uint32N(30)
		case 1:
			react.MaxKinds = 1 + r.Uint32N(30)
		}
		return actor, timeMS, react
	case n < 52:
		if r.IntN(2) == 0 {
			room = fmt.Sprint("room-", r.IntN(100))
		}
		return actor, timeMS, &storev1.CreateRoom{Room: room, Settings: &storev1.Settings{
			Title: fmt.Sprint("title ", r.IntN(3)), SlowModeMs: r.Int64N(2) * 1000, Kind: uint32(r.IntN(3)),
		}}
	case n < 56:
		u := &storev1.UpdateRoom{Room: room}
		if r.IntN(4) > 0 {
			u.Title = proto.String(fmt.Sprint("title ", r.IntN(3)))
		}
		if r.IntN(4) == 0 {
			u.Topic = proto.String(fmt.Sprint("topic ", r.IntN(3)))
		}
		if r.IntN(2) == 0 {
			u.SlowModeMs = proto.Int64(r.Int64N(2) * 300)
		}
		switch r.IntN(8) {
		case 0:
			u.Kind = proto.Uint32(uint32(1 + r.IntN(2)))
		case 1:
			u.Posting = proto.Uint32(uint32(r.IntN(5)) / 2)
		case 2, 3:
			u.Archived = proto.Bool(r.IntN(3) == 0)
		case 4:
			u.Requests = proto.Bool(r.IntN(4) > 0)
		}
		return actor, timeMS, u
	case n < 96:
		actor, command := randomAboutPeople(r, m, room, actor, timeMS)
		return actor, timeMS, command
	case n < 98:
		actor, command := randomAboutServer(r, m, room, actor, timeMS)
		return actor, timeMS, command
	default:
		return actor, timeMS, &storev1.MarkRead{Room: room, Seq: uint64(r.IntN(80))}
	}
}

// randomAboutPeople has people at odds: mostly in a room with an owner, who does every other thing there.
func randomAboutPeople(r *rand.Rand, m *model, room string, actor state.Actor, timeMS int64) (state.Actor, proto.Message) {
	whom := person(r.IntN(6)).ID
	switch r.IntN(8) {
	case 0:
		return actor, aboutPeople(r, m, room, actor, whom, timeMS)
	case 1:
		id, _ := m.directRoom(r, actor.ID, whom)
		return actor, aboutPeople(r, m, id, actor, whom, timeMS)
	}
	den, owner := m.ownedDen()
	if owner.ID == "" {
		return actor, &storev1.CreateRoom{Room: den, Settings: &storev1.Settings{Kind: uint32(r.IntN(3))}}
	}
	if actor = person(r.IntN(6)); r.IntN(2) == 0 {
		actor = owner
	}
	in := m.rooms[den]
	if in.Settings.ArchiveTime != 0 && r.IntN(4) == 0 {
		return owner, &storev1.UpdateRoom{Room: den, Archived: proto.Bool(false)}
	}
	if r.IntN(4) == 0 {
		return actor, &storev1.Publish{Room: den, Body: randomBody(r)}
	}
	if n := len(in.links); n > state.MaxLinks/4 && r.IntN(4) == 0 { // or there would hardly ever be too many
		return owner, &storev1.CreateLink{Room: den, Link: fmt.Sprint("link ", r.IntN(200)), Role: uint32(state.RoleMember)}
	}
	if r.IntN(12) == 0 {
		return owner, &storev1.UpdateRoom{Room: den, Kind: proto.Uint32(uint32(1 + r.IntN(2))), Requests: proto.Bool(r.IntN(4) > 0)}
	}
	for _, ban := range in.allBans() {
		if r.IntN(12) == 0 {
			return owner, &storev1.Invite{Room: den, User: ban.User.ID, Role: 2}
		}
	}
	for _, request := range in.allRequests() {
		if r.IntN(4) == 0 {
			return owner, &storev1.AnswerRequest{Room: den, User: request.User.ID, Accept: r.IntN(2) == 0, MaxMembers: randomMost(r)}
		}
	}
	return actor, aboutPeople(r, m, den, actor, whom, timeMS)
}

// operator is who comes by the admin port.
var operator = state.Actor{ID: "operator", Name: "Operator", Operator: true}

// randomAboutServer has an operator at work, and people say who they are.
func randomAboutServer(r *rand.Rand, m *model, room string, actor state.Actor, timeMS int64) (state.Actor, proto.Message) {
	until := []int64{0, timeMS + r.Int64N(500), timeMS - 1}[r.IntN(3)]
	by := operator
	if r.IntN(10) == 0 {
		by = actor
	}
	whom := person(3 + r.IntN(people-3)).ID // not those who do most
	if r.IntN(20) == 0 {
		room, _ = m.ownedDen()
	}
	switch r.IntN(9) {
	case 0, 1:
		name := proto.String([]string{"", "profile 1", "profile 2"}[r.IntN(3)])
		about, emoji := proto.String(""), proto.String([]string{"", "🦜"}[r.IntN(2)])
		return actor, []*storev1.SetProfile{
			{}, {Name: name}, {Name: name, About: proto.String("about"), Emoji: emoji}, {Name: name, About: about, Emoji: emoji},
			{Name: about, About: about, Emoji: about},
		}[r.IntN(5)]
	case 2:
		return by, &storev1.BanUser{User: whom, UntilMs: until, Reason: fmt.Sprint("reason ", r.IntN(2))}
	case 3, 4:
		for _, ban := range m.allServerBans() {
			if ban.User != "" && r.IntN(2) == 0 {
				whom = ban.User
			}
		}
		return by, &storev1.BanUser{User: whom, Lift: true}
	case 5, 6:
		prefix := []string{"10.0.0.0/8", "10.0.0.0/24", "10.1.0.1/32", "2001:db8::/64", "0.0.0.0/0"}[r.IntN(5)]
		return by, &storev1.BanAddress{Prefix: prefix, UntilMs: until, Reason: "noise", Lift: r.IntN(2) == 0}
	case 7:
		if len(m.erased) < 8 { // most stay
			return by, &storev1.EraseUser{User: person(15 + r.IntN(people-15)).ID}
		}
		return by, &storev1.BanUser{User: slices.Sorted(maps.Keys(m.erased))[r.IntN(len(m.erased))]}
	default:
		return operator, []proto.Message{
			&storev1.SetRole{Room: room, User: whom, Role: uint32(1 + r.IntN(4))},
			&storev1.RemoveMember{Room: room, User: whom},
			&storev1.Ban{Room: room, User: whom, Lift: r.IntN(2) == 0},
			&storev1.Mute{Room: room, User: whom, Lift: r.IntN(2) == 0},
			&storev1.UpdateRoom{Room: room, Archived: proto.Bool(r.IntN(2) == 0)},
			&storev1.Delete{Room: room, Seq: 1 + r.Uint64N(3)},
		}[r.IntN(6)]
	}
}

// ownedDen returns the first of the dens that has an owner, and who that is (of several the first by id); or one that does
// not exist.
func (m *model) ownedDen() (string, state.Actor) {
	for i := 0; ; i++ {
		id := fmt.Sprint("den-", i)
		room := m.rooms[id]
		if m.gone[id] != nil {
			continue
		}
		if room == nil {
			return id, state.Actor{}
		}
		var owner state.Actor
		for _, member := range room.known {
			if member.Role == state.RoleOwner && (owner.ID == "" || member.User.ID < owner.ID) {
				owner = member.User
			}
		}
		if owner.ID != "" {
			return id, owner
		}
	}
}

// randomMost is how many members a room may have: mostly any number.
func randomMost(r *rand.Rand) uint64 { return []uint64{0, 0, 0, 0, 1, 2, 3, 4}[r.IntN(8)] }

func aboutPeople(r *rand.Rand, m *model, room string, actor state.Actor, whom string, timeMS int64) proto.Message {
	until := []int64{0, timeMS + r.Int64N(500), timeMS - 1}[r.IntN(3)]
	link := fmt.Sprint("link ", r.IntN(50))
	switch r.IntN(18) {
	case 0, 1:
		return &storev1.AddMember{Room: room, MaxMembers: randomMost(r)}
	case 8:
		return &storev1.AddMember{Room: room, Link: link, MaxMembers: randomMost(r)}
	case 9, 16, 17:
		return &storev1.CreateLink{Room: room, Link: link, Role: uint32(1 + r.IntN(2)), MaxUses: r.Uint32N(3), UntilMs: until}
	case 10:
		return &storev1.RemoveLink{Room: room, Link: link}
	case 11, 12:
		return &storev1.AskToJoin{Room: room, Note: fmt.Sprint("note ", r.IntN(3)), MaxMembers: randomMost(r)}
	case 13:
		return &storev1.AnswerRequest{Room: room, User: whom, Accept: r.IntN(2) == 0, MaxMembers: randomMost(r)}
	case 14:
		others := []string{whom, person(r.IntN(3)).ID}[r.IntN(2):]
		id, generation := m.directRoom(r, append(slices.Clone(others), actor.ID)...)
		return &storev1.OpenDirect{Room: id, Users: others, Generation: generation}
	case 15:
		return &storev1.Block{User: whom, Lift: r.IntN(2) == 0, MaxBlocked: uint32(r.IntN(3))}
	case 2:
		return &storev1.RemoveMember{Room: room, User: whom}
	case 3:
		return &storev1.SetRole{Room: room, User: whom, Role: uint32(1 + r.IntN(4))}
	case 4:
		return &storev1.Ban{Room: room, User: whom, UntilMs: until, Reason: fmt.Sprint("reason ", r.IntN(2)), Lift: r.IntN(2) == 0}
	case 5:
		return &storev1.Mute{Room: room, User: whom, UntilMs: until, Lift: r.IntN(2) == 0}
	case 6:
		return &storev1.Invite{Room: room, User: whom, Role: uint32(1 + r.IntN(2))}
	default:
		return &storev1.Uninvite{Room: room, User: whom}
	}
}

func randomClientID(r *rand.Rand) string {
	if r.IntN(4) == 0 {
		return ""
	}
	return fmt.Sprint("client ", r.IntN(25))
}

func randomMentions(r *rand.Rand) []string {
	if r.IntN(3) > 0 {
		return nil
	}
	return []string{person(r.IntN(3)).ID, "nobody"}[:1+r.IntN(2)]
}

func randomBody(r *rand.Rand) *storev1.Body {
	if r.IntN(4) == 0 {
		return data("type", fmt.Sprint("\x00\xff", r.IntN(3)))
	}
	return text(fmt.Sprint("text ", r.IntN(3)))
}
