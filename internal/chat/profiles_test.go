package chat_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// tokenOf returns the token of a context that [live.as] made.
func tokenOf(ctx context.Context) (string, error) {
	md, _ := metadata.FromOutgoingContext(ctx)
	if values := md.Get("authorization"); len(values) == 1 {
		return strings.TrimPrefix(values[0], "Bearer "), nil
	}
	return "", errors.New("no token")
}

func (l *live) users() chatv1.UserServiceClient { return chatv1.NewUserServiceClient(l.conn) }

// TestProfileNameIsShown sets a profile and looks where its name appears: not in what was said before, but everywhere from
// then on, also in sessions that were there.
func TestProfileNameIsShown(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	ctx, who := c.as("bob")
	ana := c.guest("ana")
	ana.join(fromNow("lobby"))
	bob := c.connect(ctx)
	bob.join(fromNow("lobby"))
	bob.publish("lobby", "as in the token")
	must(c.members.AddMember(ctx, &chatv1.AddMemberRequest{Room: "lobby"}))(t)

	p := must(c.users().UpdateProfile(ctx, &chatv1.UpdateProfileRequest{
		DisplayName: proto.String("Bob B."), About: proto.String("I knit.\nA lot."), Emoji: proto.String("🧶"),
	}))(t).GetProfile()
	if p.GetUserId() != who.ID || p.GetDisplayName() != "Bob B." || p.GetAbout() != "I knit.\nA lot." || p.GetEmoji() != "🧶" || p.GetUpdateTime() == nil {
		t.Errorf("profile %v", p)
	}
	ana.event(func(e *chatv1.Event) bool { // the roster
		for _, u := range e.GetPresence().GetJoined() {
			if u.GetId() == who.ID && u.GetDisplayName() == "Bob B." {
				return true
			}
		}
		return false
	})
	bob.publish("lobby", "on Connect, which was there before")
	c.post(ctx, "lobby", "by a call")
	late := c.connect(ctx)
	late.send(helloRequest(&chatv1.Hello{DisplayName: "not this one"}))
	if w := late.welcome(); w.GetUser().GetDisplayName() != "Bob B." {
		t.Errorf("welcome %v", w)
	}
	messages := must(c.messages.ListMessages(ctx, &chatv1.ListMessagesRequest{Room: "lobby"}))(t).GetMessages()
	var names []string
	for _, m := range messages {
		names = append(names, m.GetSender().GetDisplayName())
	}
	if want := "[bob Bob B. Bob B.]"; fmt.Sprint(names) != want {
		t.Errorf("senders %v, want %v", names, want)
	}
	members := must(c.members.ListMembers(ctx, &chatv1.ListMembersRequest{Room: "lobby"}))(t).GetMembers()
	if len(members) != 1 || members[0].GetUser().GetDisplayName() != "Bob B." {
		t.Errorf("members %v", members)
	}

	must(c.users().UpdateProfile(ctx, &chatv1.UpdateProfileRequest{DisplayName: proto.String("")}))(t)
	bob.publish("lobby", "as in the token again")
	if m := must(c.messages.ListMessages(ctx, &chatv1.ListMessagesRequest{Room: "lobby"}))(t).GetMessages()[3]; m.GetSender().GetDisplayName() != "bob" {
		t.Errorf("sender %v", m.GetSender())
	}
	left := must(c.users().GetProfiles(ctx, &chatv1.GetProfilesRequest{UserIds: []string{"nobody", who.ID}}))(t).GetProfiles()
	if len(left) != 2 || left[0].GetUserId() != "nobody" || left[0].GetUpdateTime() != nil || left[1].GetAbout() == "" {
		t.Errorf("profiles %v", left)
	}
	if own := must(c.users().GetProfiles(ctx, &chatv1.GetProfilesRequest{}))(t).GetProfiles(); len(own) != 1 || own[0].GetUserId() != who.ID {
		t.Errorf("own profile %v", own)
	}
}

func TestProfilesAreChecked(t *testing.T) {
	t.Parallel()
	l := start(t, config{})
	users := l.users()
	ctx, _ := l.as("bob")
	refused(users.UpdateProfile(t.Context(), &chatv1.UpdateProfileRequest{}))(t, codes.Unauthenticated, "")
	refused(users.GetProfiles(t.Context(), &chatv1.GetProfilesRequest{}))(t, codes.Unauthenticated, "")
	refused(users.UpdateProfile(ctx, &chatv1.UpdateProfileRequest{DisplayName: proto.String(" ")}))(t, codes.InvalidArgument, "display_name")
	refused(users.UpdateProfile(ctx, &chatv1.UpdateProfileRequest{DisplayName: proto.String(strings.Repeat("x", 65))}))(t, codes.InvalidArgument, "display_name")
	refused(users.UpdateProfile(ctx, &chatv1.UpdateProfileRequest{About: proto.String(strings.Repeat("🦜", 281))}))(t, codes.InvalidArgument, "about")
	refused(users.UpdateProfile(ctx, &chatv1.UpdateProfileRequest{About: proto.String("\x00")}))(t, codes.InvalidArgument, "about")
	refused(users.UpdateProfile(ctx, &chatv1.UpdateProfileRequest{Emoji: proto.String("a b")}))(t, codes.InvalidArgument, "emoji")
	must(users.UpdateProfile(ctx, &chatv1.UpdateProfileRequest{About: proto.String(strings.Repeat("🦜", 280))}))(t)
	refused(users.GetProfiles(ctx, &chatv1.GetProfilesRequest{UserIds: make([]string, 101)}))(t, codes.InvalidArgument, "user_ids")
	refused(users.GetProfiles(ctx, &chatv1.GetProfilesRequest{UserIds: []string{"a", "b c"}}))(t, codes.InvalidArgument, "user_ids[1]")
}
