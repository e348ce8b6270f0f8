package chat

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/rialto-rpc/rialto/gen/go/rialto/admin/v1"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// Host is what an operator asks of the server around the chat.
type Host struct {
	Version   string
	Started   time.Time
	FreeBytes func() (n uint64, ok bool) // of the data directory's disk; false: not known
	// BackUp copies the data directory to another one while the server goes on, and returns how large the copy is. Its errors
	// are for the operator.
	BackUp func(to string) (bytes uint64, err error)
}

// operator is who acts by AdminService, in records and to those who see what they did.
var operator = state.Actor{ID: "operator", Name: "Operator", Operator: true}

// adminService implements rialto.admin.v1.AdminService.
type adminService struct {
	adminv1.UnimplementedAdminServiceServer
	*Service
	host Host
}

// RegisterAdmin registers rialto.admin.v1, which asks nobody who they are: the interceptors of [OperatorsOnly] do.
func (s *Service) RegisterAdmin(r grpc.ServiceRegistrar, host Host) {
	adminv1.RegisterAdminServiceServer(r, &adminService{Service: s, host: host})
}

// order appends an operator's command.
func (s *adminService) order(ctx context.Context, command proto.Message) error {
	rec, err := s.engine.record(operator, command)
	if err != nil {
		return err
	}
	_, err = s.engine.append(ctx, rec)
	return err
}

// GetStats implements adminv1.AdminServiceServer.
func (s *adminService) GetStats(context.Context, *adminv1.GetStatsRequest) (*adminv1.GetStatsResponse, error) {
	v := s.engine.views.View()
	defer v.Close()
	stats := s.Stats()
	resp := &adminv1.GetStatsResponse{
		Version:     s.host.Version,
		StartTime:   timestamppb.New(s.host.Started),
		Sessions:    uint64(stats.Sessions),
		Users:       uint64(s.hub.countUsers()),
		LiveRooms:   uint64(stats.Rooms),
		Position:    uint64(v.Pos()),
		Epoch:       string(v.Epoch()),
		DiskFull:    s.engine.views.Full(),
		MemoryBytes: uint64(stats.Memory),
	}
	if free, ok := s.host.FreeBytes(); ok {
		resp.FreeBytes = &free
	}
	return resp, nil
}

// GetUser implements adminv1.AdminServiceServer.
func (s *adminService) GetUser(_ context.Context, req *adminv1.GetUserRequest) (*adminv1.GetUserResponse, error) {
	user := req.GetUserId()
	if err := validateUserID("user_id", user); err != nil {
		return nil, err
	}
	v := s.engine.views.View()
	defer v.Close()
	profile, err := s.engine.profile(v, user)
	if err != nil {
		return nil, err
	}
	rooms, err := v.RoomsOf(user, "", maxAdminPage)
	if err != nil {
		return nil, s.engine.internal("list rooms", err)
	}
	resp := &adminv1.GetUserResponse{User: &chatv1.User{Id: user}, About: profile.About, Emoji: profile.Emoji}
	for _, room := range rooms {
		resp.Rooms = append(resp.Rooms, string(room))
	}
	sessions := slices.DeleteFunc(s.allSessions(), func(c *session) bool { return c.userID() != user })
	slices.SortFunc(sessions, func(a, b *session) int { return cmp.Compare(a.id, b.id) })
	for _, c := range sessions {
		resp.Sessions = append(resp.Sessions, c.describe())
		if shown := c.user.Load(); shown != nil {
			resp.User = shown
		}
	}
	if resp.GetUser().GetDisplayName() == "" {
		if resp.User, err = s.lastKnown(v, state.Actor{ID: user}, rooms); err != nil {
			return nil, err
		}
	}
	resp.Erased = s.engine.views.Bans().Gone(user)
	if ban, banned := s.engine.views.Bans().User(user, s.engine.now().UnixMilli()); banned {
		resp.Ban = serverBanProto(ban)
	}
	return resp, nil
}

// lastKnown returns somebody who is not here under the name of their profile, or that of a membership.
func (s *adminService) lastKnown(v state.View, who state.Actor, rooms []state.RoomID) (*chatv1.User, error) {
	if len(rooms) > 0 {
		member, err := v.Member(rooms[0], who.ID)
		if err != nil {
			return nil, s.engine.internal("read member", err)
		}
		who = member.User
	}
	who, err := s.engine.named(v, who)
	return userProto(who), err
}

