package chat

import (
	"context"
	"math"
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
	before, err := parseAuditToken(req)
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
	if len(acts) > n {
		acts = acts[:n]
		resp.NextPageToken = pageToken(auditToken, req.GetRoom(), strconv.FormatUint(acts[n-1].N, 10))
	}
	for _, a := range acts {
		resp.Entries = append(resp.Entries, auditProto(id, a))
	}
	return resp, nil
}

// parseAuditToken returns the number of the entry that a page goes on from; 0 for the first page.
func parseAuditToken(req *chatv1.ListAuditEntriesRequest) (uint64, error) {
	key, err := parsePageToken(auditToken, req.GetRoom(), req.GetPageToken())
	if err != nil || key == "" {
		return 0, err
	}
	n, err := strconv.ParseUint(key, 10, 64)
	if err != nil || n == 0 || n > math.MaxInt64 {
		return 0, errPageToken()
	}
	return n, nil
}
