package chat

import (
	"context"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// maxBlocked is how many somebody may block. Apply decides by it, since a record carries it.
const maxBlocked = 1000

// BlockUser implements chatv1.MemberServiceServer.
func (s *memberService) BlockUser(ctx context.Context, req *chatv1.BlockUserRequest) (*chatv1.BlockUserResponse, error) {
	return &chatv1.BlockUserResponse{}, s.block(ctx, &storev1.Block{User: req.GetUserId(), MaxBlocked: maxBlocked})
}

// UnblockUser implements chatv1.MemberServiceServer.
func (s *memberService) UnblockUser(ctx context.Context, req *chatv1.UnblockUserRequest) (*chatv1.UnblockUserResponse, error) {
	return &chatv1.UnblockUserResponse{}, s.block(ctx, &storev1.Block{User: req.GetUserId(), Lift: true})
}

func (s *memberService) block(ctx context.Context, command *storev1.Block) error {
	who, err := caller(ctx)
	if err != nil {
		return err
	}
	if err := validateUserID("user_id", command.GetUser()); err != nil {
		return err
	}
	if command.GetUser() == who.ID {
		return invalidArgument("user_id", "must be somebody else")
	}
	_, err = s.engine.do(ctx, who, command)
	return err
}

// ListBlockedUsers implements chatv1.MemberServiceServer.
func (s *memberService) ListBlockedUsers(ctx context.Context, _ *chatv1.ListBlockedUsersRequest) (*chatv1.ListBlockedUsersResponse, error) {
	users, err := s.blocked(ctx)
	if err != nil {
		return nil, err
	}
	return &chatv1.ListBlockedUsersResponse{UserIds: users}, nil
}

func (s *memberService) blocked(ctx context.Context) ([]string, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	v := s.engine.views.View()
	defer v.Close()
	users, err := v.Blocked(who.ID, "", maxBlocked)
	if err != nil {
		return nil, s.engine.internal("list blocked", err)
	}
	return users, nil
}