// describe is what an operator sees of a session.
func (s *session) describe() *adminv1.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := &adminv1.Session{Rooms: uint32(len(s.rooms))}
	if s.address.IsValid() {
		d.Address = s.address.String()
	}
	return d
}

// DisconnectUser implements adminv1.AdminServiceServer.
func (s *adminService) DisconnectUser(_ context.Context, req *adminv1.DisconnectUserRequest) (*adminv1.DisconnectUserResponse, error) {
	if err := validateUserID("user_id", req.GetUserId()); err != nil {
		return nil, err
	}
	n := s.endSessions(errDisconnected(), func(user string, _ netip.Addr) bool { return user == req.GetUserId() })
	s.engine.log.Info("an operator disconnected a user", "user", req.GetUserId(), "streams", n)
	return &adminv1.DisconnectUserResponse{Sessions: uint32(n)}, nil
}

// BackUp implements adminv1.AdminServiceServer.
func (s *adminService) BackUp(_ context.Context, req *adminv1.BackUpRequest) (*adminv1.BackUpResponse, error) {
	if err := validateDirectory("directory", req.GetDirectory()); err != nil {
		return nil, err
	}
	start := time.Now()
	bytes, err := s.host.BackUp(req.GetDirectory())
	if err != nil {
		return nil, errBackUp(err)
	}
	s.engine.log.Info("an operator backed up the data directory", "to", req.GetDirectory(), "bytes", bytes, "duration", time.Since(start))
	return &adminv1.BackUpResponse{Bytes: bytes}, nil
}

// ArchiveRoom implements adminv1.AdminServiceServer.
func (s *adminService) ArchiveRoom(ctx context.Context, req *adminv1.ArchiveRoomRequest) (*adminv1.ArchiveRoomResponse, error) {
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	if err := s.order(ctx, &storev1.UpdateRoom{Room: req.GetRoom(), Archived: proto.Bool(!req.GetUndo())}); err != nil {
		return nil, err
	}
	v := s.engine.views.View()
	defer v.Close()
	room, err := s.engine.room(v, state.RoomID(req.GetRoom()))
	return &adminv1.ArchiveRoomResponse{Room: roomProto(room)}, err
}

// DeleteRoom implements adminv1.AdminServiceServer.
func (s *adminService) DeleteRoom(ctx context.Context, req *adminv1.DeleteRoomRequest) (*adminv1.DeleteRoomResponse, error) {
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	if err := s.order(ctx, &storev1.DeleteRoom{Room: req.GetRoom()}); err != nil {
		return nil, err
	}
	s.engine.log.Info("room deleted", "room", req.GetRoom(), "by", operator.ID)
	s.keeper.look(state.RoomID(req.GetRoom()))
	return &adminv1.DeleteRoomResponse{}, nil
}

// SetRole implements adminv1.AdminServiceServer.
func (s *adminService) SetRole(ctx context.Context, req *adminv1.SetRoleRequest) (*adminv1.SetRoleResponse, error) {
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	if err := validateUserID("user_id", req.GetUserId()); err != nil {
		return nil, err
	}
	if req.GetRole() == chatv1.Role_ROLE_UNSPECIFIED {
		return nil, invalidArgument("role", "is required")
	}
	if err := validateRole("role", req.GetRole()); err != nil {
		return nil, err
	}
	command := &storev1.SetRole{Room: req.GetRoom(), User: req.GetUserId(), Role: uint32(req.GetRole())}
	if err := s.order(ctx, command); err != nil {
		return nil, err
	}
	member, err := s.engine.current(req.GetRoom(), state.Actor{ID: req.GetUserId()})
	return &adminv1.SetRoleResponse{Member: member}, err
}

// RemoveMember implements adminv1.AdminServiceServer.
func (s *adminService) RemoveMember(ctx context.Context, req *adminv1.RemoveMemberRequest) (*adminv1.RemoveMemberResponse, error) {
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	if err := validateUserID("user_id", req.GetUserId()); err != nil {
		return nil, err
	}
	return &adminv1.RemoveMemberResponse{}, s.order(ctx, &storev1.RemoveMember{Room: req.GetRoom(), User: req.GetUserId()})
}

// countUsers returns how many users have a stream of Connect.
func (h *Hub) countUsers() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.users)
}
