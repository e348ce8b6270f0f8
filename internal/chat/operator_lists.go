package chat

import (
	"context"
	"strconv"

	adminv1 "github.com/rialto-rpc/rialto/gen/go/rialto/admin/v1"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

const (
	maxAdminPage  = 1000 // entries of a list for operators
	maxModerators = 100  // that GetRoom names
)

// ListRooms implements adminv1.AdminServiceServer.
func (s *adminService) ListRooms(_ context.Context, req *adminv1.ListRoomsRequest) (*adminv1.ListRoomsResponse, error) {
	pages := s.engine.listing(roomsToken, "")
	after, err := pages.after(req.GetPageToken())
	if err != nil {
		return nil, err
	}
	n := pageSize(req.GetPageSize(), defaultListPage, maxAdminPage)
	v := s.engine.views.View()
	defer v.Close()
	rooms, err := v.Rooms(state.RoomID(after), n+1) // one more, to know whether there is a next page
	if err != nil {
		return nil, s.engine.internal("list rooms", err)
	}
	resp := &adminv1.ListRoomsResponse{}
	rooms, resp.NextPageToken = page(pages, rooms, n, func(r state.Room) string { return string(r.ID) })
	for _, room := range rooms {
		if room.Deleted == 0 {
			resp.Rooms = append(resp.Rooms, roomProto(room))
		}
	}
	return resp, nil
}

// GetRoom implements adminv1.AdminServiceServer.
func (s *adminService) GetRoom(_ context.Context, req *adminv1.GetRoomRequest) (*adminv1.GetRoomResponse, error) {
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	v := s.engine.views.View()
	defer v.Close()
	room, err := s.engine.room(v, state.RoomID(req.GetRoom()))
	if err != nil {
		return nil, err
	}
	moderators, err := s.moderators(v, room.ID)
	return &adminv1.GetRoomResponse{Room: roomProto(room), Moderators: moderators}, err
}

// moderators returns the first of those with a role above that of a member.
func (s *adminService) moderators(v state.View, room state.RoomID) ([]*chatv1.Member, error) {
	var found []state.Member
	for after := ""; len(found) < maxModerators; {
		members, err := v.Members(room, after, maxAdminPage)
		if err != nil {
			return nil, s.engine.internal("list members", err)
		}
		if len(members) == 0 {
			break
		}
		for _, m := range members {
			if m.Role >= state.RoleModerator && len(found) < maxModerators {
				found = append(found, m)
			}
		}
		after = members[len(members)-1].User.ID
	}
	return s.engine.membersProto(v, found)
}

// ListMembers implements adminv1.AdminServiceServer.
func (s *adminService) ListMembers(_ context.Context, req *adminv1.ListMembersRequest) (*adminv1.ListMembersResponse, error) {
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	pages := s.engine.listing(membersToken, req.GetRoom())
	after, err := pages.after(req.GetPageToken())
	if err != nil {
		return nil, err
	}
	n := pageSize(req.GetPageSize(), defaultListPage, maxAdminPage)
	v := s.engine.views.View()
	defer v.Close()
	room, err := s.engine.room(v, state.RoomID(req.GetRoom()))
	if err != nil {
		return nil, err
	}
	members, err := v.Members(room.ID, after, n+1) // one more, to know whether there is a next page
	if err != nil {
		return nil, s.engine.internal("list members", err)
	}
	resp := &adminv1.ListMembersResponse{}
	members, resp.NextPageToken = page(pages, members, n, func(m state.Member) string { return m.User.ID })
	resp.Members, err = s.engine.membersProto(v, members)
	return resp, err
}

// ListActs implements adminv1.AdminServiceServer.
func (s *adminService) ListActs(_ context.Context, req *adminv1.ListActsRequest) (*adminv1.ListActsResponse, error) {
	pages := s.engine.listing(actsToken, "")
	before, err := pages.before(req.GetPageToken())
	if err != nil {
		return nil, err
	}
	n := pageSize(req.GetPageSize(), defaultListPage, maxAdminPage)
	v := s.engine.views.View()
	defer v.Close()
	acts, err := v.OperatorActs(before, n+1) // one more, to know whether there is a next page
	if err != nil {
		return nil, s.engine.internal("list acts", err)
	}
	resp := &adminv1.ListActsResponse{}
	acts, resp.NextPageToken = page(pages, acts, n, func(a state.OperatorAct) string { return strconv.FormatUint(a.N, 10) })
	for _, a := range acts {
		resp.Acts = append(resp.Acts, operatorActProto(a))
	}
	return resp, nil
}

func operatorActProto(a state.OperatorAct) *adminv1.Act {
	return &adminv1.Act{
		Number:   a.N,
		Action:   adminv1.Action(a.Action),
		Time:     timeProto(a.Time),
		Room:     string(a.Room),
		UserId:   a.User,
		Prefix:   a.Prefix,
		EndTime:  timeProto(a.Until),
		Reason:   a.Reason,
		Role:     chatv1.Role(a.Role),
		Messages: a.Messages,
	}
}
