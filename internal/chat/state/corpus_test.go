package state_test

import (
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

var update = flag.Bool("update", false, "write testdata/records-v1.txt and the dump; only to add records")

const (
	corpusPath = "testdata/records-v1.txt"
	dumpPath   = "testdata/dump-v1.txt"
)

// TestCorpus applies records that were written once and for all, one a line in base64, and compares the state and the
// verdicts with what they were then: what Apply decides may change only under a new record version.
func TestCorpus(t *testing.T) {
	t.Parallel()
	if *update {
		writeCorpus(t)
	}
	s := open(t, vfs.NewMem())
	var got strings.Builder
	for i, record := range readCorpus(t) {
		pos := state.Pos(i + 1)
		fmt.Fprintf(&got, "%+v\n", commit(t, s, state.Entry{Pos: pos, Record: record}).Results[0])
	}
	got.WriteString(dump(t, s))
	if *update {
		if err := os.WriteFile(dumpPath, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(dumpPath)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

func readCorpus(t testing.TB) []state.Record {
	t.Helper()
	lines, err := os.ReadFile(corpusPath)
	if err != nil {
		t.Fatal(err)
	}
	var records []state.Record
	for line := range strings.Lines(string(lines)) {
		b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		record, err := state.UnmarshalRecord(b)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record)
	}
	return records
}

// writeCorpus makes the records: each kind with an effect, without one, and refused.
func writeCorpus(t *testing.T) {
	t.Helper()
	ana, bob := user("ana"), state.Actor{ID: "bob", Name: "Bob"}
	var out strings.Builder
	n := uint64(0)
	add := func(actor state.Actor, timeMS int64, command proto.Message) {
		record, err := state.NewRecord(actor, timeMS, command)
		if err != nil {
			t.Fatal(err)
		}
		n++
		record.Writer, record.N = 42, n
		b, err := record.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&out, base64.StdEncoding.EncodeToString(b))
	}
	add(ana, 1000, say("lobby", "c1", "hello"))
	add(ana, 1001, say("lobby", "c1", "hello"))
	add(ana, 1002, say("lobby", "c1", "other"))
	add(bob, 900, &storev1.Publish{Room: "lobby", ClientId: "c1", Body: data("game/move", "e2e4")})
	add(bob, 1003, say("lobby", "", "without an id"))
	add(ana, 1004, &storev1.Edit{Room: "lobby", Seq: 1, Text: "hello, world"})
	add(ana, 1005, &storev1.Edit{Room: "lobby", Seq: 1, Text: "late", ExpectedRev: proto.Uint64(1)})
	add(ana, 1006, &storev1.Edit{Room: "lobby", Seq: 2, Text: "not mine"})
	add(bob, 1007, &storev1.Edit{Room: "lobby", Seq: 2, Text: "not text"})
	add(bob, 1008, &storev1.React{Room: "lobby", Seq: 1, Emoji: "👍"})
	add(ana, 1009, &storev1.React{Room: "lobby", Seq: 1, Emoji: "👍"})
	add(ana, 1010, &storev1.React{Room: "lobby", Seq: 1, Emoji: "👍", Remove: true})
	add(ana, 1011, &storev1.Delete{Room: "lobby", Seq: 3})
	add(ana, 1012, &storev1.Delete{Room: "lobby", Seq: 3})
	add(bob, 1013, &storev1.Delete{Room: "lobby", Seq: 1})
	add(bob, 1014, &storev1.CreateRoom{Room: "den", Settings: &storev1.Settings{Title: "Bob's den", SlowModeMs: 5000}})
	add(ana, 1015, &storev1.CreateRoom{Room: "den", Settings: &storev1.Settings{Title: "mine"}})
	add(bob, 1016, &storev1.UpdateRoom{Room: "den", Title: proto.String(""), Topic: proto.String("rest")})
	add(ana, 1017, &storev1.UpdateRoom{Room: "den", Title: proto.String("mine")})
	add(ana, 1018, &storev1.AddMember{Room: "den"})
	add(ana, 1019, &storev1.RemoveMember{Room: "den", User: "ana"})
	add(bob, 1020, &storev1.MarkRead{Room: "lobby", Seq: 1})
	add(bob, 1021, &storev1.MarkRead{Room: "lobby", Seq: 99})
	add(bob, 1022, &storev1.MarkRead{Room: "nowhere"})
	add(bob, 1023, &storev1.Publish{Room: "lobby", Body: text("to you"), ReplyTo: 1, Mentions: []string{"ana", "cleo"}})
	add(bob, 1024, &storev1.Publish{Room: "lobby", Body: text("to nobody"), ReplyTo: 99})
	add(bob, 1025, &storev1.Edit{Room: "lobby", Seq: 4, Text: "to you", Mentions: []string{"ana"}})
	add(ana, 1026, say("den", "", "slow"))
	add(ana, 1027, say("den", "", "too soon"))
	people := []proto.Message{
		&storev1.AddMember{Room: "den"},
		&storev1.SetRole{Room: "den", User: "ana", Role: 3},
		&storev1.SetRole{Room: "den", User: "cleo", Role: 3},
		&storev1.Mute{Room: "den", User: "ana", UntilMs: 2000},
		&storev1.Mute{Room: "den", User: "ana", Lift: true},
		&storev1.Ban{Room: "den", User: "dan", UntilMs: 3000, Reason: "noise"},
		&storev1.Invite{Room: "den", User: "dan", Role: 2},
		&storev1.Invite{Room: "den", User: "eve", Role: 1},
		&storev1.Uninvite{Room: "den", User: "eve"},
		&storev1.Invite{Room: "den", User: "eve", Role: 1},
		&storev1.UpdateRoom{Room: "den", Kind: proto.Uint32(2), Posting: proto.Uint32(1)},
		&storev1.RemoveMember{Room: "den", User: "ana"},
		&storev1.UpdateRoom{Room: "den", Archived: proto.Bool(true)},
		say("den", "", "into the archive"),
		&storev1.Ban{Room: "den", User: "dan", Lift: true},
		&storev1.Mute{Room: "den", User: "cleo"},
	}
	add(ana, 1028, people[0])
	for i, c := range people[1:] {
		add(bob, 1029+int64(i), c)
	}
	add(ana, 1050, say("den", "", "from outside"))
	add(state.Actor{ID: "eve"}, 1051, &storev1.AddMember{Room: "den"})
	add(bob, 1052, &storev1.UpdateRoom{Room: "den", Archived: proto.Bool(false)})
	add(state.Actor{ID: "eve"}, 1053, &storev1.AddMember{Room: "den"})
	add(state.Actor{ID: "eve"}, 1054, &storev1.Mute{Room: "den", User: "cleo"})
	direct, _ := state.DirectRoom(0, "ana", "bob")
	add(ana, 1055, &storev1.OpenDirect{Room: string(direct), Users: []string{"bob"}})
	add(bob, 1056, &storev1.OpenDirect{Room: string(direct), Users: []string{"ana", "bob"}})
	add(bob, 1057, say(string(direct), "", "just us"))
	add(ana, 1058, &storev1.Block{User: "bob"})
	add(bob, 1059, say(string(direct), "", "are you there?"))
	add(ana, 1060, &storev1.RemoveMember{Room: string(direct), User: "ana"})
	add(ana, 1061, &storev1.CreateRoom{Room: "direct.x"})
	add(bob, 1062, &storev1.CreateLink{Room: "den", Link: "l1", Role: 2, MaxUses: 1, UntilMs: 2000})
	add(ana, 1063, &storev1.AddMember{Room: "den", Link: "l1"})
	add(user("cleo"), 1064, &storev1.AddMember{Room: "den", Link: "l1"})
	add(bob, 1065, &storev1.RemoveLink{Room: "den", Link: "l1"})
	add(bob, 1066, &storev1.CreateLink{Room: "den", Link: "l2", Role: 1})
	add(bob, 1067, &storev1.UpdateRoom{Room: "den", Requests: proto.Bool(true)})
	add(user("dan"), 1068, &storev1.AskToJoin{Room: "den", Note: "please"})
	add(user("fay"), 1069, &storev1.AskToJoin{Room: "den"})
	add(bob, 1070, &storev1.AnswerRequest{Room: "den", User: "dan", Accept: true})
	add(user("gus"), 1071, &storev1.AskToJoin{Room: "den"})
	add(bob, 1072, &storev1.AnswerRequest{Room: "den", User: "gus"})
	add(user("gus"), 1073, &storev1.AskToJoin{Room: "nowhere"})
	add(ana, 1074, &storev1.Block{User: "bob", Lift: true})
	add(ana, 1075, &storev1.Block{User: "eve"})
	add(ana, 1076, &storev1.SetProfile{Name: proto.String("Ana B."), About: proto.String("I knit.\nA lot."), Emoji: proto.String("🧶")})
	add(ana, 1077, &storev1.SetProfile{Name: proto.String("Ana B."), About: proto.String("I knit.\nA lot."), Emoji: proto.String("🧶")})
	add(user("gus"), 1078, &storev1.SetProfile{Name: proto.String("Gus")})
	add(user("gus"), 1079, &storev1.SetProfile{Name: proto.String("")})
	add(operator, 1080, &storev1.BanUser{User: "gus", UntilMs: 2000, Reason: "noise"})
	add(user("gus"), 1081, say("lobby", "", "shut out"))
	add(user("gus"), 2000, say("lobby", "", "it has passed"))
	add(operator, 1082, &storev1.BanUser{User: "fay"})
	add(operator, 1083, &storev1.BanUser{User: "fay", Lift: true})
	add(operator, 1084, &storev1.BanAddress{Prefix: "192.0.2.0/24", Reason: "flood"})
	add(operator, 1085, &storev1.BanAddress{Prefix: "2001:db8::/64"})
	add(operator, 1086, &storev1.BanAddress{Prefix: "2001:db8::/64", Lift: true})
	add(operator, 1087, &storev1.BanAddress{Prefix: "192.0.2.1/24"})
	add(ana, 1088, &storev1.BanUser{User: "bob"})
	add(operator, 1089, &storev1.SetRole{Room: "den", User: "ana", Role: 4})
	add(operator, 1090, &storev1.UpdateRoom{Room: "lobby", Archived: proto.Bool(true)})
	add(operator, 1091, &storev1.RemoveMember{Room: "den", User: "bob"})
	add(operator, 1092, &storev1.SetRole{Room: string(direct), User: "gus", Role: 4})
	two := &storev1.Retention{Messages: 2}
	add(operator, 3075, &storev1.UpdateRoom{Room: "lobby", Archived: proto.Bool(false)})
	add(ana, 3076, &storev1.UpdateRoom{Room: "lobby", Retention: &storev1.Retention{AgeMs: 2500, Messages: 3}})
	add(keeper, 3077, &storev1.Trim{Room: "lobby", Seq: 3, Otherwise: two})
	add(keeper, 3078, &storev1.Trim{Room: "lobby", Seq: 1})
	add(keeper, 3079, &storev1.Purge{Room: "lobby", Keys: 1})
	add(ana, 3080, say("lobby", "c1", "anything"))
	add(ana, 3081, &storev1.Edit{Room: "lobby", Seq: 1, Text: "gone"})
	add(ana, 3082, &storev1.Publish{Room: "lobby", Body: text("to what is gone"), ReplyTo: 1})
	add(keeper, 3600, &storev1.Trim{Room: "lobby", Seq: 3})
	add(keeper, 3201, &storev1.Purge{Room: "lobby"})
	add(keeper, 3202+state.ClientIDsKept.Milliseconds(), &storev1.Purge{Room: "lobby"})
	add(ana, 3203, &storev1.UpdateRoom{Room: "lobby", ClearRetention: true})
	add(keeper, 3204, &storev1.Trim{Room: "lobby", Seq: 4})
	add(keeper, 3205, &storev1.Trim{Room: "nowhere", Seq: 4, Otherwise: two})
	add(ana, 3206, say("lobby", "c1", "known no more"))
	add(bob, 3207, &storev1.DeleteRoom{Room: "den"})
	add(ana, 3208, &storev1.DeleteRoom{Room: "den"})
	add(bob, 3209, say("den", "", "into what was deleted"))
	add(bob, 3210, &storev1.CreateRoom{Room: "den"})
	add(ana, 3211, &storev1.CreateRoom{Room: "attic", Settings: &storev1.Settings{Kind: 2, Retention: two}})
	add(ana, 3212, &storev1.Invite{Room: "attic", User: "bob", Role: 2})
	add(ana, 3213, &storev1.DeleteRoom{Room: "attic"})
	add(keeper, 3214, &storev1.Purge{Room: "attic"})
	add(keeper, 3215, &storev1.Purge{Room: "den", Keys: 1})
	add(ana, 3216, &storev1.CreateRoom{Room: "loft", Settings: &storev1.Settings{Kind: 2, Requests: true}})
	add(user("gus"), 3217, &storev1.AskToJoin{Room: "loft"})
	add(ana, 3218, &storev1.AnswerRequest{Room: "loft", User: "gus", Accept: true, MaxMembers: 1})
	add(ana, 3219, &storev1.AnswerRequest{Room: "loft", User: "gus", Accept: true, MaxMembers: 2})
	add(ana, 3220, &storev1.UpdateRoom{Room: "loft", Kind: proto.Uint32(1)})
	add(user("hal"), 3221, &storev1.AddMember{Room: "loft", MaxMembers: 2})
	add(user("hal"), 3222, &storev1.AskToJoin{Room: "loft", MaxMembers: 2})
	add(user("hal"), 3223, &storev1.AddMember{Room: "loft", MaxMembers: 100})
	add(ana, 3224, say("loft", "", "up here"))
	add(ana, 3225, &storev1.React{Room: "loft", Seq: 1, Emoji: "🎉", MaxReactions: 1})
	add(ana, 3226, &storev1.React{Room: "loft", Seq: 1, Emoji: "👍", MaxReactions: 1})
	add(ana, 3227, &storev1.React{Room: "loft", Seq: 1, Emoji: "👍", MaxKinds: 1})
	add(ana, 3228, &storev1.React{Room: "loft", Seq: 1, Emoji: "👍", MaxReactions: 1000, MaxKinds: 100})
	add(operator, 4093, &storev1.EraseUser{User: "bob"})
	add(operator, 4094, &storev1.EraseUser{User: "bob"})
	add(bob, 1095, say("lobby", "", "who is gone"))
	add(ana, 4096, &storev1.OpenDirect{Room: string(direct), Users: []string{"bob"}})
	add(operator, 4097, &storev1.BanUser{User: "bob"})
	add(operator, 4098, &storev1.UpdateRoom{Room: "lobby", Archived: proto.Bool(false)})
	add(ana, 4099, &storev1.Publish{Room: "lobby", Body: text("where is he?"), Mentions: []string{"bob", "eve"}})
	pair, _ := state.DirectRoom(0, "ana", "hal")
	add(ana, 4100, &storev1.OpenDirect{Room: string(pair), Users: []string{"hal"}})
	add(user("hal"), 4101, say(string(pair), "", "hello"))
	add(user("hal"), 4102, &storev1.React{Room: string(pair), Seq: 1, Emoji: "👋"})
	add(ana, 4103, &storev1.Block{User: "hal"})
	add(user("hal"), 4104, &storev1.Edit{Room: string(pair), Seq: 1, Text: "hello?"})
	add(user("hal"), 4105, &storev1.React{Room: string(pair), Seq: 1, Emoji: "👍"})
	add(user("hal"), 4106, &storev1.React{Room: string(pair), Seq: 1, Emoji: "👋", Remove: true})
	add(ana, 4107, &storev1.Publish{Room: "direct.nobodys", Body: text("is anybody there?"), ReplyTo: 1})
	first, _ := state.DirectRoom(0, "ana", "eve")
	second, _ := state.DirectRoom(1, "ana", "eve")
	add(ana, 4110, &storev1.Block{User: "eve", Lift: true})
	add(ana, 4111, &storev1.OpenDirect{Room: string(first), Users: []string{"eve"}})
	add(ana, 4112, &storev1.OpenDirect{Room: string(second), Users: []string{"eve"}, Generation: 1})
	add(ana, 4113, say(string(first), "c1", "psst"))
	add(operator, 4114, &storev1.DeleteRoom{Room: string(first)})
	add(ana, 4115, &storev1.OpenDirect{Room: string(first), Users: []string{"eve"}})
	add(ana, 4116, &storev1.OpenDirect{Room: string(second), Users: []string{"eve"}, Generation: 1})
	add(ana, 4117, say(string(second), "c1", "psst, again"))
	add(ana, 4118, &storev1.Block{User: "gus", MaxBlocked: 1}) // besides hal
	add(ana, 4119, &storev1.Block{User: "hal", MaxBlocked: 1})
	add(ana, 4120, &storev1.Block{User: "hal", MaxBlocked: 1, Lift: true})
	add(ana, 4121, &storev1.Block{User: "gus", MaxBlocked: 1})
	if err := os.WriteFile(corpusPath, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
