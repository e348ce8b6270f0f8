package chat_test

import (
	"fmt"
	"testing"
	"time"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// counts are what somebody has to read in a room.
type counts struct {
	unread   uint64
	mentions uint32
}

// TestCounts follows what somebody has to read through all that changes it, on two devices and in every call that says it.
func TestCounts(t *testing.T) {
	keeping(t, config{}, func(k *kept) {
		ana, ben := k.always("ana"), k.always("ben")
		must(k.rooms.CreateRoom(ana, &chatv1.CreateRoomRequest{Room: "lobby"}))(k.t)
		must(k.members.AddMember(ben, &chatv1.AddMemberRequest{Room: "lobby"}))(k.t)
		phone, desk := k.watchFeed(ben), k.watchFeed(ben)
		check := func(what string, want counts) {
			k.t.Helper()
			k.later(time.Second) // the feed is told at most so often
			for device, f := range map[string]*feedState{"phone": phone, "desk": desk, "a new device": k.watchFeed(ben)} {
				f.drain(k)
				got := counts{f.rooms["lobby"].GetRead().GetUnread(), f.rooms["lobby"].GetMentions()}
				if got != want {
					k.t.Errorf("%s: the feed of the %s says %+v, want %+v", what, device, got, want)
				}
			}
			marker := must(k.members.GetReadMarker(ben, &chatv1.GetReadMarkerRequest{Room: "lobby"}))(k.t).GetRead()
			listed := must(k.rooms.ListRooms(ben, &chatv1.ListRoomsRequest{}))(k.t).GetRead()[0]
			s := k.connect(ben)
			joined := s.join(fromNow("lobby")).GetRead()
			s.cancel()
			for call, read := range map[string]*chatv1.ReadMarker{"GetReadMarker": marker, "ListRooms": listed, "Join": joined} {
				if read.GetUnread() != want.unread {
					k.t.Errorf("%s: %s says %d unread, want %d", what, call, read.GetUnread(), want.unread)
				}
			}
		}
		post := func(who person, mentions ...string) {
			req := text("lobby", "text")
			req.Mentions = mentions
			must(k.messages.PostMessage(who, req))(k.t)
		}
		edit := func(seq uint64, mentions ...string) {
			must(k.messages.EditMessage(ana, &chatv1.EditMessageRequest{
				Room: "lobby", Seq: seq, Text: fmt.Sprint("edited ", mentions), Mentions: mentions,
			}))(k.t)
		}
		read := func(seq uint64) {
			must(k.members.MarkRead(ben, &chatv1.MarkReadRequest{Room: "lobby", Seq: seq}))(k.t)
		}
		remove := func(who person, seq uint64) {
			must(k.messages.DeleteMessage(who, &chatv1.DeleteMessageRequest{Room: "lobby", Seq: seq}))(k.t)
		}

		check("an empty room", counts{0, 0})
		post(ana)
		check("a message", counts{1, 0})
		post(ana, ben.id)
		check("a mention", counts{2, 1})
		edit(1, ben.id)
		check("an edit that mentions", counts{2, 2})
		edit(2)
		check("an edit that does not any more", counts{2, 1})
		remove(ana, 1)
		check("a deleted mention", counts{2, 0})
		post(ana, ben.id)
		check("another mention", counts{3, 1})
		must(k.messages.AddReaction(ana, &chatv1.AddReactionRequest{Room: "lobby", Seq: 3, Emoji: "+"}))(k.t)
		check("a reaction", counts{3, 1})
		post(ben)
		check("a message of one's own reads", counts{0, 0})
		post(ben, ben.id)
		check("a mention of oneself", counts{0, 0})
		read(2)
		check("marked as unread, from one device", counts{3, 1})
		remove(ben, 5)
		check("a tombstone of one's own still counts", counts{3, 1})
		read(5)
		check("read on one device", counts{0, 0})
		post(ana, ben.id)
		edit(6, ben.id, ana.id)
		check("an edit that mentions others, too", counts{1, 1})

		k.say(ana, "lobby", 2600)
		post(ana, ben.id)
		check("many messages", counts{2602, 2})
		read(3)
		check("marked far back", counts{2604, 2})
		k.retain(ana, "lobby", &chatv1.Retention{MaxMessages: 1000})
		k.later(20 * time.Minute)
		if first := k.room("lobby").GetFirstSeq(); first != 1608 {
			k.t.Errorf("the room keeps from %d on", first)
		}
		check("what has left the room is not to be read", counts{1000, 1})
		read(2)
		check("marked as unread from before what is kept", counts{1000, 1})
		read(2000)
		check("read in the middle", counts{607, 1})
		read(2607)
		check("all read", counts{0, 0})
	})
}

// drain takes the feed events that have come.
func (f *feedState) drain(k *kept) {
	f.session.tb.Helper()
	f.session.call(typingRequest("lobby", false)) // what was sent before has come with its answer
	for _, e := range f.session.events {
		if e.GetFeed() != nil {
			f.take(e.GetFeed())
		}
	}
	f.session.events = nil
}
