package chat

import (
	"context"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// InviteMember implements chatv1.MemberServiceServer.
func (s *memberService) InviteMember(ctx context.Context, req *chatv1.InviteMemberRequest) (*chatv1.InviteMemberResponse, error) {
	command := &storev1.Invite{Room: req.GetRoom(), User: req.GetUserId()}
	return &chatv1.InviteMemberResponse{}, s.do(ctx, req.GetRoom(), req.GetUserId(), func() (err error) {
		command.Role, err = admitted("role", req.GetRole())
		return err
	}, command)
}

// RemoveInvitation implements chatv1.MemberServiceServer.
func (s *memberService) RemoveInvitation(ctx context.Context, req *chatv1.RemoveInvitationRequest) (*chatv1.RemoveInvitationResponse, error) {
	user, err := orCaller(ctx, req.GetUserId())
	if err != nil {
		return nil, err
	}
	return &chatv1.RemoveInvitationResponse{}, s.do(ctx, req.GetRoom(), user, nothingElse,
		&storev1.Uninvite{Room: req.GetRoom(), User: user})
}

// ListInvitations implements chatv1.MemberServiceServer.
func (s *memberService) ListInvitations(ctx context.Context, req *chatv1.ListInvitationsRequest) (*chatv1.ListInvitationsResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	pages := s.engine.listing(invitationsToken, who.ID)
	after, err := pages.after(req.GetPageToken())
	if err != nil {
		return nil, err
	}
	n := pageSize(req.GetPageSize(), defaultListPage, maxListPage)
	v := s.engine.views.View()
	defer v.Close()
	invitations, err := v.Invitations(who.ID, state.RoomID(after), n+1) // one more, to know whether there is a next page
	if err != nil {
		return nil, s.engine.internal("list invitations", err)
	}
	resp := &chatv1.ListInvitationsResponse{}
	invitations, resp.NextPageToken = page(pages, invitations, n, func(i state.Invitation) string { return string(i.Room) })
	for _, i := range invitations {
		room, ok, err := v.Room(i.Room)
		if err != nil {
			return nil, s.engine.internal("read room", err)
		}
		if !ok { // it was deleted just now
			continue
		}
		resp.Invitations = append(resp.Invitations, invitationProto(i, room))
	}
	return resp, nil
}
