package chat

import (
	"context"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// RequestMembership implements chatv1.MemberServiceServer.
func (s *memberService) RequestMembership(ctx context.Context, req *chatv1.RequestMembershipRequest) (*chatv1.RequestMembershipResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	return &chatv1.RequestMembershipResponse{}, s.do(ctx, req.GetRoom(), who.ID, func() error {
		return validateReason("note", req.GetNote())
	}, &storev1.AskToJoin{Room: req.GetRoom(), Note: req.GetNote(), MaxMembers: s.engine.maxMembers()})
}

// AnswerMembershipRequest implements chatv1.MemberServiceServer.
func (s *memberService) AnswerMembershipRequest(ctx context.Context, req *chatv1.AnswerMembershipRequestRequest) (*chatv1.AnswerMembershipRequestResponse, error) {
	return &chatv1.AnswerMembershipRequestResponse{}, s.do(ctx, req.GetRoom(), req.GetUserId(), nothingElse,
		&storev1.AnswerRequest{Room: req.GetRoom(), User: req.GetUserId(), Accept: req.GetAccept(), MaxMembers: s.engine.maxMembers()})
}

// ListMembershipRequests implements chatv1.MemberServiceServer.
func (s *memberService) ListMembershipRequests(ctx context.Context, req *chatv1.ListMembershipRequestsRequest) (*chatv1.ListMembershipRequestsResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	pages := s.engine.listing(requestsToken, req.GetRoom())
	after, err := pages.after(req.GetPageToken())
	if err != nil {
		return nil, err
	}
	id := state.RoomID(req.GetRoom())
	n := pageSize(req.GetPageSize(), defaultListPage, maxListPage)
	v := s.engine.views.View()
	defer v.Close()
	if _, err := s.engine.enterAs(state.RoleModerator, v, id, who.ID); err != nil {
		return nil, err
	}
	requests, err := v.Requests(id, after, n+1) // one more, to know whether there is a next page
	if err != nil {
		return nil, s.engine.internal("list requests", err)
	}
	resp := &chatv1.ListMembershipRequestsResponse{}
	requests, resp.NextPageToken = page(pages, requests, n, func(r state.Request) string { return r.User.ID })
	for _, r := range requests {
		resp.Requests = append(resp.Requests, requestProto(r))
	}
	return resp, nil
}
