package chat_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

func TestCreateGuest(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	for _, name := range []string{"Ana Díaz 🦜", ""} {
		guest := must(c.chat.CreateGuest(c.context(), &chatv1.CreateGuestRequest{DisplayName: name}))(t)
		user := guest.GetUser()
		if !strings.HasPrefix(user.GetId(), "guest-") || !user.GetGuest() || !guest.GetTokenExpires().IsValid() ||
			name != "" && user.GetDisplayName() != name || user.GetDisplayName() == "" {
			t.Errorf("CreateGuest(%q) = %v", name, user)
		}
		ctx := metadata.AppendToOutgoingContext(c.context(), "authorization", "Bearer "+guest.GetGuestToken())
		if sender := c.post(ctx, "lobby", "hello").GetSender(); !proto.Equal(sender, user) {
			t.Errorf("sends as %v, is %v", sender, user)
		}
	}
	for _, name := range []string{strings.Repeat("x", 65), "a\nb", "\u200b", "\u202eana"} {
		refused(c.chat.CreateGuest(c.context(), &chatv1.CreateGuestRequest{DisplayName: name}))(t, codes.InvalidArgument, "display_name")
	}
}

func TestNoGuests(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{noGuests: true})
	for _, name := range []string{"ana", "", "\x00"} {
		refused(c.chat.CreateGuest(c.context(), &chatv1.CreateGuestRequest{DisplayName: name}))(t, codes.PermissionDenied, "")
	}
}

// TestANameGivesNoRights has somebody take the name of the room's owner.
func TestANameGivesNoRights(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ana, principal := c.as("ana")
	imposter, other := c.as("ana")
	m := c.post(ana, "lobby", "mine")
	if other.ID == principal.ID || other.Name != principal.Name {
		t.Fatalf("%v and %v", principal, other)
	}
	title := "x"
	c.unchanged("lobby", func() {
		refused(c.messages.EditMessage(imposter, &chatv1.EditMessageRequest{Room: "lobby", Seq: m.GetSeq(), Text: "x"}))(t, codes.PermissionDenied, "")
		refused(c.messages.DeleteMessage(imposter, &chatv1.DeleteMessageRequest{Room: "lobby", Seq: m.GetSeq()}))(t, codes.PermissionDenied, "")
		refused(c.rooms.UpdateRoom(imposter, &chatv1.UpdateRoomRequest{Room: "lobby", Title: &title}))(t, codes.PermissionDenied, "")
	})
	if got := must(c.members.GetReadMarker(imposter, &chatv1.GetReadMarkerRequest{Room: "lobby"}))(t).GetRead(); got.GetSeq() != 0 {
		t.Errorf("shares the marker: %v", got)
	}
	if got := c.post(imposter, "lobby", "theirs").GetSender(); got.GetId() != other.ID {
		t.Errorf("posts as %v", got)
	}
}
