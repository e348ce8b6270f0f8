package state_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// TestPublishOnce repeats publishes, also after the store was opened again.
func TestPublishOnce(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := open(t, fs)
	ana, bob := user("ana"), user("bob")
	first := do(t, s, ana, 1000, say("lobby", "id", "hello"))
	if first != (state.Result{Seq: 1, Rev: 1, Time: 1000}) {
		t.Fatalf("first %+v", first)
	}
	again := first
	again.Duplicate = true
	reused := state.Result{Refusal: state.ClientIDReused}
	for range 2 {
		for _, c := range []struct {
			name  string
			actor state.Actor
			say   *storev1.Publish
			want  state.Result
		}{
			{"the same", ana, say("lobby", "id", "hello"), again},
			{"under another name", state.Actor{ID: "ana", Name: "Annie"}, say("lobby", "id", "hello"), again},
			{"other text", ana, say("lobby", "id", "hello!"), reused},
			{"the same bytes, but typed", ana, &storev1.Publish{Room: "lobby", ClientId: "id", Body: data("t", "hello")}, reused},
		} {
			if got := do(t, s, c.actor, 2000, c.say); got != c.want {
				t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
			}
		}
		closeStore(t, s)
		s = open(t, fs)
	}
	if got := do(t, s, bob, 2000, say("lobby", "id", "hello")); got.Duplicate || got.Seq != 2 {
		t.Errorf("the same id of another sender: %+v", got)
	}
	if got := do(t, s, ana, 2000, say("other", "id", "hello")); got.Duplicate || got.Seq != 1 {
		t.Errorf("the same id in another room: %+v", got)
	}
	do(t, s, ana, 3000, &storev1.Edit{Room: "lobby", Seq: 1, Text: "edited"})
	if got := do(t, s, ana, 3000, say("lobby", "id", "hello")); got != again {
		t.Errorf("after an edit: %+v", got)
	}
	do(t, s, ana, 3000, &storev1.Delete{Room: "lobby", Seq: 1})
	if got := do(t, s, ana, 3000, say("lobby", "id", "whatever")); got != again {
		t.Errorf("after the delete, with other content: %+v", got)
	}
}

// TestDeleteLeavesNothing looks for a body, and for what gives it away, in all that is stored.
func TestDeleteLeavesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	do(t, s, user("ana"), 1, say("lobby", "id", "secret"))
	do(t, s, user("bob"), 1, &storev1.React{Room: "lobby", Seq: 1, Emoji: "telling"})
	before := dump(t, s)
	do(t, s, user("ana"), 1, &storev1.Delete{Room: "lobby", Seq: 1})
	after := dump(t, s)
	for _, s := range []string{"secret", "telling"} {
		if strings.Contains(after, s) {
			t.Errorf("%q is in\n%s", s, after)
		}
	}
	if !strings.Contains(before, "secret") || !strings.Contains(before, "telling") {
		t.Errorf("the test looks in the wrong place:\n%s", before)
	}
	if strings.Contains(before, "hash=\n") || !strings.Contains(after, "hash=\n") {
		t.Errorf("the hash is not gone:\n%s%s", before, after)
	}
}

// TestReactionLimits fills a message in both ways.
func TestReactionLimits(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	do(t, s, user("ana"), 1, say("lobby", "", "one"))
	full := state.Result{Refusal: state.TooManyReactions}
	for i := range state.MaxReactions {
		emoji := fmt.Sprint(i % state.MaxReactionKinds)
		r := do(t, s, user(fmt.Sprint(i)), 1, &storev1.React{Room: "lobby", Seq: 1, Emoji: emoji})
		if r.Refusal != state.Accepted || r.Rev != uint64(i)+2 {
			t.Fatalf("reaction %d: %+v", i, r)
		}
		if i == state.MaxReactionKinds {
			if got := do(t, s, user("ana"), 1, &storev1.React{Room: "lobby", Seq: 1, Emoji: "one more"}); got != full {
				t.Errorf("one kind more: %+v", got)
			}
		}
	}
	if got := do(t, s, user("ana"), 1, &storev1.React{Room: "lobby", Seq: 1, Emoji: "0"}); got != full {
		t.Errorf("one more of a kind: %+v", got)
	}
	if got := do(t, s, user("0"), 1, &storev1.React{Room: "lobby", Seq: 1, Emoji: "0"}); got != (state.Result{Seq: 1}) {
		t.Errorf("the same again: %+v", got)
	}
	do(t, s, user("0"), 1, &storev1.React{Room: "lobby", Seq: 1, Emoji: "0", Remove: true})
	if got := do(t, s, user("ana"), 1, &storev1.React{Room: "lobby", Seq: 1, Emoji: "0"}); got.Rev == 0 {
		t.Errorf("after one was taken back: %+v", got)
	}
}

