package chat_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

func TestMembership(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, owner := c.as("ana")
	ben, principal := c.as("ben")
	c.post(ana, "lobby", "hello")

	member := must(c.members.AddMember(ben, &chatv1.AddMemberRequest{Room: "lobby"}))(t).GetMember()
	want := &chatv1.Member{
		Room: "lobby", Role: chatv1.Role_ROLE_MEMBER, CreateTime: member.GetCreateTime(),
		User: &chatv1.User{Id: principal.ID, DisplayName: "ben", Guest: true},
	}
	if !proto.Equal(member, want) || member.GetCreateTime() == nil || c.headRev("lobby") != 2 {
		t.Errorf("member %v at rev %d, want %v at rev 2", member, c.headRev("lobby"), want)
	}
	c.unchanged("lobby", func() {
		again := must(c.members.AddMember(ben, &chatv1.AddMemberRequest{Room: "lobby"}))(t).GetMember()
		if !proto.Equal(again, want) {
			t.Errorf("again: %v", again)
		}
		// An owner stays one.
		if m := must(c.members.AddMember(ana, &chatv1.AddMemberRequest{Room: "lobby"}))(t).GetMember(); m.GetRole() != chatv1.Role_ROLE_OWNER {
			t.Errorf("the owner became %v", m)
		}
	})
	must(c.members.RemoveMember(ben, &chatv1.RemoveMemberRequest{Room: "lobby"}))(t)
	if got := c.headRev("lobby"); got != 3 {
		t.Errorf("rev %d after the removal", got)
	}
	c.unchanged("lobby", func() { must(c.members.RemoveMember(ben, &chatv1.RemoveMemberRequest{Room: "lobby"}))(t) })

	// The last owner may go, and is then nobody special.
	must(c.members.RemoveMember(ana, &chatv1.RemoveMemberRequest{Room: "lobby"}))(t)
	if got := must(c.members.ListMembers(c.context(), &chatv1.ListMembersRequest{Room: "lobby"}))(t).GetMembers(); len(got) != 0 {
		t.Errorf("still there: %v", got)
	}
	title := "x"
	refused(c.rooms.UpdateRoom(ana, &chatv1.UpdateRoomRequest{Room: "lobby", Title: &title}))(t, codes.PermissionDenied, "")
	if m := must(c.members.AddMember(ana, &chatv1.AddMemberRequest{Room: "lobby"}))(t).GetMember(); m.GetRole() != chatv1.Role_ROLE_MEMBER ||
		m.GetUser().GetId() != owner.ID {
		t.Errorf("came back as %v", m)
	}
}

