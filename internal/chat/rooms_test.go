package chat_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

func TestCreateRoom(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, principal := c.as("ana")
	ben, _ := c.as("ben")
	watcher := c.guest("watcher")
	watcher.join(fromNow("lobby"))

	room := must(c.rooms.CreateRoom(ana, &chatv1.CreateRoomRequest{Room: "lobby", Title: "The Lobby 🦜"}))(t).GetRoom()
	want := &chatv1.Room{
		Id: "lobby", Title: "The Lobby 🦜", CreateTime: room.GetCreateTime(), UpdateTime: room.GetCreateTime(),
		Creator: &chatv1.User{Id: principal.ID, DisplayName: "ana", Guest: true},
		HeadRev: 1, FirstSeq: 1, Kind: chatv1.RoomKind_ROOM_KIND_PUBLIC, MemberCount: 1,
	}
	if !proto.Equal(room, want) || room.GetCreateTime() == nil {
		t.Errorf("got %v, want %v", room, want)
	}
	read := must(c.rooms.GetRoom(c.context(), &chatv1.GetRoomRequest{Room: "lobby"}))(t)
	if !proto.Equal(read.GetRoom(), want) || read.GetEpoch() == "" || read.GetMember() != nil || read.GetRead() != nil {
		t.Errorf("GetRoom by nobody: %v", read)
	}
	read = must(c.rooms.GetRoom(ben, &chatv1.GetRoomRequest{Room: "lobby"}))(t)
	if read.GetMember() != nil || read.GetRead() == nil || read.GetRead().GetSeq() != 0 {
		t.Errorf("GetRoom by a visitor: %v", read)
	}
	must(c.messages.PostMessage(ana, text("aviary", "hi")))(t)
	read = must(c.rooms.GetRoom(ana, &chatv1.GetRoomRequest{Room: "aviary"}))(t)
	if read.GetMember().GetRole() != chatv1.Role_ROLE_OWNER || read.GetRead().GetSeq() != 1 {
		t.Errorf("GetRoom by the owner: %v", read)
	}
	events := watcher.upTo("lobby", 1)
	if last := events[len(events)-1]; !proto.Equal(last.GetRoomChanged(), want) {
		t.Errorf("the watcher saw %v", last)
	}
	members := must(c.members.ListMembers(ana, &chatv1.ListMembersRequest{Room: "lobby"}))(t).GetMembers()
	if len(members) != 1 || members[0].GetUser().GetId() != principal.ID || members[0].GetRole() != chatv1.Role_ROLE_OWNER {
		t.Errorf("members: %v", members)
	}

	c.unchanged("lobby", func() {
		refused(c.rooms.CreateRoom(ana, &chatv1.CreateRoomRequest{Room: "lobby", Title: "The Lobby 🦜"}))(t, codes.AlreadyExists, "")
		refused(c.rooms.CreateRoom(ben, &chatv1.CreateRoomRequest{Room: "lobby"}))(t, codes.AlreadyExists, "")
	})
	for _, title := range []string{strings.Repeat("x", 129), "a\nb", "\u202ex", " "} {
		refused(c.rooms.CreateRoom(ana, &chatv1.CreateRoomRequest{Room: "other", Title: title}))(t, codes.InvalidArgument, "title")
		refused(c.rooms.UpdateRoom(ana, &chatv1.UpdateRoomRequest{Room: "lobby", Title: &title}))(t, codes.InvalidArgument, "title")
	}
	refused(c.rooms.GetRoom(ana, &chatv1.GetRoomRequest{Room: "other"}))(t, codes.NotFound, "")
}