// TestReactionLimitsOfTheRecord: what a record says counts, for that record.
func TestReactionLimitsOfTheRecord(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	do(t, s, user("ana"), 1, say("lobby", "", "one"))
	full := state.Result{Refusal: state.TooManyReactions}
	react := func(who, emoji string, most, kinds uint32) state.Result {
		t.Helper()
		return do(t, s, user(who), 1, &storev1.React{Room: "lobby", Seq: 1, Emoji: emoji, MaxReactions: most, MaxKinds: kinds})
	}
	react("ana", "a", 2, 1)
	if got := react("ana", "b", 2, 1); got != full {
		t.Errorf("a second kind of one: %+v", got)
	}
	react("ben", "a", 2, 1)
	if got := react("cleo", "a", 2, 1); got != full {
		t.Errorf("a third of two: %+v", got)
	}
	if got := react("cleo", "b", 3, 2); got.Rev != 4 {
		t.Errorf("a third of three, and a second kind of two: %+v", got)
	}
	if got := react("ana", "a", 1, 1); got != (state.Result{Seq: 1}) {
		t.Errorf("the same again, under a lower limit: %+v", got)
	}
}

// TestMemberLimit: a room takes as many members as the record says, whichever way they come, and those whom it does not
// take keep what they came with.
func TestMemberLimit(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	owner, full := user("owner"), state.Result{Refusal: state.TooManyMembers}
	do(t, s, owner, 1, &storev1.CreateRoom{Room: "den", Settings: &storev1.Settings{Kind: uint32(state.Private), Requests: true}})
	do(t, s, owner, 1, &storev1.CreateLink{Room: "den", Link: "l", Role: uint32(state.RoleMember), MaxUses: 1})
	do(t, s, owner, 1, &storev1.Invite{Room: "den", User: "ana", Role: uint32(state.RoleMember)})
	do(t, s, user("ben"), 1, &storev1.AskToJoin{Room: "den"})
	ways := []struct {
		who state.Actor
		way func(most uint64) proto.Message
	}{
		{user("ana"), func(most uint64) proto.Message { return &storev1.AddMember{Room: "den", MaxMembers: most} }},
		{user("cleo"), func(most uint64) proto.Message { return &storev1.AddMember{Room: "den", Link: "l", MaxMembers: most} }},
		{owner, func(most uint64) proto.Message {
			return &storev1.AnswerRequest{Room: "den", User: "ben", Accept: true, MaxMembers: most}
		}},
	}
	for i, w := range ways {
		there := uint64(i) + 1
		if got := do(t, s, w.who, 1, w.way(there)); got != full {
			t.Errorf("way %d, of %d members: %+v", i, there, got)
		}
		if got := do(t, s, w.who, 1, w.way(there+1)); got.Rev == 0 {
			t.Errorf("way %d, with room for one more: %+v", i, got)
		}
	}
	if got := do(t, s, user("ana"), 1, &storev1.AddMember{Room: "den", MaxMembers: 1}); got != (state.Result{}) {
		t.Errorf("who is a member already: %+v", got)
	}
	do(t, s, owner, 1, &storev1.CreateRoom{Room: "square"})
	if got := do(t, s, user("ana"), 1, &storev1.AskToJoin{Room: "square", MaxMembers: 1}); got != full {
		t.Errorf("asking in a public room: %+v", got)
	}
}

