package chat

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// enter returns a room that user may see, "" being nobody, and what they are in it. A room that they may not see is
// errNoSuchRoom like one that does not exist. What a View says counts for reads; commands are judged anew by Apply.
func (e *engine) enter(v state.View, id state.RoomID, user string) (state.Room, state.Member, error) {
	room, err := e.room(v, id)
	if err != nil {
		return state.Room{}, state.Member{}, err
	}
	member, refusal, err := e.visitor(v, room, user)
	if err == nil {
		err = resultError(state.Result{Refusal: refusal})
	}
	if err != nil {
		return state.Room{}, state.Member{}, err
	}
	return room, member, nil
}

// visitor returns what user is in a room, "" being nobody, and why they may not see it.
func (e *engine) visitor(v state.View, room state.Room, user string) (member state.Member, refusal state.Refusal, err error) {
	if user != "" {
		if member, err = v.Member(room.ID, user); err != nil {
			return state.Member{}, state.Accepted, e.internal("read member", err)
		}
	}
	return member, room.MaySee(member, e.now().UnixMilli()), nil
}

// sees reports whether user may see a room that a View lists, "" being nobody.
func (e *engine) sees(v state.View, room state.Room, user string) (bool, error) {
	if room.Deleted != 0 {
		return false, nil
	}
	_, refusal, err := e.visitor(v, room, user)
	return err == nil && refusal == state.Accepted, err
}

// enterAs is enter for those who have a role.
func (e *engine) enterAs(least state.Role, v state.View, id state.RoomID, user string) (state.Room, error) {
	room, member, err := e.enter(v, id, user)
	if err == nil && member.Role < least {
		err = resultError(state.Result{Refusal: state.RoleTooLow})
	}
	return room, err
}

// mayTell returns why somebody may not tell a room anything that is not kept, and whether there is that room: in one that
// there is not yet everybody may.
func (e *engine) mayTell(id state.RoomID, user string) (exists bool, err error) {
	v := e.views.View()
	defer v.Close()
	room, exists, err := v.Room(id)
	if err != nil {
		return false, e.internal("read room", err)
	}
	if !exists {
		return false, nil
	}
	member, err := v.Member(id, user)
	if err != nil {
		return true, e.internal("read member", err)
	}
	if err := resultError(room.MayPost(member, e.now().UnixMilli())); err != nil {
		return true, err
	}
	return true, e.mayTalk(v, room, user)
}

// mayTalk refuses what is said in a direct room of two if the other has blocked the user.
func (e *engine) mayTalk(v state.View, room state.Room, user string) error {
	other := room.Opposite(user)
	if other == "" {
		return nil
	}
	blocked, err := v.HasBlocked(other, user)
	if err != nil {
		return e.internal("read block", err)
	}
	if blocked {
		return resultError(state.Result{Refusal: state.Blocked})
	}
	return nil
}

// maySee reports whether err, of enter, says that somebody may see a room: false for a refusal, which is no error then.
func maySee(err error) (bool, error) {
	switch status.Code(err) {
	case codes.OK:
		return true, nil
	case codes.NotFound, codes.PermissionDenied:
		return false, nil
	}
	return false, err
}