func TestTheFirstMessageMakesItsRoom(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, principal := c.as("ana")
	c.post(ana, "lobby", "hello")
	room := must(c.rooms.GetRoom(ana, &chatv1.GetRoomRequest{Room: "lobby"}))(t).GetRoom()
	if room.GetCreator().GetId() != principal.ID || room.GetHeadSeq() != 1 || room.GetHeadRev() != 1 || room.GetTitle() != "" {
		t.Errorf("room %v", room)
	}
	title := "Mine"
	if got := must(c.rooms.UpdateRoom(ana, &chatv1.UpdateRoomRequest{Room: "lobby", Title: &title}))(t); got.GetRoom().GetTitle() != title {
		t.Errorf("its maker is no owner: %v", got)
	}
}

func TestUpdateRoom(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	owner, _ := c.as("ana")
	member, _ := c.as("ben")
	stranger, _ := c.as("cleo")
	title, empty := "New", ""
	must(c.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: "lobby", Title: "Old"}))(t)
	must(c.members.AddMember(member, &chatv1.AddMemberRequest{Room: "lobby"}))(t)

	c.unchanged("lobby", func() {
		for _, ctx := range []context.Context{member, stranger} {
			refused(c.rooms.UpdateRoom(ctx, &chatv1.UpdateRoomRequest{Room: "lobby", Title: &title}))(t, codes.PermissionDenied, "")
		}
		must(c.rooms.UpdateRoom(owner, &chatv1.UpdateRoomRequest{Room: "lobby"}))(t)
	})
	before := c.headRev("lobby")
	room := must(c.rooms.UpdateRoom(owner, &chatv1.UpdateRoomRequest{Room: "lobby", Title: &title}))(t).GetRoom()
	if room.GetTitle() != "New" || room.GetHeadRev() != before+1 {
		t.Errorf("room %v, want rev %d", room, before+1)
	}
	c.unchanged("lobby", func() { must(c.rooms.UpdateRoom(owner, &chatv1.UpdateRoomRequest{Room: "lobby", Title: &title}))(t) })
	if got := must(c.rooms.UpdateRoom(owner, &chatv1.UpdateRoomRequest{Room: "lobby", Title: &empty}))(t).GetRoom(); got.GetTitle() != "" {
		t.Errorf("the title is not removed: %v", got)
	}
}

// fill makes n rooms, room-000 and on, by many at once so that they share commits.
func (c *calls) fill(n int) []string {
	c.tb.Helper()
	ctx, _ := c.as("maker")
	var wg sync.WaitGroup
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("room-%03d", i)
		wg.Go(func() {
			if _, err := c.rooms.CreateRoom(ctx, &chatv1.CreateRoomRequest{Room: ids[i]}); err != nil {
				c.tb.Error(err)
			}
		})
	}
	wg.Wait()
	return ids
}

func TestListRooms(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ids := c.fill(501)
	ctx, _ := c.as("ana")
	for _, size := range []struct{ asked, page, pages int }{{0, 100, 6}, {167, 167, 3}, {500, 500, 2}, {501, 500, 2}, {1 << 30, 500, 2}} {
		var got []string
		pages, token := 0, ""
		for {
			resp := must(c.rooms.ListRooms(ctx, &chatv1.ListRoomsRequest{PageSize: uint32(size.asked), PageToken: token}))(t)
			for _, r := range resp.GetRooms() {
				got = append(got, r.GetId())
			}
			pages++
			if token = resp.GetNextPageToken(); token == "" {
				break
			}
			if len(resp.GetRooms()) != size.page {
				t.Fatalf("page_size %d: a page of %d", size.asked, len(resp.GetRooms()))
			}
		}
		if !slices.Equal(got, ids) || pages != size.pages {
			t.Errorf("page_size %d: %d rooms on %d pages, want %d on %d", size.asked, len(got), pages, len(ids), size.pages)
		}
	}
}

