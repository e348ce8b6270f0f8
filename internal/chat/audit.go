package chat

import (
	"context"
	"strconv"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// ListAuditEntries implements chatv1.RoomServiceServer.
func (s *roomService) ListAuditEntries(ctx context.Context, req *chatv1.ListAuditEntriesRequest) (*chatv1.ListAuditEntriesResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	pages := s.engine.listing(auditToken, req.GetRoom())
	before, err := pages.before(req.GetPageToken())
	if err != nil {
		return nil, err
	}
	id := state.RoomID(req.GetRoom())
	n := pageSize(req.GetPageSize(), defaultListPage, maxListPage)
	v := s.engine.views.View()
	defer v.Close()
	if _, err := s.engine.enterAs(state.RoleOwner, v, id, who.ID); err != nil {
		return nil, err
	}
	acts, err := v.Acts(id, before, n+1) // one more, to know whether there is a next page
	if err != nil {
		return nil, s.engine.internal("list acts", err)
	}
	resp := &chatv1.ListAuditEntriesResponse{}
	acts, resp.NextPageToken = page(pages, acts, n, func(a state.Act) string { return strconv.FormatUint(a.N, 10) })
	for _, a := range acts {
		resp.Entries = append(resp.Entries, auditProto(id, a))
	}
	return resp, nil
}