// TestTimes shows that the time of a change never falls behind that of the one before, and is never 0, which says that
// something did not happen.
func TestTimes(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	for i, c := range []struct{ record, want int64 }{
		{math.MinInt64, 1}, {0, 1}, {500, 500}, {400, 500}, {-1, 500}, {501, 501},
	} {
		if got := do(t, s, user("ana"), c.record, say("lobby", "", "x")); got.Time != c.want {
			t.Errorf("%d: a record of %d got time %d, want %d", i, c.record, got.Time, c.want)
		}
	}
	do(t, s, user("ana"), 0, say("past", "", "x"))
	do(t, s, user("ana"), 0, &storev1.Delete{Room: "past", Seq: 1})
	if m, _, err := view(t, s).Message("past", 1); err != nil || m.DeleteTime != 1 || m.CreateTime != 1 {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestWritersMark shows what becomes of a record that comes twice, and that gaps are no matter.
func TestWritersMark(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := open(t, fs)
	numbered := func(writer, n uint64, text string) state.Result {
		_, applied := s.Applied()
		e := entry(t, applied+1, user("ana"), 1, say("lobby", "", text))
		e.Record.Writer, e.Record.N = writer, n
		result := commit(t, s, e).Results[0]
		if result.Pos != e.Pos {
			t.Errorf("result %+v at %d", result, e.Pos)
		}
		result.Pos = 0
		return result
	}
	skipped := state.Result{Duplicate: true}
	for i, c := range []struct {
		writer, n uint64
		want      state.Result
	}{
		{7, 0, skipped},
		{7, 1, state.Result{Seq: 1, Rev: 1, Time: 1}},
		{7, 1, skipped},
		{8, 1, state.Result{Seq: 2, Rev: 2, Time: 1}},
		{7, 5, state.Result{Seq: 3, Rev: 3, Time: 1}},
		{7, 4, skipped},
		{7, 5, skipped},
		{math.MaxUint64, math.MaxUint64, state.Result{Seq: 4, Rev: 4, Time: 1}},
		{math.MaxUint64, math.MaxUint64, skipped},
	} {
		if got := numbered(c.writer, c.n, fmt.Sprint(i)); got != c.want {
			t.Errorf("%d: record %d of writer %d: %+v, want %+v", i, c.n, c.writer, got, c.want)
		}
		if i%2 == 1 {
			closeStore(t, s)
			s = open(t, fs)
		}
	}
}

// TestUnsupportedRecords shows that what has no meaning is refused and has no effect but to take its place.
func TestUnsupportedRecords(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	do(t, s, user("ana"), 1, say("lobby", "", "one"))
	before := dump(t, s)
	good := next(t, s, user("ana"), 1, say("lobby", "id", "two")).Record
	noBody := next(t, s, user("ana"), 1, &storev1.Publish{Room: "lobby"}).Record
	untyped := next(t, s, user("ana"), 1, &storev1.Publish{Room: "lobby", Body: data("", "x")}).Record
	for name, change := range map[string]func(r *state.Record){
		"kind 0":                 func(r *state.Record) { r.Kind = 0 },
		"a later kind":           func(r *state.Record) { r.Kind = 99 },
		"version 0":              func(r *state.Record) { r.Version = 0 },
		"a later version":        func(r *state.Record) { r.Version = 2 },
		"no body":                func(r *state.Record) { r.Body = nil },
		"a cut body":             func(r *state.Record) { r.Body = r.Body[:len(r.Body)-1] },
		"nobody":                 func(r *state.Record) { r.Actor.ID = "" },
		"an actor with a zero":   func(r *state.Record) { r.Actor.ID = "a\x00b" },
		"an actor not in UTF-8":  func(r *state.Record) { r.Actor.ID = "a\xffb" },
		"a name not in UTF-8":    func(r *state.Record) { r.Actor.Name = "\xff" },
		"a very long actor":      func(r *state.Record) { r.Actor.ID = strings.Repeat("a", 257) },
		"no room":                func(r *state.Record) { r.Body = body(t, say("", "", "x")) },
		"a room with a zero":     func(r *state.Record) { r.Body = body(t, say("a\x00b", "", "x")) },
		"a client_id with zero":  func(r *state.Record) { r.Body = body(t, say("lobby", "a\x00", "x")) },
		"a very long client_id":  func(r *state.Record) { r.Body = body(t, say("lobby", strings.Repeat("a", 257), "x")) },
		"a message without body": func(r *state.Record) { *r = noBody },
		"data without a type":    func(r *state.Record) { *r = untyped },
	} {
		_, applied := s.Applied()
		record := good
		change(&record)
		record.N = uint64(applied) + 1
		got := commit(t, s, state.Entry{Pos: applied + 1, Record: record})
		if got.Results[0] != (state.Result{Pos: applied + 1, Refusal: state.UnsupportedRecord}) || len(got.Events) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	after := dump(t, s)
	if cutCounters(before) != cutCounters(after) {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

// cutCounters leaves out the lines of position and marks.
func cutCounters(dump string) string {
	var kept strings.Builder
	for line := range strings.Lines(dump) {
		if !strings.HasPrefix(line, "applied") && !strings.HasPrefix(line, "writer") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func body(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNewRecordRefuses(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]proto.Message{
		"no command":    &storev1.Record{},
		"invalid UTF-8": say("lobby", "", "\xff"),
	} {
		if _, err := state.NewRecord(user("ana"), 1, command); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
