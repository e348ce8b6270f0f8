package chat

import (
	"context"
	"net/netip"

	"google.golang.org/protobuf/types/known/durationpb"

	adminv1 "github.com/rialto-rpc/rialto/gen/go/rialto/admin/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// BanUser implements adminv1.AdminServiceServer.
func (s *adminService) BanUser(ctx context.Context, req *adminv1.BanUserRequest) (*adminv1.BanUserResponse, error) {
	if err := validateUserID("user_id", req.GetUserId()); err != nil {
		return nil, err
	}
	until, err := s.banTerms(req.GetDuration(), req.GetReason())
	if err != nil {
		return nil, err
	}
	if err := s.order(ctx, &storev1.BanUser{User: req.GetUserId(), UntilMs: until, Reason: req.GetReason()}); err != nil {
		return nil, err
	}
	ban, _ := s.engine.views.Bans().User(req.GetUserId(), s.engine.now().UnixMilli())
	return &adminv1.BanUserResponse{Ban: serverBanProto(ban)}, nil
}

// UnbanUser implements adminv1.AdminServiceServer.
func (s *adminService) UnbanUser(ctx context.Context, req *adminv1.UnbanUserRequest) (*adminv1.UnbanUserResponse, error) {
	if err := validateUserID("user_id", req.GetUserId()); err != nil {
		return nil, err
	}
	return &adminv1.UnbanUserResponse{}, s.order(ctx, &storev1.BanUser{User: req.GetUserId(), Lift: true})
}

// BanAddress implements adminv1.AdminServiceServer.
func (s *adminService) BanAddress(ctx context.Context, req *adminv1.BanAddressRequest) (*adminv1.BanAddressResponse, error) {
	prefix, err := parsePrefix("prefix", req.GetPrefix())
	if err != nil {
		return nil, err
	}
	until, err := s.banTerms(req.GetDuration(), req.GetReason())
	if err != nil {
		return nil, err
	}
	if err := s.order(ctx, &storev1.BanAddress{Prefix: prefix.String(), UntilMs: until, Reason: req.GetReason()}); err != nil {
		return nil, err
	}
	ban := s.engine.views.Bans().Prefix(prefix)
	return &adminv1.BanAddressResponse{Ban: serverBanProto(ban)}, nil
}

// UnbanAddress implements adminv1.AdminServiceServer.
func (s *adminService) UnbanAddress(ctx context.Context, req *adminv1.UnbanAddressRequest) (*adminv1.UnbanAddressResponse, error) {
	prefix, err := parsePrefix("prefix", req.GetPrefix())
	if err != nil {
		return nil, err
	}
	return &adminv1.UnbanAddressResponse{}, s.order(ctx, &storev1.BanAddress{Prefix: prefix.String(), Lift: true})
}

// parsePrefix reads addresses in CIDR notation, or one address, which means its network.
func parsePrefix(field, text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return auth.Network(addr.Unmap().WithZone("")), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil || prefix.Addr().Is4In6() {
		return netip.Prefix{}, invalidArgument(field, "must be an address or CIDR notation, such as 192.0.2.0/24")
	}
	return prefix.Masked(), nil
}

// banTerms checks both and returns when a ban from the server ends, as [engine.until] does.
func (s *adminService) banTerms(d *durationpb.Duration, reason string) (untilMs int64, err error) {
	if err := validateReason("reason", reason); err != nil {
		return 0, err
	}
	return s.engine.until(d)
}

// ListBans implements adminv1.AdminServiceServer.
func (s *adminService) ListBans(_ context.Context, req *adminv1.ListBansRequest) (*adminv1.ListBansResponse, error) {
	pages := s.engine.listing(serverBansToken, "")
	after, err := pages.after(req.GetPageToken())
	if err != nil {
		return nil, err
	}
	n := pageSize(req.GetPageSize(), defaultListPage, maxAdminPage)
	v := s.engine.views.View()
	defer v.Close()
	bans, err := v.ServerBans(after, n+1) // one more, to know whether there is a next page
	if err != nil {
		return nil, s.engine.internal("list bans", err)
	}
	resp := &adminv1.ListBansResponse{}
	bans, resp.NextPageToken = page(pages, bans, n, state.ServerBan.Key)
	now := s.engine.now().UnixMilli()
	for _, ban := range bans {
		if ban.At(now) {
			resp.Bans = append(resp.Bans, serverBanProto(ban))
		}
	}
	return resp, nil
}

// serverBanProto returns nil for none.
func serverBanProto(b state.ServerBan) *adminv1.Ban {
	if b == (state.ServerBan{}) {
		return nil
	}
	p := &adminv1.Ban{CreateTime: timeProto(b.Time), EndTime: timeProto(b.End), Reason: b.Reason}
	if b.User != "" {
		p.Subject = &adminv1.Ban_UserId{UserId: b.User}
	} else {
		p.Subject = &adminv1.Ban_Prefix{Prefix: b.Prefix.String()}
	}
	return p
}
