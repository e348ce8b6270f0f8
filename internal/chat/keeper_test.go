package chat_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	adminv1 "github.com/rialto-rpc/rialto/gen/go/rialto/admin/v1"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

const day = 24 * time.Hour

// kept is calls on a service that keeps its rooms, in fake time.
type kept struct {
	*calls
	t     *testing.T
	ahead atomic.Int64 // how far the service's clock is, in nanoseconds
}

// keeping runs a test in fake time, with a keeper.
func keeping(t *testing.T, c config, test func(k *kept)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &kept{t: t}
		c.clock = func() time.Time { return time.Now().Add(time.Duration(k.ahead.Load())) }
		k.calls = startCalls(t, c)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { k.service.Keep(ctx) })
		defer running.Wait()
		defer stop()
		test(k)
	})
}

// always returns a person whose calls do not end by themselves, however long the test's time is.
func (k *kept) always(name string) person {
	p, token, err := k.guests.Issue(name)
	if err != nil {
		k.t.Fatal(err)
	}
	return person{metadata.AppendToOutgoingContext(k.t.Context(), "authorization", "Bearer "+token), p.ID}
}

// say posts n messages.
func (k *kept) say(who person, room string, n int) {
	k.t.Helper()
	s := k.connect(who)
	defer s.cancel()
	for i := range n - 1 {
		s.send(publishRequest(room, fmt.Sprint("message ", i)))
	}
	s.publish(room, "the last")
}

func (k *kept) room(room string) *chatv1.Room {
	k.t.Helper()
	return must(k.rooms.GetRoom(k.t.Context(), &chatv1.GetRoomRequest{Room: room}))(k.t).GetRoom()
}

func (k *kept) retain(who person, room string, r *chatv1.Retention) {
	k.t.Helper()
	must(k.rooms.UpdateRoom(who, &chatv1.UpdateRoomRequest{Room: room, Retention: r}))(k.t)
}

// days lets days pass of which timers do not know, and then what the keeper needs to come by.
func (k *kept) days(n int) {
	k.ahead.Add(int64(n) * int64(day))
	k.later(20 * time.Minute)
}

