package chat

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// maxRestriction is the longest mute or ban that has an end.
const maxRestriction = 10 * 365 * 24 * time.Hour

// MuteMember implements chatv1.MemberServiceServer.
func (s *memberService) MuteMember(ctx context.Context, req *chatv1.MuteMemberRequest) (*chatv1.MuteMemberResponse, error) {
	command := &storev1.Mute{Room: req.GetRoom(), User: req.GetUserId()}
	return &chatv1.MuteMemberResponse{}, s.do(ctx, req.GetRoom(), req.GetUserId(), func() (err error) {
		command.UntilMs, err = s.engine.until(req.GetDuration())
		return err
	}, command)
}

// UnmuteMember implements chatv1.MemberServiceServer.
func (s *memberService) UnmuteMember(ctx context.Context, req *chatv1.UnmuteMemberRequest) (*chatv1.UnmuteMemberResponse, error) {
	return &chatv1.UnmuteMemberResponse{}, s.do(ctx, req.GetRoom(), req.GetUserId(), nothingElse,
		&storev1.Mute{Room: req.GetRoom(), User: req.GetUserId(), Lift: true})
}

// BanMember implements chatv1.MemberServiceServer.
func (s *memberService) BanMember(ctx context.Context, req *chatv1.BanMemberRequest) (*chatv1.BanMemberResponse, error) {
	command := &storev1.Ban{Room: req.GetRoom(), User: req.GetUserId(), Reason: req.GetReason()}
	return &chatv1.BanMemberResponse{}, s.do(ctx, req.GetRoom(), req.GetUserId(), func() (err error) {
		if command.UntilMs, err = s.engine.until(req.GetDuration()); err != nil {
			return err
		}
		return validateReason("reason", req.GetReason())
	}, command)
}

// UnbanMember implements chatv1.MemberServiceServer.
func (s *memberService) UnbanMember(ctx context.Context, req *chatv1.UnbanMemberRequest) (*chatv1.UnbanMemberResponse, error) {
	return &chatv1.UnbanMemberResponse{}, s.do(ctx, req.GetRoom(), req.GetUserId(), nothingElse,
		&storev1.Ban{Room: req.GetRoom(), User: req.GetUserId(), Lift: true})
}

// until returns when a restriction ends that lasts d from now, in unix milliseconds; 0 for none, which is for good.
func (e *engine) until(d *durationpb.Duration) (int64, error) {
	if d == nil {
		return 0, nil
	}
	ms, err := validateDuration("duration", d, maxRestriction)
	if err == nil && ms == 0 {
		err = invalidArgument("duration", "must be more than 0")
	}
	return e.now().UnixMilli() + ms, err
}

// ListBans implements chatv1.MemberServiceServer.
func (s *memberService) ListBans(ctx context.Context, req *chatv1.ListBansRequest) (*chatv1.ListBansResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	pages := s.engine.listing(bansToken, req.GetRoom())
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
	bans, err := v.Bans(id, after, n+1) // one more, to know whether there is a next page
	if err != nil {
		return nil, s.engine.internal("list bans", err)
	}
	resp := &chatv1.ListBansResponse{}
	bans, resp.NextPageToken = page(pages, bans, n, func(b state.Ban) string { return b.User.ID })
	now := s.engine.now().UnixMilli()
	for _, b := range bans {
		if b.End == 0 || b.End > now {
			resp.Bans = append(resp.Bans, banProto(b))
		}
	}
	return resp, nil
}
