package chat_test

import (
	"context"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// verbs are all that can be done in a room.
var verbs = []verb{
	{"see the room", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.rooms.GetRoom(ctx, &chatv1.GetRoomRequest{Room: room})
		return err
	}},
	{"read", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.messages.ListMessages(ctx, &chatv1.ListMessagesRequest{Room: room})
		return err
	}},
	{"read one message", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.messages.GetMessage(ctx, &chatv1.GetMessageRequest{Room: room, Seq: 1})
		return err
	}},
	{"read members", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.ListMembers(ctx, &chatv1.ListMembersRequest{Room: room})
		return err
	}},
	{"follow", func(v *verbTable, ctx context.Context, room string) error {
		return status.ErrorProto(v.connect(ctx).call(joinRequest(history(room, 10))).GetError())
	}},
	{"mark read", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.MarkRead(ctx, &chatv1.MarkReadRequest{Room: room, Seq: 1})
		return err
	}},
	{"signal", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.chat.SendSignal(ctx, &chatv1.SendSignalRequest{Signal: typingSignal(room, true)})
		return err
	}},
	{"post", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.messages.PostMessage(ctx, text(room, "hello"))
		return err
	}},
	{"post on Connect", func(v *verbTable, ctx context.Context, room string) error {
		return status.ErrorProto(v.connect(ctx).call(publishRequest(room, "hello")).GetError())
	}},
	{"edit one's own", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.messages.EditMessage(ctx, &chatv1.EditMessageRequest{Room: room, Seq: 2, Text: "edited"})
		return err
	}},
	{"edit another's", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.messages.EditMessage(ctx, &chatv1.EditMessageRequest{Room: room, Seq: 1, Text: "edited"})
		return err
	}},
	{"delete one's own", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.messages.DeleteMessage(ctx, &chatv1.DeleteMessageRequest{Room: room, Seq: 2})
		return err
	}},
	{"delete another's", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.messages.DeleteMessage(ctx, &chatv1.DeleteMessageRequest{Room: room, Seq: 1})
		return err
	}},
	{"react", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.messages.AddReaction(ctx, &chatv1.AddReactionRequest{Room: room, Seq: 1, Emoji: "+"})
		return err
	}},
	{"become a member", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.AddMember(ctx, &chatv1.AddMemberRequest{Room: room})
		return err
	}},
	{"leave", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.RemoveMember(ctx, &chatv1.RemoveMemberRequest{Room: room})
		return err
	}},
	{"invite", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.InviteMember(ctx, &chatv1.InviteMemberRequest{Room: room, UserId: "stranger"})
		return err
	}},
	{"take an invitation back", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.RemoveInvitation(ctx, &chatv1.RemoveInvitationRequest{Room: room, UserId: "invited"})
		return err
	}},
	{"remove another", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.RemoveMember(ctx, &chatv1.RemoveMemberRequest{Room: room, UserId: v.otherID})
		return err
	}},
	{"mute another", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.MuteMember(ctx, &chatv1.MuteMemberRequest{Room: room, UserId: v.otherID})
		return err
	}},
	{"ban another", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.BanMember(ctx, &chatv1.BanMemberRequest{Room: room, UserId: v.otherID, Reason: "noise"})
		return err
	}},
	{"unban somebody", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.UnbanMember(ctx, &chatv1.UnbanMemberRequest{Room: room, UserId: "stranger"})
		return err
	}},
	{"list bans", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.ListBans(ctx, &chatv1.ListBansRequest{Room: room})
		return err
	}},
	{"change another's role", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.UpdateMember(ctx, &chatv1.UpdateMemberRequest{
			Room: room, UserId: v.otherID, Role: chatv1.Role_ROLE_MODERATOR,
		})
		return err
	}},
	{"make a link", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.CreateLink(ctx, &chatv1.CreateLinkRequest{Room: room})
		return err
	}},
	{"remove a link", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.RemoveLink(ctx, &chatv1.RemoveLinkRequest{Room: room, LinkId: "x"})
		return err
	}},
	{"list links", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.ListLinks(ctx, &chatv1.ListLinksRequest{Room: room})
		return err
	}},
	{"ask to become a member", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.RequestMembership(ctx, &chatv1.RequestMembershipRequest{Room: room})
		return err
	}},
	{"list requests", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.ListMembershipRequests(ctx, &chatv1.ListMembershipRequestsRequest{Room: room})
		return err
	}},
	{"answer a request", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.members.AnswerMembershipRequest(ctx, &chatv1.AnswerMembershipRequestRequest{Room: room, UserId: "x", Accept: true})
		return err
	}},
	{"read the audit", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.rooms.ListAuditEntries(ctx, &chatv1.ListAuditEntriesRequest{Room: room})
		return err
	}},
	{"take requests", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.rooms.UpdateRoom(ctx, &chatv1.UpdateRoomRequest{Room: room, JoinRequests: proto.Bool(true)})
		return err
	}},
	{"set the title", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.rooms.UpdateRoom(ctx, &chatv1.UpdateRoomRequest{Room: room, Title: proto.String("Another")})
		return err
	}},
	{"say who may post", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.rooms.UpdateRoom(ctx, &chatv1.UpdateRoomRequest{Room: room, Posting: chatv1.Role_ROLE_MEMBER.Enum()})
		return err
	}},
	{"make it private", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.rooms.UpdateRoom(ctx, &chatv1.UpdateRoomRequest{Room: room, Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE.Enum()})
		return err
	}},
	{"archive it", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.rooms.UpdateRoom(ctx, &chatv1.UpdateRoomRequest{Room: room, Archived: proto.Bool(true)})
		return err
	}},
	{"unarchive it", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.rooms.UpdateRoom(ctx, &chatv1.UpdateRoomRequest{Room: room, Archived: proto.Bool(false)})
		return err
	}},
	{"say what is kept", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.rooms.UpdateRoom(ctx, &chatv1.UpdateRoomRequest{Room: room, Retention: &chatv1.Retention{MaxMessages: 1000}})
		return err
	}},
	{"delete it", func(v *verbTable, ctx context.Context, room string) error {
		_, err := v.rooms.DeleteRoom(ctx, &chatv1.DeleteRoomRequest{Room: room})
		return err
	}},
}
