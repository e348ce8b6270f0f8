package chat

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// maxTokenBytes is far more than a link's token has.
const maxTokenBytes = 128

// linkID returns the id of the link with a token: the token itself is kept nowhere.
func linkID(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:16])
}

// linkedRoom returns the room of a link's token.
func (e *engine) linkedRoom(token string) (state.RoomID, error) {
	if len(token) > maxTokenBytes {
		return "", invalidArgument("link", "must be at most 128 bytes")
	}
	v := e.views.View()
	defer v.Close()
	l, ok, err := v.Link(linkID(token))
	switch {
	case err != nil:
		return "", e.internal("read link", err)
	case !ok:
		return "", resultError(state.Result{Refusal: state.NoSuchLink})
	}
	return l.Room, nil
}

// CreateLink implements chatv1.MemberServiceServer.
func (s *memberService) CreateLink(ctx context.Context, req *chatv1.CreateLinkRequest) (*chatv1.CreateLinkResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	token := rand.Text()
	command := &storev1.CreateLink{Room: req.GetRoom(), Link: linkID(token), MaxUses: req.GetMaxUses()}
	if err := s.do(ctx, req.GetRoom(), who.ID, func() (err error) {
		if command.Role, err = admitted("role", req.GetRole()); err != nil {
			return err
		}
		command.UntilMs, err = s.engine.until(req.GetDuration())
		return err
	}, command); err != nil {
		return nil, err
	}
	v := s.engine.views.View()
	defer v.Close()
	l, ok, err := v.Link(command.GetLink())
	if err != nil {
		return nil, s.engine.internal("read link", err)
	}
	if !ok { // removed by another call
		l = state.Link{Room: state.RoomID(req.GetRoom()), ID: command.GetLink()}
	}
	return &chatv1.CreateLinkResponse{Link: linkProto(l), Token: token}, nil
}

// admitted returns the role that somebody is to have who is let in: guest or, also if it is unset, member.
func admitted(field string, r chatv1.Role) (uint32, error) {
	switch r {
	case chatv1.Role_ROLE_UNSPECIFIED, chatv1.Role_ROLE_MEMBER:
		return uint32(chatv1.Role_ROLE_MEMBER), nil
	case chatv1.Role_ROLE_GUEST:
		return uint32(r), nil
	}
	return 0, invalidArgument(field, "must be guest or member")
}

// RemoveLink implements chatv1.MemberServiceServer.
func (s *memberService) RemoveLink(ctx context.Context, req *chatv1.RemoveLinkRequest) (*chatv1.RemoveLinkResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	return &chatv1.RemoveLinkResponse{}, s.do(ctx, req.GetRoom(), who.ID, func() error {
		return validateUserID("link_id", req.GetLinkId()) // which has the form of one
	}, &storev1.RemoveLink{Room: req.GetRoom(), Link: req.GetLinkId()})
}

// ListLinks implements chatv1.MemberServiceServer.
func (s *memberService) ListLinks(ctx context.Context, req *chatv1.ListLinksRequest) (*chatv1.ListLinksResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	id := state.RoomID(req.GetRoom())
	v := s.engine.views.View()
	defer v.Close()
	if _, err := s.engine.enterAs(state.RoleModerator, v, id, who.ID); err != nil {
		return nil, err
	}
	links, err := v.Links(id)
	if err != nil {
		return nil, s.engine.internal("list links", err)
	}
	resp := &chatv1.ListLinksResponse{}
	for _, l := range links {
		resp.Links = append(resp.Links, linkProto(l))
	}
	return resp, nil
}