func TestListMembers(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, first := c.as("ana")
	c.post(ana, "lobby", "hello")
	ids := []string{first.ID}
	var wg sync.WaitGroup
	for i := range 120 {
		ctx, p := c.as(fmt.Sprintf("guest %d", i))
		ids = append(ids, p.ID)
		wg.Go(func() {
			if _, err := c.members.AddMember(ctx, &chatv1.AddMemberRequest{Room: "lobby"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	slices.Sort(ids)
	for _, size := range []struct{ asked, page, pages int }{{0, 100, 2}, {11, 11, 11}, {40, 40, 4}, {121, 121, 1}, {500, 121, 1}} {
		var got []string
		pages, token := 0, ""
		for {
			resp := must(c.members.ListMembers(ana, &chatv1.ListMembersRequest{Room: "lobby", PageSize: uint32(size.asked), PageToken: token}))(t)
			for _, m := range resp.GetMembers() {
				got = append(got, m.GetUser().GetId())
			}
			pages++
			if token = resp.GetNextPageToken(); token == "" {
				break
			}
			if len(resp.GetMembers()) != size.page {
				t.Fatalf("page_size %d: a page of %d", size.asked, len(resp.GetMembers()))
			}
		}
		if !slices.Equal(got, ids) || pages != size.pages {
			t.Errorf("page_size %d: %d members on %d pages, want %d on %d", size.asked, len(got), pages, len(ids), size.pages)
		}
	}
}

func TestReadMarkers(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, _ := c.as("ana")
	for range 5 {
		c.post(ana, "lobby", "x")
	}
	marker := func(seq, unread uint64) *chatv1.ReadMarker {
		return &chatv1.ReadMarker{Room: "lobby", Seq: seq, Unread: unread}
	}
	// One who read nothing, and one who sent it all.
	ben, _ := c.as("ben")
	if got := must(c.members.GetReadMarker(ben, &chatv1.GetReadMarkerRequest{Room: "lobby"}))(t).GetRead(); !proto.Equal(got, marker(0, 5)) {
		t.Errorf("ben: %v", got)
	}
	if got := must(c.members.GetReadMarker(ana, &chatv1.GetReadMarkerRequest{Room: "lobby"}))(t).GetRead(); !proto.Equal(got, marker(5, 0)) {
		t.Errorf("ana: %v", got)
	}
	c.unchanged("lobby", func() {
		for seq := range uint64(6) { // each somebody else: markers of one user and room are stored once a second
			ctx, _ := c.as("reader")
			got := must(c.members.MarkRead(ctx, &chatv1.MarkReadRequest{Room: "lobby", Seq: seq}))(t).GetRead()
			if !proto.Equal(got, marker(seq, 5-seq)) {
				t.Errorf("MarkRead(%d) = %v", seq, got)
			}
			if got := must(c.members.GetReadMarker(ctx, &chatv1.GetReadMarkerRequest{Room: "lobby"}))(t).GetRead(); !proto.Equal(got, marker(seq, 5-seq)) {
				t.Errorf("GetReadMarker after %d = %v", seq, got)
			}
		}
		// It may go back.
		if got := must(c.members.MarkRead(ana, &chatv1.MarkReadRequest{Room: "lobby", Seq: 2}))(t).GetRead(); !proto.Equal(got, marker(2, 3)) {
			t.Errorf("back to 2: %v", got)
		}
		for _, seq := range []uint64{6, 1 << 53, 1<<64 - 1} {
			refused(c.members.MarkRead(ben, &chatv1.MarkReadRequest{Room: "lobby", Seq: seq}))(t, codes.OutOfRange, "")
		}
	})
	// What others say moves no marker, what one says moves one's own.
	c.post(ben, "lobby", "y")
	if got := must(c.members.GetReadMarker(ana, &chatv1.GetReadMarkerRequest{Room: "lobby"}))(t).GetRead(); !proto.Equal(got, marker(2, 4)) {
		t.Errorf("ana after ben's message: %v", got)
	}
	if got := must(c.members.GetReadMarker(ben, &chatv1.GetReadMarkerRequest{Room: "lobby"}))(t).GetRead(); !proto.Equal(got, marker(6, 0)) {
		t.Errorf("ben after his message: %v", got)
	}
}

// TestTheLastMarkerWinsAcrossWays lets a unary marker follow one of a session that still waits for its second.
func TestTheLastMarkerWinsAcrossWays(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, _ := c.as("ana")
	for range 3 {
		c.post(ana, "lobby", "x")
	}
	ben, _ := c.as("ben")
	session := c.connect(ben)
	session.call(markReadRequest("lobby", 1)) // stored at once
	session.send(markReadRequest("lobby", 2)) // to be stored in a second
	session.join(fromNow("other"))            // answered after it was taken
	if got := must(c.members.MarkRead(ben, &chatv1.MarkReadRequest{Room: "lobby", Seq: 3}))(t).GetRead(); got.GetSeq() != 3 {
		t.Errorf("MarkRead(3) = %v", got)
	}
	if got := must(c.members.GetReadMarker(ben, &chatv1.GetReadMarkerRequest{Room: "lobby"}))(t).GetRead(); got.GetSeq() != 3 {
		t.Errorf("at last: %v", got)
	}
}