// later lets time pass.
func (k *kept) later(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// assertPurged fails if the store still has something that has left a room.
func (k *kept) assertPurged(room string) {
	k.t.Helper()
	v := k.store.View()
	defer v.Close()
	if is, _, err := v.Room(state.RoomID(room)); err != nil || is.Stale(time.Now().UnixMilli()+k.ahead.Load()/1e6) {
		k.t.Errorf("%s is %+v, %v", room, is, err)
	}
}

func TestRetention(t *testing.T) {
	keeping(t, config{keep: chat.Retention{Messages: 1500}}, func(k *kept) {
		ana := k.always("ana")
		k.say(ana, "counted", 2600)
		k.retain(ana, "counted", &chatv1.Retention{MaxMessages: 1000})
		k.say(ana, "few", 1999)
		k.retain(ana, "few", &chatv1.Retention{MaxMessages: 1000})
		k.say(ana, "default", 2501)
		k.say(ana, "endless", 2501)
		k.retain(ana, "endless", &chatv1.Retention{})
		k.say(ana, "aged", 1200)
		k.retain(ana, "aged", &chatv1.Retention{MaxAge: durationpb.New(2 * day)})
		k.later(20 * time.Minute)
		first := func(want map[string]uint64) {
			t.Helper()
			for room, first := range want {
				if is := k.room(room); is.GetFirstSeq() != first {
					k.t.Errorf("%s keeps from %d on, want %d", room, is.GetFirstSeq(), first)
				}
				k.assertPurged(room)
			}
		}
		first(map[string]uint64{"counted": 1601, "few": 1, "default": 1002, "endless": 1, "aged": 1})
		k.days(2)
		k.say(ana, "few", 1)
		k.say(ana, "aged", 10)
		k.later(20 * time.Minute)
		first(map[string]uint64{"counted": 1601, "few": 1001, "default": 1002, "endless": 1, "aged": 1201})
		k.days(3)
		first(map[string]uint64{"aged": 1201}) // ten are too few for a step
		must(k.rooms.UpdateRoom(ana, &chatv1.UpdateRoomRequest{Room: "endless", ClearRetention: true}))(k.t)
		k.later(20 * time.Minute)
		first(map[string]uint64{"endless": 1002})
	})
}

// What has left a room is nowhere to be had, pages end where it begins, and whoever follows is told.
func TestWhatHasLeftARoom(t *testing.T) {
	keeping(t, config{}, func(k *kept) {
		ana, ben := k.always("ana"), k.always("ben")
		req := text("lobby", "@ben")
		req.ClientId, req.Mentions = "mine", []string{ben.id}
		posted := must(k.messages.PostMessage(ana, req))(k.t).GetMessage()
		must(k.members.AddMember(ben, &chatv1.AddMemberRequest{Room: "lobby"}))(k.t)
		feed := k.watchFeed(ben)
		k.say(ana, "lobby", 1200)
		k.answer(ana, "lobby", 1, "an answer to what will be gone")
		if r := feed.of("lobby", 1202); r.GetMentions() != 1 || r.GetRead().GetUnread() != 1202 {
			k.t.Errorf("before: %v", r)
		}
		follower := k.connect(ben)
		follower.join(fromNow("lobby"))
		k.retain(ana, "lobby", &chatv1.Retention{MaxMessages: 1000, MaxAge: durationpb.New(day)})
		k.days(2)
		k.say(ana, "lobby", 1)
		k.later(20 * time.Minute)

		e := follower.event(func(e *chatv1.Event) bool { return e.GetTrimmed() != nil })
		if e.GetTrimmed().GetFirstSeq() != 1203 || e.GetRev() == 0 || e.GetActor() != nil {
			k.t.Errorf("the event is %v", e)
		}
		for _, seq := range []uint64{1, 1202} {
			refused(k.messages.GetMessage(ben, &chatv1.GetMessageRequest{Room: "lobby", Seq: seq}))(k.t, codes.NotFound, "")
			refused(k.messages.EditMessage(ana, &chatv1.EditMessageRequest{Room: "lobby", Seq: seq, Text: "x"}))(k.t, codes.NotFound, "")
			refused(k.messages.DeleteMessage(ana, &chatv1.DeleteMessageRequest{Room: "lobby", Seq: seq}))(k.t, codes.NotFound, "")
			answer := text("lobby", "too late")
			answer.ReplyTo = seq
			refused(k.messages.PostMessage(ana, answer))(k.t, codes.NotFound, "")
		}
		for _, page := range []*chatv1.ListMessagesRequest{
			{Position: &chatv1.ListMessagesRequest_BeforeSeq{BeforeSeq: 1203}}, {ReplyTo: 1},
		} {
			page.Room = "lobby"
			if got := must(k.messages.ListMessages(ben, page))(k.t); len(got.GetMessages()) != 0 || got.GetRoom().GetFirstSeq() != 1203 {
				k.t.Errorf("%v: got %v", page, got)
			}
		}
		if all := must(k.messages.ListMessages(ben, &chatv1.ListMessagesRequest{Room: "lobby"}))(k.t).GetMessages(); len(all) != 1 {
			k.t.Errorf("left are %v", all)
		}
		if r := feed.of("lobby", 1203); r.GetMentions() != 0 || r.GetRead().GetUnread() != 1 {
			k.t.Errorf("afterwards: %v", r)
		}

		// A repetition is still known for a while.
		again := must(k.messages.PostMessage(ana, req))(k.t)
		if m := again.GetMessage(); !again.GetDuplicate() || m.GetSeq() != 1 || m.GetRev() != posted.GetRev() || m.GetBody() != nil {
			k.t.Errorf("repeated: %v", again)
		}
		k.days(31)
		if fresh := must(k.messages.PostMessage(ana, req))(k.t); fresh.GetDuplicate() || fresh.GetMessage().GetSeq() != 1204 {
			k.t.Errorf("a month later: %v", fresh)
		}
		k.assertPurged("lobby")
	})
}

// of returns the feed's entry of a room once it is at a head.
func (f *feedState) of(room string, seq uint64) *chatv1.FeedRoom {
	f.session.tb.Helper()
	f.until(func() bool { return f.rooms[room].GetRoom().GetHeadSeq() == seq })
	return f.rooms[room]
}

// Changes of what has left a room go, too: who would need them begins anew, and is told why; also in the middle of a stream.
func TestTrimmedChanges(t *testing.T) {
	delivery := tiny
	delivery.Window = -1
	keeping(t, config{delivery: delivery}, func(k *kept) {
		ana, ben := k.always("ana"), k.always("ben")
		k.say(ana, "lobby", 10)
		epoch := must(k.rooms.GetRoom(ana, &chatv1.GetRoomRequest{Room: "lobby"}))(k.t).GetEpoch()

		lagging := &mind{user: auth.Principal{ID: ben.id}, rooms: make(map[string]uint64), shown: make(map[string]uint64)}
		var got []*chatv1.Event
		var mu sync.Mutex
		stream := newTransport(auth.WithPrincipal(context.Background(), lagging.user), func(resp *chatv1.ConnectResponse) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, resp.GetEvents()...)
			lagging.receive(resp)
		})
		var running sync.WaitGroup
		running.Go(func() { _ = k.service.Connect(stream) })
		defer running.Wait()
		defer stream.cut()
		stream.requests <- joinRequest(history("lobby", 3))
		synctest.Wait()
		stream.stall()

		k.say(ana, "lobby", 3000)
		k.retain(ana, "lobby", &chatv1.Retention{MaxMessages: 1000})
		k.later(10 * time.Second) // not so long that the stream is ended for its slowness
		k.trimNow(ana, "lobby")
		v := k.store.View()
		room, _, err := v.Room("lobby")
		v.Close()
		if err != nil || room.Removal.Rev < 1500 {
			k.t.Fatalf("changes are kept from %d on, %v", room.Removal.Rev, err)
		}
		stream.resume()
		synctest.Wait()
		mu.Lock()
		reason := chatv1.SnapshotReason_SNAPSHOT_REASON_UNSPECIFIED
		for _, e := range got {
			if s := e.GetSnapshot(); s != nil {
				reason = s.GetReason()
			}
		}
		if reason != chatv1.SnapshotReason_SNAPSHOT_REASON_TRIMMED || len(lagging.faults) > 0 || lagging.rooms["lobby"] != room.Head.Rev {
			k.t.Errorf("who lagged got %v at last, is at %v, want %d; %v", reason, lagging.rooms, room.Head.Rev, lagging.faults)
		}
		mu.Unlock()

		for rev, want := range map[uint64]chatv1.SnapshotReason{
			5:                    chatv1.SnapshotReason_SNAPSHOT_REASON_TRIMMED,
			room.Removal.Rev - 2: chatv1.SnapshotReason_SNAPSHOT_REASON_TRIMMED,
			room.Removal.Rev - 1: chatv1.SnapshotReason_SNAPSHOT_REASON_TOO_FAR_BEHIND,
		} {
			s := k.connect(ben)
			s.join(resume("lobby", epoch, rev))
			if e := s.event(durable("lobby")); e.GetSnapshot().GetReason() != want {
				k.t.Errorf("who resumes at rev %d gets %v, want %v", rev, e, want)
			}
			s.cancel()
		}
		s := k.connect(ben)
		if !s.join(resume("lobby", epoch, room.Head.Rev-500)).GetResumed() {
			k.t.Error("who was away for 500 changes was not resumed")
		}
		events := s.upTo("lobby", room.Head.Rev)
		if n := len(events); n != 500 || !slices.ContainsFunc(events, func(e *chatv1.Event) bool { return e.GetTrimmed() != nil }) {
			k.t.Errorf("%d events were replayed", n)
		}
	})
}

