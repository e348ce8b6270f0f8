package chat

import (
	"context"

	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// memberService implements rialto.chat.v1.MemberService.
type memberService struct {
	chatv1.UnimplementedMemberServiceServer
	engine  *engine
	markers *markers // those of the sessions, so that of all a user sets the last one wins
}

// AddMember implements chatv1.MemberServiceServer.
func (s *memberService) AddMember(ctx context.Context, req *chatv1.AddMemberRequest) (*chatv1.AddMemberResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	command := &storev1.AddMember{Room: req.GetRoom(), MaxMembers: s.engine.maxMembers()}
	if token := req.GetLink(); token != "" {
		command.Link = linkID(token)
		room, err := s.engine.linkedRoom(token)
		if err != nil {
			return nil, err
		}
		if command.Room == "" {
			command.Room = string(room)
		}
	}
	if err := s.do(ctx, command.GetRoom(), who.ID, nothingElse, command); err != nil {
		return nil, err
	}
	m, err := s.engine.current(command.GetRoom(), actorOf(who))
	return &chatv1.AddMemberResponse{Member: m}, err
}

// maxMembers is what a command carries that may make somebody a member: Apply decides by it.
func (e *engine) maxMembers() uint64 { return uint64(e.limits.Members) }

// RemoveMember implements chatv1.MemberServiceServer.
func (s *memberService) RemoveMember(ctx context.Context, req *chatv1.RemoveMemberRequest) (*chatv1.RemoveMemberResponse, error) {
	user, err := orCaller(ctx, req.GetUserId())
	if err != nil {
		return nil, err
	}
	return &chatv1.RemoveMemberResponse{}, s.do(ctx, req.GetRoom(), user, nothingElse,
		&storev1.RemoveMember{Room: req.GetRoom(), User: user})
}

// UpdateMember implements chatv1.MemberServiceServer.
func (s *memberService) UpdateMember(ctx context.Context, req *chatv1.UpdateMemberRequest) (*chatv1.UpdateMemberResponse, error) {
	if err := s.do(ctx, req.GetRoom(), req.GetUserId(), func() error {
		if req.GetRole() == chatv1.Role_ROLE_UNSPECIFIED {
			return invalidArgument("role", "is required")
		}
		return validateRole("role", req.GetRole())
	}, &storev1.SetRole{Room: req.GetRoom(), User: req.GetUserId(), Role: uint32(req.GetRole())}); err != nil {
		return nil, err
	}
	m, err := s.engine.current(req.GetRoom(), state.Actor{ID: req.GetUserId()})
	return &chatv1.UpdateMemberResponse{Member: m}, err
}

// do appends a command about somebody in a room. What validate checks comes after the caller, the room and the user.
func (s *memberService) do(ctx context.Context, room, user string, validate func() error, command proto.Message) error {
	who, err := caller(ctx)
	if err != nil {
		return err
	}
	if err := validateRoom("room", room); err != nil {
		return err
	}
	if user != who.ID { // as the server made it
		if err := validateUserID("user_id", user); err != nil {
			return err
		}
	}
	if err := validate(); err != nil {
		return err
	}
	_, err = s.engine.do(ctx, who, command)
	return err
}

// orCaller returns the user that a request names, or the caller where it names none.
func orCaller(ctx context.Context, user string) (string, error) {
	who, err := caller(ctx)
	if err != nil || user != "" {
		return user, err
	}
	return who.ID, nil
}

// current returns what somebody is in a room now.
func (e *engine) current(room string, who state.Actor) (*chatv1.Member, error) {
	v := e.views.View()
	defer v.Close()
	m, err := v.Member(state.RoomID(room), who.ID)
	if err != nil {
		return nil, e.internal("read member", err)
	}
	if m == (state.Member{}) { // removed by another call
		m = state.Member{Room: state.RoomID(room), User: who}
	}
	if m.User, err = e.named(v, m.User); err != nil {
		return nil, err
	}
	return memberProto(m), nil
}

// ListMembers implements chatv1.MemberServiceServer.
func (s *memberService) ListMembers(ctx context.Context, req *chatv1.ListMembersRequest) (*chatv1.ListMembersResponse, error) {
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	pages := s.engine.listing(membersToken, req.GetRoom())
	after, err := pages.after(req.GetPageToken())
	if err != nil {
		return nil, err
	}
	id := state.RoomID(req.GetRoom())
	v, err := s.engine.viewAt(ctx, id, callerID(ctx), req.GetMinRev())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	if _, _, err := s.engine.enter(v, id, callerID(ctx)); err != nil {
		return nil, err
	}
	n := pageSize(req.GetPageSize(), defaultListPage, maxListPage)
	members, err := v.Members(id, after, n+1) // one more, to know whether there is a next page
	if err != nil {
		return nil, s.engine.internal("list members", err)
	}
	resp := &chatv1.ListMembersResponse{}
	members, resp.NextPageToken = page(pages, members, n, func(m state.Member) string { return m.User.ID })
	if resp.Members, err = s.engine.membersProto(v, members); err != nil {
		return nil, err
	}
	return resp, nil
}

// MarkRead implements chatv1.MemberServiceServer.
func (s *memberService) MarkRead(ctx context.Context, req *chatv1.MarkReadRequest) (*chatv1.MarkReadResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	rec, err := s.engine.markReadRecord(actorOf(who), unaryPaths, &chatv1.MarkRead{Room: req.GetRoom(), Seq: req.GetSeq()})
	if err != nil {
		return nil, err
	}
	key := markerKey{room: state.RoomID(req.GetRoom()), user: who.ID}
	if err := s.engine.admitWrite(network(ctx), key.user, ""); err != nil { // the room does not change by it
		return nil, err
	}
	return s.setMarker(ctx, key, req.GetSeq(), rec)
}

// setMarker waits until a marker, or a later one of the same user, is stored.
func (s *memberService) setMarker(ctx context.Context, key markerKey, seq uint64, rec state.Record) (*chatv1.MarkReadResponse, error) {
	type outcome struct {
		marker *chatv1.ReadMarker
		err    error
	}
	stored := make(chan outcome, 1)
	if err := s.markers.set(key, seq, rec, func(m *chatv1.ReadMarker, err error) { stored <- outcome{m, err} }); err != nil {
		return nil, err
	}
	select {
	case o := <-stored:
		if o.err != nil {
			return nil, o.err
		}
		return &chatv1.MarkReadResponse{Read: o.marker}, nil
	case <-ctx.Done(): // it will be stored
		return nil, contextError(ctx.Err())
	}
}

// GetReadMarker implements chatv1.MemberServiceServer.
func (s *memberService) GetReadMarker(ctx context.Context, req *chatv1.GetReadMarkerRequest) (*chatv1.GetReadMarkerResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	marker, err := s.engine.readMarker(state.RoomID(req.GetRoom()), who.ID)
	if err != nil {
		return nil, err
	}
	return &chatv1.GetReadMarkerResponse{Read: marker}, nil
}

// readMarker returns how far a user has read in a room that they may see.
func (e *engine) readMarker(id state.RoomID, user string) (*chatv1.ReadMarker, error) {
	v := e.views.View()
	defer v.Close()
	room, _, err := e.enter(v, id, user)
	if err != nil {
		return nil, err
	}
	seq, err := v.ReadMarker(id, user)
	if err != nil {
		return nil, e.internal("read marker", err)
	}
	return readMarkerProto(id, seq, room.Head), nil
}
