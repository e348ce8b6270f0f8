package chat

import (
	"context"
	"crypto/rand"
	"strings"

	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// Page sizes of lists other than messages.
const (
	defaultListPage = 100
	maxListPage     = 500
)

// maxRoomsRead is how many rooms a page of ListRooms is chosen from.
const maxRoomsRead = 1000

// roomService implements rialto.chat.v1.RoomService.
type roomService struct {
	chatv1.UnimplementedRoomServiceServer
	engine *engine
	keeper *keeper
}

// CreateRoom implements chatv1.RoomServiceServer.
func (s *roomService) CreateRoom(ctx context.Context, req *chatv1.CreateRoomRequest) (*chatv1.CreateRoomResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	id := req.GetRoom()
	if id == "" {
		id = strings.ToLower(rand.Text())
	}
	if err := validateRoom("room", id); err != nil {
		return nil, err
	}
	if state.RoomID(id).Reserved() {
		return nil, invalidArgument("room", "must not start as the ids of direct rooms do")
	}
	if err := validateSettings(req.GetTitle(), req.GetTopic(), req.GetKind(), req.GetPosting()); err != nil {
		return nil, err
	}
	if err := s.engine.admitRoom(network(ctx), who.ID, state.RoomID(id)); err != nil {
		return nil, err
	}
	room, err := s.change(ctx, who, id, &storev1.CreateRoom{Room: id, Settings: &storev1.Settings{
		Title: req.GetTitle(), Topic: req.GetTopic(), Kind: uint32(req.GetKind()), Posting: uint32(req.GetPosting()),
	}})
	if err != nil {
		return nil, err
	}
	return &chatv1.CreateRoomResponse{Room: room}, nil
}

// UpdateRoom implements chatv1.RoomServiceServer.
func (s *roomService) UpdateRoom(ctx context.Context, req *chatv1.UpdateRoomRequest) (*chatv1.UpdateRoomResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	command, err := updateOf(req)
	if err != nil {
		return nil, err
	}
	room, err := s.change(ctx, who, req.GetRoom(), command)
	if err != nil {
		return nil, err
	}
	return &chatv1.UpdateRoomResponse{Room: room}, nil
}

// updateOf returns the command that an UpdateRoom is.
func updateOf(req *chatv1.UpdateRoomRequest) (*storev1.UpdateRoom, error) {
	if err := validateSettings(req.GetTitle(), req.GetTopic(), req.GetKind(), req.GetPosting()); err != nil {
		return nil, err
	}
	command := &storev1.UpdateRoom{Room: req.GetRoom(), Title: req.Title, Topic: req.Topic, Archived: req.Archived, Requests: req.JoinRequests}
	if err := setRetention(command, req); err != nil {
		return nil, err
	}
	if req.SlowMode != nil {
		ms, err := validateDuration("slow_mode", req.GetSlowMode(), maxSlowMode)
		if err != nil {
			return nil, err
		}
		command.SlowModeMs = &ms
	}
	if req.Kind != nil {
		if req.GetKind() == chatv1.RoomKind_ROOM_KIND_UNSPECIFIED {
			return nil, invalidArgument("kind", "must be public or private")
		}
		command.Kind = proto.Uint32(uint32(req.GetKind()))
	}
	if req.Posting != nil {
		command.Posting = proto.Uint32(uint32(req.GetPosting()))
	}
	return command, nil
}

// setRetention takes what an UpdateRoom says about what is kept.
func setRetention(command *storev1.UpdateRoom, req *chatv1.UpdateRoomRequest) error {
	command.ClearRetention = req.GetClearRetention()
	if req.Retention == nil {
		return nil
	}
	if req.GetClearRetention() {
		return invalidArgument("clear_retention", "must not be set together with retention")
	}
	keep, err := validateRetention("retention", req.GetRetention())
	command.Retention = keep
	return err
}

// validateSettings checks what CreateRoom and UpdateRoom have in common.
func validateSettings(title, topic string, kind chatv1.RoomKind, posting chatv1.Role) error {
	if err := validateTitle("title", title); err != nil {
		return err
	}
	if err := validateTopic("topic", topic); err != nil {
		return err
	}
	if kind < 0 || kind > chatv1.RoomKind_ROOM_KIND_PRIVATE {
		return invalidArgument("kind", "must be public or private")
	}
	return validateRole("posting", posting)
}

// change appends a command about a room and returns the room afterwards.
func (s *roomService) change(ctx context.Context, who auth.Principal, id string, command proto.Message) (*chatv1.Room, error) {
	if _, err := s.engine.do(ctx, who, command); err != nil {
		return nil, err
	}
	v := s.engine.views.View()
	defer v.Close()
	room, err := s.engine.room(v, state.RoomID(id))
	if err != nil {
		return nil, err
	}
	return roomProto(room), nil
}

// DeleteRoom implements chatv1.RoomServiceServer.
func (s *roomService) DeleteRoom(ctx context.Context, req *chatv1.DeleteRoomRequest) (*chatv1.DeleteRoomResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	if _, err := s.engine.do(ctx, who, &storev1.DeleteRoom{Room: req.GetRoom()}); err != nil {
		return nil, err
	}
	s.engine.log.Info("room deleted", "room", req.GetRoom(), "by", who.ID)
	s.keeper.look(state.RoomID(req.GetRoom()))
	return &chatv1.DeleteRoomResponse{}, nil
}

// GetRoom implements chatv1.RoomServiceServer.
func (s *roomService) GetRoom(ctx context.Context, req *chatv1.GetRoomRequest) (*chatv1.GetRoomResponse, error) {
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	id := state.RoomID(req.GetRoom())
	v, err := s.engine.viewAt(ctx, id, callerID(ctx), req.GetMinRev())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	user := callerID(ctx)
	room, member, err := s.engine.enter(v, id, user)
	if err != nil {
		return nil, err
	}
	resp := &chatv1.GetRoomResponse{Room: roomProto(room), Epoch: string(v.Epoch())}
	if member != (state.Member{}) {
		resp.Member = memberProto(member)
	}
	if user == "" {
		return resp, nil
	}
	seq, err := v.ReadMarker(id, user)
	if err != nil {
		return nil, s.engine.internal("read marker", err)
	}
	resp.Read = readMarkerProto(id, seq, room.Head)
	return resp, nil
}

// ListRooms implements chatv1.RoomServiceServer.
func (s *roomService) ListRooms(ctx context.Context, req *chatv1.ListRoomsRequest) (*chatv1.ListRoomsResponse, error) {
	pages := s.engine.listing(roomsToken, "")
	after, err := pages.after(req.GetPageToken())
	if err != nil {
		return nil, err
	}
	n := pageSize(req.GetPageSize(), defaultListPage, maxListPage)
	v := s.engine.views.View()
	defer v.Close()
	rooms, next, err := s.visible(v, state.RoomID(after), n, callerID(ctx))
	if err != nil {
		return nil, err
	}
	resp := &chatv1.ListRoomsResponse{}
	if next != "" {
		resp.NextPageToken = pages.token(string(next))
	}
	for _, room := range rooms {
		resp.Rooms = append(resp.Rooms, roomProto(room))
	}
	resp.Read, err = s.readMarkers(ctx, v, rooms)
	return resp, err
}

// visible returns up to n rooms after one that a user may see, and after which to go on; "" if there are no more. What they may
// not see counts for nothing, so that it cannot be told from where pages end, unless there are hundreds of it in a row: one page
// looks at maxRoomsRead rooms.
func (s *roomService) visible(v state.View, after state.RoomID, n int, user string) (seen []state.Room, next state.RoomID, err error) {
	more := n + 1 // enough where they may see all
	for read := 0; read < maxRoomsRead; {
		rooms, err := v.Rooms(after, min(more, maxRoomsRead-read))
		if err != nil {
			return nil, "", s.engine.internal("list rooms", err)
		}
		if len(rooms) == 0 {
			return seen, "", nil
		}
		for _, room := range rooms {
			sees, err := s.engine.sees(v, room, user)
			if err != nil {
				return nil, "", err
			}
			if sees && len(seen) == n {
				return seen, after, nil
			}
			if sees {
				seen = append(seen, room)
			}
			after = room.ID
		}
		read, more = read+len(rooms), maxListPage
	}
	return seen, after, nil
}

// readMarkers returns the caller's markers in rooms, in the same order; none for nobody.
func (s *roomService) readMarkers(ctx context.Context, v state.View, rooms []state.Room) ([]*chatv1.ReadMarker, error) {
	who, ok := auth.FromContext(ctx)
	if !ok {
		return nil, nil
	}
	markers := make([]*chatv1.ReadMarker, len(rooms))
	for i, room := range rooms {
		seq, err := v.ReadMarker(room.ID, who.ID)
		if err != nil {
			return nil, s.engine.internal("read marker", err)
		}
		markers[i] = readMarkerProto(room.ID, seq, room.Head)
	}
	return markers, nil
}