// trimNow has the keeper look at a room now.
func (k *kept) trimNow(owner person, room string) {
	k.t.Helper()
	k.service.Look(state.RoomID(room))
	synctest.Wait()
	for k.room(room).GetFirstSeq() == 1 {
		k.later(time.Millisecond)
	}
	k.later(time.Second)
}

func TestRetentionIsChecked(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, _ := c.as("ana")
	c.post(ana, "lobby", "hello")
	for field, r := range map[string]*chatv1.Retention{
		"retention.max_messages": {MaxMessages: 999},
		"retention.max_age":      {MaxAge: durationpb.New(time.Hour - time.Second)},
	} {
		refused(c.rooms.UpdateRoom(ana, &chatv1.UpdateRoomRequest{Room: "lobby", Retention: r}))(t, codes.InvalidArgument, field)
	}
	for _, age := range []*durationpb.Duration{
		{Seconds: -1}, {Seconds: 3600, Nanos: 1e6}, {Seconds: 101 * 365 * 86400}, {Nanos: -1, Seconds: 1},
	} {
		refused(c.rooms.UpdateRoom(ana, &chatv1.UpdateRoomRequest{Room: "lobby", Retention: &chatv1.Retention{MaxAge: age}}))(
			t, codes.InvalidArgument, "retention.max_age")
	}
	refused(c.rooms.UpdateRoom(ana, &chatv1.UpdateRoomRequest{
		Room: "lobby", Retention: &chatv1.Retention{}, ClearRetention: true,
	}))(t, codes.InvalidArgument, "clear_retention")
	set := &chatv1.Retention{MaxMessages: 1000, MaxAge: durationpb.New(time.Hour)}
	got := must(c.rooms.UpdateRoom(ana, &chatv1.UpdateRoomRequest{Room: "lobby", Retention: set}))(t).GetRoom()
	if !proto.Equal(got.GetRetention(), set) {
		t.Errorf("got %v", got)
	}
	c.unchanged("lobby", func() {
		must(c.rooms.UpdateRoom(ana, &chatv1.UpdateRoomRequest{Room: "lobby", Retention: set}))(t)
	})
}