func TestListRoomsWithTheCallersMarkers(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, _ := c.as("ana")
	ben, _ := c.as("ben")
	for room, n := range map[string]int{"a": 3, "b": 1} {
		for range n {
			c.post(ana, room, "x")
		}
	}
	c.post(ben, "a", "y") // which ben has read, and ana has not
	must(c.rooms.CreateRoom(ben, &chatv1.CreateRoomRequest{Room: "c"}))(t)

	if got := must(c.rooms.ListRooms(c.context(), &chatv1.ListRoomsRequest{}))(t); len(got.GetRooms()) != 3 || len(got.GetRead()) != 0 {
		t.Errorf("for nobody: %v", got)
	}
	got := must(c.rooms.ListRooms(ana, &chatv1.ListRoomsRequest{PageSize: 3}))(t)
	want := &chatv1.ListRoomsResponse{Rooms: got.GetRooms(), Read: []*chatv1.ReadMarker{
		{Room: "a", Seq: 3, Unread: 1}, {Room: "b", Seq: 1}, {Room: "c"},
	}}
	if !proto.Equal(got, want) {
		t.Errorf("for ana: %v", got)
	}
	if got := must(c.rooms.ListRooms(ben, &chatv1.ListRoomsRequest{}))(t).GetRead(); got[0].GetSeq() != 4 || got[1].GetUnread() != 1 {
		t.Errorf("for ben: %v", got)
	}
}

// TestListRoomsShowsNoOthers: neither pages nor their tokens tell of rooms that the caller may not see.
func TestListRoomsShowsNoOthers(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, ben := c.person("ana"), c.person("ben")
	shown := []string{"a", "m", "z"}
	for _, room := range shown {
		must(c.rooms.CreateRoom(ana, &chatv1.CreateRoomRequest{Room: room}))(t)
	}
	for _, room := range []string{"b-den", "c-den", "n-den", "z-den"} {
		c.private(room, ana)
	}
	must(c.rooms.OpenDirectRoom(ana, &chatv1.OpenDirectRoomRequest{UserIds: []string{ben.id}}))(t)
	must(c.rooms.CreateRoom(ana, &chatv1.CreateRoomRequest{Room: "y-gone"}))(t)
	must(c.rooms.DeleteRoom(ana, &chatv1.DeleteRoomRequest{Room: "y-gone"}))(t)
	for _, size := range []uint32{1, 2} {
		var got []string
		for token := ""; ; {
			resp := must(c.rooms.ListRooms(c.context(), &chatv1.ListRoomsRequest{PageSize: size, PageToken: token}))(t)
			for _, room := range resp.GetRooms() {
				got = append(got, room.GetId())
			}
			if token = resp.GetNextPageToken(); token == "" {
				break
			}
			if len(resp.GetRooms()) != int(size) {
				t.Errorf("page_size %d: a page of %v", size, resp.GetRooms())
			}
			plain, err := base64.RawURLEncoding.DecodeString(token)
			if err != nil || bytes.Contains(plain, []byte("-den")) || bytes.Contains(plain, []byte("direct.")) {
				t.Errorf("page_size %d: a token says %q, %v", size, plain, err)
			}
		}
		if !slices.Equal(got, shown) {
			t.Errorf("page_size %d: %v", size, got)
		}
	}
	made := base64.RawURLEncoding.EncodeToString([]byte("r\x00direct.a"))
	refused(c.rooms.ListRooms(c.context(), &chatv1.ListRoomsRequest{PageToken: made}))(t, codes.InvalidArgument, "page_token")
}

// TestListRoomsGoesOnBehindManyOthers: a page that ends among rooms that the caller may not see leads to the next.
func TestListRoomsGoesOnBehindManyOthers(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana := c.person("ana")
	s := c.connect(ana)
	for i := range 1100 { // a message makes its room
		s.send(publishRequest(fmt.Sprintf("gone-%04d", i), "hello"))
	}
	s.publish("last", "hello")
	var others sync.WaitGroup
	for i := range 1100 {
		others.Go(func() {
			if _, err := c.rooms.DeleteRoom(ana, &chatv1.DeleteRoomRequest{Room: fmt.Sprintf("gone-%04d", i)}); err != nil {
				t.Error(err)
			}
		})
	}
	others.Wait()
	first := must(c.rooms.ListRooms(ana, &chatv1.ListRoomsRequest{PageSize: 1}))(t)
	if len(first.GetRooms()) != 0 || first.GetNextPageToken() == "" {
		t.Fatalf("first: %v", first)
	}
	second := must(c.rooms.ListRooms(ana, &chatv1.ListRoomsRequest{PageToken: first.GetNextPageToken()}))(t)
	if rooms := second.GetRooms(); len(rooms) != 1 || rooms[0].GetId() != "last" || second.GetNextPageToken() != "" {
		t.Errorf("second: %v", second)
	}
}

