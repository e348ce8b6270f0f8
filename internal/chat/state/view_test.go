package state_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// TestViewStaysAsItWas shows that a View sees neither what is applied but not committed nor what is committed later.
func TestViewStaysAsItWas(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	do(t, s, user("ana"), 1, say("lobby", "1", "one"))
	before := view(t, s)
	change, err := s.Apply([]state.Entry{next(t, s, user("ana"), 2, say("lobby", "2", "two"))})
	if err != nil {
		t.Fatal(err)
	}
	applied := view(t, s)
	if err := s.Commit(change, true); err != nil {
		t.Fatal(err)
	}
	do(t, s, user("ana"), 3, &storev1.Delete{Room: "lobby", Seq: 1})
	after := view(t, s)

	for _, c := range []struct {
		name string
		view state.View
		pos  state.Pos
		want string
	}{
		{"before", before, 1, "one"},
		{"applied", applied, 1, "one"},
		{"after", after, 3, " two"},
	} {
		messages, err := c.view.Messages("lobby", 0, false, 10, math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, m := range messages {
			texts = append(texts, m.Text)
		}
		if got := strings.Join(texts, " "); got != c.want || c.view.Pos() != c.pos {
			t.Errorf("%s shows %q at %d, want %q at %d", c.name, got, c.view.Pos(), c.want, c.pos)
		}
	}
}

func TestMessagesPage(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	for i := range 9 {
		do(t, s, user("ana"), 1, say("b", "", fmt.Sprint(i+1)))
	}
	do(t, s, user("ana"), 1, say("a", "", "another room before"))
	do(t, s, user("ana"), 1, say("b-", "", "another room behind"))
	do(t, s, user("ana"), 1, say("c", "", "another room behind"))
	do(t, s, user("ana"), 1, say("long", "", strings.Repeat("x", 1000)))
	do(t, s, user("ana"), 1, say("long", "", strings.Repeat("y", 1000)))
	do(t, s, user("ana"), 1, say("long", "", strings.Repeat("z", 1000)))
	v := view(t, s)
	const newest = math.MaxUint64
	for _, c := range []struct {
		room     state.RoomID
		from     uint64
		back     bool
		n, bytes int
		want     string
	}{
		{"b", 0, false, 3, 1000, "[1 2 3]"},
		{"b", 3, false, 3, 1000, "[4 5 6]"},
		{"b", 8, false, 3, 1000, "[9]"},
		{"b", 9, false, 3, 1000, "[]"},
		{"b", newest, false, 3, 1000, "[]"},
		{"b", newest, true, 3, 1000, "[7 8 9]"},
		{"b", 7, true, 3, 1000, "[4 5 6]"},
		{"b", 2, true, 3, 1000, "[1]"},
		{"b", 1, true, 3, 1000, "[]"},
		{"b", 0, true, 3, 1000, "[]"},
		{"b", 0, false, 0, 1000, "[]"},
		{"none", 0, false, 3, 1000, "[]"},
		{"none", newest, true, 3, 1000, "[]"},
		{"long", 0, false, 3, 5000, "[1 2 3]"},
		{"long", 0, false, 3, 2500, "[1 2]"},
		{"long", newest, true, 3, 2500, "[2 3]"},
		{"long", 0, false, 3, 1, "[1]"},
		{"long", newest, true, 3, 0, "[3]"},
	} {
		messages, err := v.Messages(c.room, c.from, c.back, c.n, c.bytes)
		if err != nil {
			t.Fatal(err)
		}
		seqs := []uint64{}
		for _, m := range messages {
			seqs = append(seqs, m.Seq)
		}
		if got := fmt.Sprint(seqs); got != c.want {
			t.Errorf("Messages(%s, %d, %t, %d, %d) = %s, want %s", c.room, c.from, c.back, c.n, c.bytes, got, c.want)
		}
	}
}

func TestEventsPage(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	ana := user("ana")
	do(t, s, ana, 1, &storev1.CreateRoom{Room: "b"})
	do(t, s, ana, 1, say("b", "", strings.Repeat("x", 1000)))
	do(t, s, ana, 1, &storev1.React{Room: "b", Seq: 1, Emoji: "👍"})
	do(t, s, ana, 1, say("b", "", strings.Repeat("y", 1000)))
	do(t, s, ana, 1, &storev1.RemoveMember{Room: "b", User: "ana"})
	do(t, s, ana, 1, say("c", "", "another room"))
	v := view(t, s)
	for _, c := range []struct {
		after    uint64
		n, bytes int
		want     string
	}{
		{0, 10, 10_000, "[1 2 3 4 5]"},
		{0, 2, 10_000, "[1 2]"},
		{3, 10, 10_000, "[4 5]"},
		{5, 10, 10_000, "[]"},
		{math.MaxUint64, 10, 10_000, "[]"},
		{0, 10, 2500, "[1 2 3]"}, // the reaction comes with its message
		{0, 10, 1500, "[1 2]"},
		{1, 10, 1, "[2]"},
		{4, 10, 0, "[5]"},
	} {
		events, err := v.Events("b", c.after, c.n, c.bytes)
		if err != nil {
			t.Fatal(err)
		}
		revs := []uint64{}
		for _, e := range events {
			revs = append(revs, e.Rev)
		}
		if got := fmt.Sprint(revs); got != c.want {
			t.Errorf("Events(%d, %d, %d) = %s, want %s", c.after, c.n, c.bytes, got, c.want)
		}
	}
}

func TestListsPage(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	for _, room := range []string{"a", "a.", "a0", "b"} {
		do(t, s, user("zoe"), 1, &storev1.CreateRoom{Room: room})
		for _, id := range []string{"ana", "ana-2", "bob"} {
			do(t, s, user(id), 2, &storev1.AddMember{Room: room})
		}
	}
	v := view(t, s)
	for _, c := range []struct {
		after state.RoomID
		n     int
		want  string
	}{
		{"", 2, "[a a.]"}, {"a", 2, "[a. a0]"}, {"a.", 9, "[a0 b]"}, {"b", 9, "[]"}, {"", 0, "[]"}, {"a1", 1, "[b]"},
	} {
		rooms, err := v.Rooms(c.after, c.n)
		if err != nil {
			t.Fatal(err)
		}
		ids := []state.RoomID{}
		for _, r := range rooms {
			ids = append(ids, r.ID)
		}
		if got := fmt.Sprint(ids); got != c.want {
			t.Errorf("Rooms(%q, %d) = %s, want %s", c.after, c.n, got, c.want)
		}
	}
	for _, c := range []struct {
		after string
		n     int
		want  string
	}{
		{"", 9, "[ana ana-2 bob zoe]"}, {"ana", 2, "[ana-2 bob]"}, {"zoe", 9, "[]"}, {"az", 1, "[bob]"},
	} {
		members, err := v.Members("a", c.after, c.n)
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, m := range members {
			ids = append(ids, m.User.ID)
		}
		if got := fmt.Sprint(ids); got != c.want {
			t.Errorf("Members(%q, %d) = %s, want %s", c.after, c.n, got, c.want)
		}
	}
}

// TestCloseWaitsForViews shows that shutting down does not take the database away from a reader.
func TestCloseWaitsForViews(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	do(t, s, user("ana"), 1, say("lobby", "1", "one"))
	v := s.View()
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		t.Fatalf("closed under a View: %v", err)
	default:
	}
	if _, ok, err := v.Message("lobby", 1); !ok || err != nil {
		t.Errorf("message: %t, %v", ok, err)
	}
	v.Close()
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