// A room that was deleted is gone for everybody at once, also from feeds and in the middle of a stream; its id stays taken.
func TestDeleteRoom(t *testing.T) {
	keeping(t, config{}, func(k *kept) {
		ana, ben, cleo := k.always("ana"), k.always("ben"), k.always("cleo")
		k.private("den", ana, ben)
		must(k.members.InviteMember(ana, &chatv1.InviteMemberRequest{Room: "den", UserId: cleo.id}))(k.t)
		k.post(ana, "den", "secret")
		feeds := []*feedState{k.watchFeed(ana), k.watchFeed(ben), k.watchFeed(cleo)}
		follower := k.connect(ben)
		joined := follower.join(history("den", 10))
		must(k.rooms.DeleteRoom(ana, &chatv1.DeleteRoomRequest{Room: "den"}))(k.t)
		e := follower.event(func(e *chatv1.Event) bool { return e.GetShutOut() != nil })
		if e.GetShutOut().GetReason() != chatv1.ShutOutReason_SHUT_OUT_REASON_ROOM_DELETED {
			k.t.Errorf("it ended with %v", e)
		}
		for _, f := range feeds {
			f.until(func() bool { return f.rooms["den"] == nil && f.invitations["den"] == nil })
		}
		for name, row := range k.every() {
			want := codes.NotFound
			switch name {
			case "RequestMembership":
				want = codes.OK
			case "CreateRoom":
				want = codes.AlreadyExists
			case "PostMessage":
				want = codes.FailedPrecondition
			}
			refused(row, row.call(ana, "den"))(k.t, want, "")
		}
		for _, j := range []*chatv1.Join{fromNow("den"), history("den", 5), resume("den", joined.GetEpoch(), 1)} {
			if s := follower.refused(joinRequest(j)); s.Code() != codes.NotFound {
				k.t.Errorf("%v: %v", j, s)
			}
		}
		if s := follower.refused(publishRequest("den", "still here")); s.Code() != codes.FailedPrecondition {
			k.t.Errorf("publish: %v", s)
		}
		for _, list := range [][]*chatv1.Room{
			must(k.rooms.ListRooms(ana, &chatv1.ListRoomsRequest{}))(k.t).GetRooms(),
			must(k.admin().ListRooms(k.t.Context(), &adminv1.ListRoomsRequest{}))(k.t).GetRooms(),
		} {
			if len(list) != 0 {
				k.t.Errorf("listed: %v", list)
			}
		}
		if all := must(k.members.ListInvitations(cleo, &chatv1.ListInvitationsRequest{}))(k.t).GetInvitations(); len(all) != 0 {
			k.t.Errorf("invited: %v", all)
		}
		k.later(time.Second)
		k.assertPurged("den")
	})
}

