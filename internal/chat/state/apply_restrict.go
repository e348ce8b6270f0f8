package state

import (
	"errors"

	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// mute keeps somebody from posting, or lets them again. What is already so changes nothing.
func (t *transaction) mute(r *Record, c *storev1.Mute) (Result, error) {
	in, v, refusal, err := t.below(c.GetRoom(), c.GetUser(), r)
	if err != nil || refusal != Accepted {
		return Result{Refusal: refusal}, err
	}
	is := memberFromValue(in.id, v)
	if c.GetLift() {
		if v.GetMute() == nil {
			return Result{}, nil
		}
		v.Mute = nil
		if err := t.audit(in.room, r, &storev1.ActValue{Action: uint32(Unmuted), User: c.GetUser()}); err != nil {
			return Result{}, err
		}
		return t.changeMember(in.room, r, v)
	}
	if is.MutedAt(in.now) && v.GetMute().GetUntilMs() == c.GetUntilMs() {
		return Result{}, nil
	}
	v.Mute = &storev1.Restriction{By: actorToValue(r.Actor), TimeMs: in.now, UntilMs: c.GetUntilMs()}
	act := &storev1.ActValue{Action: uint32(MutedSomebody), User: c.GetUser(), UntilMs: c.GetUntilMs()}
	if err := t.audit(in.room, r, act); err != nil {
		return Result{}, err
	}
	return t.changeMember(in.room, r, v)
}

// ban shuts somebody out, whom it makes no member any more, or lets them in again. Only the first takes a rev.
func (t *transaction) ban(r *Record, c *storev1.Ban) (Result, error) {
	in, v, refusal, err := t.below(c.GetRoom(), c.GetUser(), r)
	if err != nil || refusal != Accepted {
		return Result{Refusal: refusal}, err
	}
	is := memberFromValue(in.id, v)
	before := proto.CloneOf(v)
	if c.GetLift() {
		if v.GetBan() == nil {
			return Result{}, nil
		}
		v.Ban = nil
		if err := t.audit(in.room, r, &storev1.ActValue{Action: uint32(Unbanned), User: c.GetUser()}); err != nil {
			return Result{}, err
		}
		return Result{}, t.putMember(in.room, v)
	}
	v.Ban = &storev1.Restriction{
		By: actorToValue(r.Actor), TimeMs: in.now, UntilMs: c.GetUntilMs(), Reason: c.GetReason(),
	}
	act := &storev1.ActValue{
		Action: uint32(BannedSomebody), User: c.GetUser(), UntilMs: c.GetUntilMs(), Text: c.GetReason(),
	}
	if err := t.audit(in.room, r, act); err != nil {
		return Result{}, err
	}
	if is.BannedAt(in.now) {
		return Result{}, t.putMember(in.room, v)
	}
	id := memberID{in.id, c.GetUser()}
	if err := errors.Join(t.removeInvitation(id), t.removeRequest(in.room, id)); err != nil {
		return Result{}, err
	}
	return t.dismiss(in.room, r, before, v)
}

// below returns the room of a moderator's command and what the one it concerns is there, to be changed: somebody with a
// lower role.
func (t *transaction) below(room, user string, r *Record) (entered, *storev1.MemberValue, Refusal, error) {
	in, refusal, err := t.enterAs(RoleModerator, room, r)
	if err != nil || refusal != Accepted {
		return in, nil, refusal, err
	}
	v, err := t.memberCopy(memberID{in.id, user}, Actor{ID: user})
	if err == nil && Role(v.GetRole()) >= in.actor.Role {
		refusal = RoleTooLow
	}
	return in, v, refusal, err
}
