package state_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// TestErasureLeavesNothing has somebody leave traces wherever that is possible, and erases them, with a restart after each step.
func TestErasureLeavesNothing(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := open(t, fs)
	do := func(actor state.Actor, command proto.Message) state.Result {
		t.Helper()
		return commit(t, s, next(t, s, actor, 1000, command)).Results[0]
	}
	must := func(actor state.Actor, command proto.Message) {
		t.Helper()
		if r := do(actor, command); r.Refusal != state.Accepted {
			t.Fatalf("%v: %+v", command, r)
		}
	}
	zed, ana, eve := state.Actor{ID: "id-of-zed", Name: "Name of Zed"}, user("ana"), user("eve")
	leaveTraces(t, must, zed, ana, eve)
	before := dump(t, s)
	if n := strings.Count(before, zed.ID); n < 3000 {
		t.Fatalf("%d traces", n)
	}

	steps := 0
	for ; steps == 0 || len(erasures(t, s)) > 0; steps++ {
		must(operator, &storev1.EraseUser{User: zed.ID})
		after := dump(t, s)
		if n := changedLines(before, after); n > 1000 {
			t.Errorf("step %d changed %d rows", steps, n)
		}
		before = after
		if r := do(zed, say("lobby", "", "still here?")); r.Refusal != state.ShutOutOfServer {
			t.Fatalf("after step %d they post: %+v", steps, r)
		}
		closeStore(t, s)
		s = open(t, fs)
	}
	defer closeStore(t, s)
	if steps < 5 {
		t.Errorf("it took %d steps", steps)
	}
	for _, trace := range []string{zed.ID, zed.Name, "Zed himself", "of zed's", "client of zed"} {
		if i := strings.Index(before, trace); i >= 0 {
			t.Errorf("%q is left: %.300s", trace, before[strings.LastIndexByte(before[:i], '\n')+1:])
		}
	}
	checkErased(t, s)
	if r := do(ana, &storev1.Invite{Room: "private", User: zed.ID, Role: 2}); r.Refusal != state.PersonErased {
		t.Errorf("an invitation: %+v", r)
	}
	must(ana, &storev1.Publish{Room: "lobby", Body: text("hello"), Mentions: []string{zed.ID, "eve"}})
	must(operator, &storev1.EraseUser{User: zed.ID})
	if after := dump(t, s); strings.Contains(after, zed.ID) || strings.Count(after, "action=5") != 1 {
		t.Error("they came back by what others say")
	}
}

// leaveTraces has zed do all that can be done in his name, and others all that names him.
func leaveTraces(t *testing.T, must func(state.Actor, proto.Message), zed, ana, eve state.Actor) {
	t.Helper()
	direct, _ := state.DirectRoom(0, "ana", zed.ID)
	for i := range 1200 {
		room := []string{"lobby", "den", "zed-s"}[i%3]
		must(zed, &storev1.Publish{
			Room: room, ClientId: fmt.Sprint("client of zed ", i), Body: text(fmt.Sprint("of zed's ", i)), Mentions: []string{"ana"},
		})
	}
	for _, c := range []proto.Message{
		&storev1.SetProfile{Name: proto.String(zed.Name), About: proto.String("Zed himself")},
		&storev1.Delete{Room: "lobby", Seq: 1},
		&storev1.Edit{Room: "lobby", Seq: 2, Text: "of zed's, edited"},
		&storev1.AddMember{Room: "den"},
		&storev1.Invite{Room: "den", User: "eve", Role: 2},
		&storev1.Block{User: "eve"},
		&storev1.OpenDirect{Room: string(direct), Users: []string{"ana"}},
		say(string(direct), "client of zed", "of zed's, to ana"),
		&storev1.CreateRoom{Room: "private", Settings: &storev1.Settings{Kind: uint32(state.Private), SlowModeMs: 1}},
		say("private", "", "of zed's, slowly"),
		&storev1.CreateLink{Room: "private", Link: "link", Role: 2},
		&storev1.Ban{Room: "private", User: "eve", Reason: "noise"},
		&storev1.Mute{Room: "private", User: "dan"},
		&storev1.UpdateRoom{Room: "private", Title: proto.String("A title"), Requests: proto.Bool(true)},
	} {
		must(zed, c)
	}
	must(ana, &storev1.AddMember{Room: "private", Link: "link"})
	must(operator, &storev1.SetRole{Room: "private", User: "ana", Role: uint32(state.RoleOwner)})
	must(zed, &storev1.RemoveMember{Room: "private", User: zed.ID})
	for _, c := range []proto.Message{
		&storev1.Publish{Room: "lobby", Body: text("kept"), Mentions: []string{zed.ID, "eve"}, ReplyTo: 2},
		&storev1.Mute{Room: "private", User: zed.ID},
		&storev1.Block{User: zed.ID},
	} {
		must(ana, c)
	}
	must(zed, &storev1.AskToJoin{Room: "private", Note: "of zed's, please"})
	must(eve, say("lobby", "", "kept, too"))
	must(zed, &storev1.React{Room: "lobby", Seq: 402, Emoji: "👍"})
	must(ana, &storev1.React{Room: "lobby", Seq: 402, Emoji: "👍"})
	must(zed, &storev1.React{Room: "lobby", Seq: 402, Emoji: "🦜"})
	must(operator, &storev1.BanUser{User: zed.ID, UntilMs: 1, Reason: "noise"})
}

// changedLines counts the lines of one dump that are not in the other.
func changedLines(before, after string) int {
	lines := make(map[string]int)
	for line := range strings.Lines(before) {
		lines[line]--
	}
	for line := range strings.Lines(after) {
		lines[line]++
	}
	n := 0
	for _, times := range lines {
		n += max(times, 0)
	}
	return n
}

// checkErased looks at what others see from then on.
func checkErased(t *testing.T, s *state.Store) {
	t.Helper()
	v := s.View()
	defer v.Close()
	messages, err := v.Messages("lobby", 0, false, math.MaxInt, math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages[:400] {
		if m.Sender != state.DeletedUser || m.DeleteTime == 0 || m.Text != "" {
			t.Fatalf("message %+v", m)
		}
	}
	kept, reacted := messages[400], messages[401]
	if kept.Text != "kept" || !slices.Equal(kept.Mentions, []string{"eve"}) {
		t.Errorf("message %+v", kept)
	}
	if len(reacted.Reactions) != 1 || !slices.Equal(reacted.Reactions[0].UserIDs, []string{"ana"}) {
		t.Errorf("message %+v", reacted)
	}
	room, _, err := v.Room("den")
	if err != nil || room.Creator != state.DeletedUser || room.Members != 0 {
		t.Errorf("room %+v, %v", room, err)
	}
	acts, err := v.OperatorActs(0, 1)
	if err != nil || len(acts) != 1 || acts[0].Action != state.UserErased || acts[0].User != "" || acts[0].Messages != 1201 {
		t.Errorf("acts %+v, %v", acts, err)
	}
	if !s.Bans().Gone("id-of-zed") || s.Bans().Gone("ana") {
		t.Error("who is gone is not known")
	}
}