// A room that an operator deletes goes as soon.
func TestOperatorDeletesRoom(t *testing.T) {
	keeping(t, config{}, func(k *kept) {
		k.post(k.always("ana"), "den", "secret")
		must(k.admin().DeleteRoom(k.t.Context(), &adminv1.DeleteRoomRequest{Room: "den"}))(k.t)
		k.later(time.Second)
		k.assertPurged("den")
	})
}

// A room with far more than one step's keys is removed in steps.
func TestDeleteLargeRoom(t *testing.T) {
	keeping(t, config{}, func(k *kept) {
		ana := k.always("ana")
		k.say(ana, "hall", 20)
		for i := range 1200 {
			must(k.members.InviteMember(ana, &chatv1.InviteMemberRequest{Room: "hall", UserId: fmt.Sprint("user-", i)}))(k.t)
		}
		_, before := k.store.Applied()
		must(k.rooms.DeleteRoom(ana, &chatv1.DeleteRoomRequest{Room: "hall"}))(k.t)
		k.later(time.Minute)
		k.assertPurged("hall")
		if _, after := k.store.Applied(); after-before != 1+3 {
			k.t.Errorf("%d commands removed 2,400 keys", after-before)
		}
	})
}

// A replay of events of what has left a room has their revs and nothing else, from the window and from disk alike.
func TestReplayOfWhatHasLeft(t *testing.T) {
	t.Parallel()
	for name, follows := range map[string]bool{"from the window": true, "from disk": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCalls(t, config{})
			ana := c.person("ana")
			if follows {
				c.guest("follower").join(fromNow("lobby"))
			}
			for i := range 4 {
				c.post(ana, "lobby", fmt.Sprint("message ", i+1))
			}
			must(c.messages.AddReaction(ana, &chatv1.AddReactionRequest{Room: "lobby", Seq: 2, Emoji: "+"}))(t)
			epoch := c.epochAs(ana, "lobby")
			if err := c.service.Trim(t.Context(), "lobby", 2, &storev1.Retention{Messages: 2}); err != nil {
				t.Fatal(err)
			}
			s := c.connect(ana)
			s.join(resume("lobby", epoch, 0))
			var got []string
			for _, e := range s.upTo("lobby", 6) {
				kind := ""
				if e.GetKind() != nil {
					kind = kindOf(e)
				}
				got = append(got, kind)
				if m := e.GetPosted(); e.GetKind() == nil && e.GetActor() != nil || m != nil && m.GetSeq() < 3 {
					t.Errorf("replayed: %v", e)
				}
			}
			if want := []string{"", "", "posted", "posted", "", "trimmed"}; !slices.Equal(got, want) {
				t.Errorf("replayed %q, want %q", got, want)
			}
		})
	}
}