func TestPageTokensFromElsewhere(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, _ := c.as("ana")
	ben, _ := c.as("ben")
	for _, room := range []string{"a", "b"} {
		c.post(ana, room, "x")
		must(c.members.AddMember(ben, &chatv1.AddMemberRequest{Room: room}))(t)
	}
	ofRooms := must(c.rooms.ListRooms(ana, &chatv1.ListRoomsRequest{PageSize: 1}))(t).GetNextPageToken()
	ofMembers := must(c.members.ListMembers(ana, &chatv1.ListMembersRequest{Room: "a", PageSize: 1}))(t).GetNextPageToken()
	if ofRooms == "" || ofMembers == "" {
		t.Fatal("no tokens")
	}
	common := []string{"x", "!", "AAAA", "cg", "bQ", ofRooms + "=", "\x00", strings.Repeat("A", 100<<10)}
	for _, token := range append(common, ofMembers) {
		refused(c.rooms.ListRooms(ana, &chatv1.ListRoomsRequest{PageToken: token}))(t, codes.InvalidArgument, "page_token")
	}
	for _, token := range append(common, ofRooms, ofMembers[:4]) {
		refused(c.members.ListMembers(ana, &chatv1.ListMembersRequest{Room: "a", PageToken: token}))(t, codes.InvalidArgument, "page_token")
	}
	refused(c.members.ListMembers(ana, &chatv1.ListMembersRequest{Room: "b", PageToken: ofMembers}))(t, codes.InvalidArgument, "page_token")
}

// TestMinRev asks for a state that does not exist yet, and makes it.
func TestMinRev(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, _ := c.as("ana")
	type answer struct {
		rev uint64
		err error
	}
	for i, read := range []func(room string, minRev uint64) (uint64, error){
		func(room string, minRev uint64) (uint64, error) {
			r, err := c.rooms.GetRoom(ana, &chatv1.GetRoomRequest{Room: room, MinRev: minRev})
			return r.GetRoom().GetHeadRev(), err
		},
		func(room string, minRev uint64) (uint64, error) {
			r, err := c.messages.ListMessages(ana, &chatv1.ListMessagesRequest{Room: room, MinRev: minRev})
			return uint64(len(r.GetMessages())), err // each of its own rev
		},
		func(room string, minRev uint64) (uint64, error) {
			r, err := c.messages.GetMessage(ana, &chatv1.GetMessageRequest{Room: room, Seq: minRev, MinRev: minRev})
			return r.GetMessage().GetRev(), err
		},
		func(room string, minRev uint64) (uint64, error) {
			r, err := c.members.ListMembers(ana, &chatv1.ListMembersRequest{Room: room, MinRev: minRev})
			return minRev + uint64(len(r.GetMembers())-1), err
		},
	} {
		room := fmt.Sprintf("room-%d", i)
		answers := make(chan answer, 1)
		go func() {
			rev, err := read(room, 3)
			answers <- answer{rev, err}
		}()
		for range 3 {
			c.post(ana, room, "x")
		}
		if got := <-answers; got.err != nil || got.rev < 3 {
			t.Errorf("call %d: rev %d, %v", i, got.rev, got.err)
		}
		if rev, err := read(room, 3); err != nil || rev < 3 { // now at once
			t.Errorf("call %d: rev %d, %v", i, rev, err)
		}
	}
}
