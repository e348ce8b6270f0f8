package chat_test

import (
	"maps"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// copyOf is what a client holds of a room, made of events alone, by the rules of event.proto.
type copyOf struct {
	epoch    string
	rev      uint64
	room     *chatv1.Room
	messages map[uint64]*chatv1.Message
	members  map[string]*chatv1.Member
	resets   int // how many snapshots came instead of what was missing
}

// take applies an event.
func (c *copyOf) take(t *testing.T, e *chatv1.Event) {
	t.Helper()
	switch kind := e.GetKind().(type) {
	case *chatv1.Event_Snapshot:
		if !kind.Snapshot.GetContinued() {
			c.messages = make(map[uint64]*chatv1.Message)
		}
		if kind.Snapshot.GetReason() == chatv1.SnapshotReason_SNAPSHOT_REASON_EPOCH_CHANGED {
			c.resets++
		}
		c.epoch, c.room = kind.Snapshot.GetEpoch(), kind.Snapshot.GetRoom()
		for _, m := range kind.Snapshot.GetMessages() {
			c.messages[m.GetSeq()] = m
		}
		c.rev = max(c.rev, e.GetRev())
		return
	case *chatv1.Event_Posted:
		c.message(kind.Posted)
		if to := c.messages[kind.Posted.GetReplyTo()]; to != nil && kind.Posted.GetSeq() > to.GetThread().GetLastSeq() {
			next := proto.CloneOf(to)
			next.Thread = &chatv1.Thread{
				Count: to.GetThread().GetCount() + 1, LastSeq: kind.Posted.GetSeq(), LastTime: kind.Posted.GetCreateTime(),
			}
			c.messages[to.GetSeq()] = next
		}
	case *chatv1.Event_Edited:
		c.message(kind.Edited)
	case *chatv1.Event_Deleted:
		c.message(kind.Deleted)
	case *chatv1.Event_Reacted:
		c.message(kind.Reacted)
	case *chatv1.Event_RoomChanged:
		c.room = kind.RoomChanged
	case *chatv1.Event_MemberChanged:
		c.members[kind.MemberChanged.GetUser().GetId()] = kind.MemberChanged
	case *chatv1.Event_MemberRemoved:
		delete(c.members, kind.MemberRemoved.GetUser().GetId())
	case *chatv1.Event_Trimmed:
		c.room = proto.CloneOf(c.room)
		c.room.FirstSeq = kind.Trimmed.GetFirstSeq()
		maps.DeleteFunc(c.messages, func(seq uint64, _ *chatv1.Message) bool { return seq < c.room.GetFirstSeq() })
	default:
		if e.GetRev() == 0 {
			return
		}
	}
	if e.GetRev() != c.rev+1 {
		t.Errorf("rev %d after %d", e.GetRev(), c.rev)
	}
	c.rev = e.GetRev()
}

// message keeps the newer form: the one with the higher rev, and of its thread the one with the higher last_seq.
func (c *copyOf) message(m *chatv1.Message) {
	is := c.messages[m.GetSeq()]
	if is.GetRev() > m.GetRev() {
		return
	}
	if is.GetThread().GetLastSeq() > m.GetThread().GetLastSeq() {
		m = proto.CloneOf(m)
		m.Thread = is.GetThread()
	}
	c.messages[m.GetSeq()] = m
}

// follow joins a room and takes its events up to a rev.
func (c *copyOf) follow(t *testing.T, s *session, room string, rev uint64) {
	t.Helper()
	j := history(room, 100)
	if c.epoch != "" {
		j = resume(room, c.epoch, c.rev)
	}
	s.send(joinRequest(j))
	c.until(t, s, room, rev)
}

func (c *copyOf) until(t *testing.T, s *session, room string, rev uint64) {
	t.Helper()
	for c.rev < rev {
		c.take(t, s.event(durable(room)))
	}
}

// sameRoom compares what two clients hold, but for what no event of theirs may have told.
func sameRoom(t *testing.T, who string, got, want *copyOf) {
	t.Helper()
	if got.rev != want.rev || !maps.EqualFunc(got.messages, want.messages, func(a, b *chatv1.Message) bool { return proto.Equal(a, b) }) {
		t.Errorf("%s is at rev %d with\n%v\nwant rev %d with\n%v", who, got.rev, got.messages, want.rev, want.messages)
	}
	if a, b := got.room, want.room; a.GetTitle() != b.GetTitle() || a.GetFirstSeq() != b.GetFirstSeq() ||
		!proto.Equal(a.GetRetention(), b.GetRetention()) || a.GetTopic() != b.GetTopic() || a.GetKind() != b.GetKind() ||
		a.GetPosting() != b.GetPosting() || !proto.Equal(a.GetArchiveTime(), b.GetArchiveTime()) ||
		!proto.Equal(a.GetSlowMode(), b.GetSlowMode()) || a.GetJoinRequests() != b.GetJoinRequests() {
		t.Errorf("%s has room %v, want %v", who, a, b)
	}
}

// TestAwayDuringEachChange has a client miss each kind of change alone, and then all of them, and come back: it holds the same as
// one that stayed and as one that begins with a snapshot, also after the server was started again.
func TestAwayDuringEachChange(t *testing.T) {
	t.Parallel()
	fs := vfs.NewCrashableMem()
	c := startCalls(t, config{fs: fs, linger: time.Nanosecond})
	owner, ana, ben := c.person("owner"), c.person("ana"), c.person("ben")
	c.private("den", owner, ana, ben)
	empty := func() *copyOf {
		return &copyOf{messages: make(map[uint64]*chatv1.Message), members: make(map[string]*chatv1.Member)}
	}
	head := func(c *calls) uint64 {
		return must(c.rooms.GetRoom(ana, &chatv1.GetRoomRequest{Room: "den"}))(t).GetRoom().GetHeadRev()
	}
	stayed, returns, away := empty(), empty(), empty()
	feed := c.watchFeed(ana)
	stays := c.connect(ana)
	stayed.follow(t, stays, "den", head(c))
	returns.follow(t, c.connect(ana), "den", head(c))
	away.follow(t, c.connect(ana), "den", head(c))
	early := &copyOf{rev: away.rev, room: away.room, messages: maps.Clone(away.messages), members: maps.Clone(away.members)}

	update := func(r *chatv1.UpdateRoomRequest) func() error {
		r.Room = "den"
		return func() error { return last(c.rooms.UpdateRoom(owner, r)) }
	}
	changes := []struct {
		name string
		do   func() error
	}{
		{"post", func() error { return last(c.messages.PostMessage(ben, text("den", "one"))) }},
		{"post another", func() error { return last(c.messages.PostMessage(owner, text("den", "two"))) }},
		{"answer", func() error {
			req := text("den", "an answer")
			req.ReplyTo, req.Mentions = 1, []string{ana.id}
			return last(c.messages.PostMessage(ben, req))
		}},
		{"edit", func() error {
			return last(c.messages.EditMessage(ben, &chatv1.EditMessageRequest{Room: "den", Seq: 1, Text: "one, edited"}))
		}},
		{"react", func() error {
			return last(c.messages.AddReaction(ben, &chatv1.AddReactionRequest{Room: "den", Seq: 2, Emoji: "+"}))
		}},
		{"react no more", func() error {
			return last(c.messages.RemoveReaction(ben, &chatv1.RemoveReactionRequest{Room: "den", Seq: 2, Emoji: "+"}))
		}},
		{"delete", func() error {
			return last(c.messages.DeleteMessage(owner, &chatv1.DeleteMessageRequest{Room: "den", Seq: 1}))
		}},
		{"answer the tombstone", func() error {
			req := text("den", "a late answer")
			req.ReplyTo = 1
			return last(c.messages.PostMessage(ben, req))
		}},
		{"retention", update(&chatv1.UpdateRoomRequest{Retention: &chatv1.Retention{MaxMessages: 1000}})},
		{"no retention", update(&chatv1.UpdateRoomRequest{ClearRetention: true})},
		{"trim", func() error { return c.service.Trim(t.Context(), "den", 2, &storev1.Retention{Messages: 2}) }},
		{"edit what is left", func() error {
			return last(c.messages.EditMessage(ben, &chatv1.EditMessageRequest{Room: "den", Seq: 3, Text: "an answer, edited"}))
		}},
		{"slow mode", update(&chatv1.UpdateRoomRequest{SlowMode: durationpb.New(time.Second)})},
		{"title", update(&chatv1.UpdateRoomRequest{Title: proto.String("The den")})},
		{"topic", update(&chatv1.UpdateRoomRequest{Topic: proto.String("rest")})},
		{"posting", update(&chatv1.UpdateRoomRequest{Posting: chatv1.Role_ROLE_MEMBER.Enum()})},
		{"requests", update(&chatv1.UpdateRoomRequest{JoinRequests: proto.Bool(true)})},
		{"role", func() error {
			return last(c.members.UpdateMember(owner, &chatv1.UpdateMemberRequest{Room: "den", UserId: ben.id, Role: chatv1.Role_ROLE_MODERATOR}))
		}},
		{"reaction to what will be gone", func() error {
			return last(c.messages.AddReaction(ben, &chatv1.AddReactionRequest{Room: "den", Seq: 4, Emoji: "+"}))
		}},
		{"trim everything", func() error { return c.service.Trim(t.Context(), "den", 4, &storev1.Retention{AgeMs: 1}) }},
		{"post into the empty room", func() error { return last(c.messages.PostMessage(owner, text("den", "five"))) }},
		{"mute", func() error {
			return last(c.members.MuteMember(owner, &chatv1.MuteMemberRequest{Room: "den", UserId: ben.id}))
		}},
		{"removal", func() error {
			return last(c.members.RemoveMember(owner, &chatv1.RemoveMemberRequest{Room: "den", UserId: ben.id}))
		}},
		{"membership", func() error {
			if err := last(c.members.InviteMember(owner, &chatv1.InviteMemberRequest{Room: "den", UserId: ben.id})); err != nil {
				return err
			}
			return last(c.members.AddMember(ben, &chatv1.AddMemberRequest{Room: "den"}))
		}},
		{"ban", func() error {
			return last(c.members.BanMember(owner, &chatv1.BanMemberRequest{Room: "den", UserId: ben.id}))
		}},
		{"ban of one who is no member", func() error {
			return last(c.members.BanMember(owner, &chatv1.BanMemberRequest{Room: "den", UserId: "somebody"}))
		}},
		{"archive", update(&chatv1.UpdateRoomRequest{Archived: proto.Bool(true)})},
		{"unarchive", update(&chatv1.UpdateRoomRequest{Archived: proto.Bool(false)})},
		{"make public", update(&chatv1.UpdateRoomRequest{Kind: chatv1.RoomKind_ROOM_KIND_PUBLIC.Enum()})},
	}
	for _, change := range changes {
		before := head(c)
		if err := change.do(); err != nil {
			t.Fatalf("%s: %v", change.name, err)
		}
		after := head(c)
		if after != before+1 {
			t.Fatalf("%s: from rev %d to %d", change.name, before, after)
		}
		stayed.until(t, stays, "den", after)
		s := c.connect(ana)
		returns.follow(t, s, "den", after) // was away for just this
		s.cancel()
		sameRoom(t, "who missed "+change.name, returns, stayed)
		for id, m := range stayed.members {
			if !proto.Equal(returns.members[id], m) || len(returns.members) != len(stayed.members) {
				t.Errorf("who missed %s has members %v, want %v", change.name, returns.members, stayed.members)
			}
		}
	}
	rev := head(c)
	away.follow(t, c.connect(ana), "den", rev)
	sameRoom(t, "who missed everything", away, stayed)
	fresh := empty()
	fresh.follow(t, c.connect(ana), "den", rev)
	sameRoom(t, "who begins", fresh, stayed)

	begun := c.watchFeed(ana)
	feed.until(func() bool { return proto.Equal(feed.rooms["den"], begun.rooms["den"]) })
	if err := c.service.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}

	// The same data, as a power cut leaves it, in another server: who comes back with its epoch gets a replay, with another
	// a snapshot that says so.
	for name, epoch := range map[string]string{"after a restart": away.epoch, "after a reset": "another epoch"} {
		restarted := startCalls(t, config{fs: fs.CrashClone(vfs.CrashCloneCfg{})})
		back := &copyOf{
			epoch: epoch, rev: early.rev, room: early.room, messages: maps.Clone(early.messages), members: maps.Clone(early.members),
		}
		back.follow(t, restarted.connect(ana), "den", rev)
		sameRoom(t, name, back, stayed)
		if back.epoch != stayed.epoch || back.resets != map[string]int{"after a reset": 1}[name] {
			t.Errorf("%s: epoch %s after %d resets, want %s", name, back.epoch, back.resets, stayed.epoch)
		}
		if again := restarted.watchFeed(ana).rooms["den"]; !proto.Equal(again, begun.rooms["den"]) {
			t.Errorf("%s the feed has %v, want %v", name, again, begun.rooms["den"])
		}
	}

	// The room is deleted: who stayed is told, who comes back finds none, wherever they were.
	must(c.rooms.DeleteRoom(owner, &chatv1.DeleteRoomRequest{Room: "den"}))(t)
	if e := stays.event(func(e *chatv1.Event) bool { return e.GetShutOut() != nil || e.GetRev() > 0 }); e.GetShutOut().GetReason() == 0 {
		t.Errorf("who stayed was told %v", e)
	}
	feed.until(func() bool { return feed.rooms["den"] == nil })
	restarted := startCalls(t, config{fs: fs.CrashClone(vfs.CrashCloneCfg{})})
	for _, on := range []*calls{c, restarted} {
		for _, j := range []*chatv1.Join{resume("den", stayed.epoch, rev), resume("den", "another epoch", 3), history("den", 10)} {
			if s := on.connect(ana).refused(joinRequest(j)); s.Code() != codes.NotFound {
				t.Errorf("%v: %v", j, s)
			}
		}
		if rooms := on.watchFeed(ana).rooms; len(rooms) != 0 {
			t.Errorf("the feed has %v", rooms)
		}
	}
}
