package chat

import (
	"context"
	"fmt"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// userService implements rialto.chat.v1.UserService.
type userService struct {
	chatv1.UnimplementedUserServiceServer
	engine *engine
}

const (
	maxProfiles   = 100 // of one GetProfiles
	maxAboutChars = 280
)

// UpdateProfile implements chatv1.UserServiceServer.
func (s *userService) UpdateProfile(ctx context.Context, req *chatv1.UpdateProfileRequest) (*chatv1.UpdateProfileResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if err := validateProfile(req); err != nil {
		return nil, err
	}
	command := &storev1.SetProfile{Name: req.DisplayName, About: req.About, Emoji: req.Emoji}
	if _, err := s.engine.do(ctx, who, command); err != nil {
		return nil, err
	}
	v := s.engine.views.View()
	defer v.Close()
	p, err := s.engine.profile(v, who.ID)
	return &chatv1.UpdateProfileResponse{Profile: profileProto(who.ID, p)}, err
}

// validateProfile checks what is set, and not empty.
func validateProfile(req *chatv1.UpdateProfileRequest) error {
	if name := req.GetDisplayName(); name != "" {
		if err := validateName("display_name", name); err != nil {
			return err
		}
	}
	if err := validateAbout("about", req.GetAbout()); err != nil {
		return err
	}
	if emoji := req.GetEmoji(); emoji != "" {
		return validateEmoji("emoji", emoji)
	}
	return nil
}

// GetProfiles implements chatv1.UserServiceServer.
func (s *userService) GetProfiles(ctx context.Context, req *chatv1.GetProfilesRequest) (*chatv1.GetProfilesResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	users := req.GetUserIds()
	if len(users) > maxProfiles {
		return nil, invalidArgument("user_ids", "must be at most 100")
	}
	for i, user := range users {
		if err := validateUserID(fmt.Sprintf("user_ids[%d]", i), user); err != nil {
			return nil, err
		}
	}
	if len(users) == 0 {
		users = []string{who.ID}
	}
	v := s.engine.views.View()
	defer v.Close()
	resp := &chatv1.GetProfilesResponse{}
	for _, user := range users {
		p, err := s.engine.profile(v, user)
		if err != nil {
			return nil, err
		}
		resp.Profiles = append(resp.Profiles, profileProto(user, p))
	}
	return resp, nil
}

func (e *engine) profile(v state.View, user string) (state.Profile, error) {
	p, err := v.Profile(user)
	if err != nil {
		return state.Profile{}, e.internal("read profile", err)
	}
	return p, nil
}

// actor returns who a caller is to the state machine, under the name of their profile if it has one.
func (e *engine) actor(p auth.Principal) (state.Actor, error) {
	v := e.views.View()
	defer v.Close()
	return e.named(v, actorOf(p))
}

// named returns somebody under the name of their profile, if it has one.
func (e *engine) named(v state.View, who state.Actor) (state.Actor, error) {
	p, err := e.profile(v, who.ID)
	if p.Name != "" {
		who.Name = p.Name
	}
	return who, err
}

// membersProto returns members as they are called now.
func (e *engine) membersProto(v state.View, members []state.Member) ([]*chatv1.Member, error) {
	all := make([]*chatv1.Member, len(members))
	for i, m := range members {
		var err error
		if m.User, err = e.named(v, m.User); err != nil {
			return nil, err
		}
		all[i] = memberProto(m)
	}
	return all, nil
}

// author returns the session's user under the name that is theirs now.
func (s *session) author() state.Actor {
	a := s.actor
	a.Name = s.user.Load().GetDisplayName()
	return a
}

// lookAtProfile takes the name of the newest profile.
func (s *session) lookAtProfile() error {
	v := s.service.engine.views.View()
	p, err := s.service.engine.profile(v, s.actor.ID)
	pos := v.Pos()
	v.Close()
	if err == nil {
		s.rename(p, pos)
	}
	return err
}

// rename shows the session's user under the name of a profile as it was at a position, unless a newer one is known. It returns
// who they are from now on; nil if that is what they were.
func (s *session) rename(p state.Profile, at state.Pos) *chatv1.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.user.Load()
	if was == nil || at < s.namedAt {
		return nil
	}
	s.namedAt = at
	is := s.actor
	if p.Name != "" {
		is.Name = p.Name
	}
	if is.Name == was.GetDisplayName() {
		return nil
	}
	s.user.Store(userProto(is))
	return s.user.Load()
}

func profileProto(user string, p state.Profile) *chatv1.Profile {
	return &chatv1.Profile{UserId: user, DisplayName: p.Name, About: p.About, Emoji: p.Emoji, UpdateTime: timeProto(p.Time)}
}
