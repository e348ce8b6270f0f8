package state

import storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"

// MaxLinks is how many links a room has at most. Apply decides on it: changing it needs a new record version.
const MaxLinks = 20

// createLink makes a link. It takes no rev: what it lets in is seen when it comes.
func (t *transaction) createLink(r *Record, c *storev1.CreateLink) (Result, error) {
	in, refusal, err := t.enterAs(RoleModerator, c.GetRoom(), r)
	if err != nil || refusal != Accepted {
		return Result{Refusal: refusal}, err
	}
	if in.value.GetSettings().GetArchiveTimeMs() != 0 {
		return Result{Refusal: RoomArchived}, nil
	}
	there, err := t.link(c.GetLink())
	switch {
	case err != nil || there.room != "": // ids are random: only a repetition has one that is there
		return Result{}, err
	case in.value.GetLinks() >= MaxLinks:
		return Result{Refusal: TooManyLinks}, nil
	}
	in.value.Links++
	t.touch(in.room)
	err = t.putLink(c.GetLink(), link{in.id, &storev1.LinkValue{
		By: actorToValue(r.Actor), Role: c.GetRole(), TimeMs: in.now, UntilMs: c.GetUntilMs(), MaxUses: c.GetMaxUses(),
	}})
	if err != nil {
		return Result{}, err
	}
	return Result{}, t.audit(in.room, r, &storev1.ActValue{
		Action: uint32(LinkCreated), Text: c.GetLink(), Role: c.GetRole(), UntilMs: c.GetUntilMs(),
	})
}

// removeLink ends a link. One that is not the room's changes nothing.
func (t *transaction) removeLink(r *Record, c *storev1.RemoveLink) (Result, error) {
	in, refusal, err := t.enterAs(RoleModerator, c.GetRoom(), r)
	if err != nil || refusal != Accepted {
		return Result{Refusal: refusal}, err
	}
	there, err := t.link(c.GetLink())
	if err != nil || there.room != in.id {
		return Result{}, err
	}
	in.value.Links--
	t.touch(in.room)
	if err := t.removeLinkRows(c.GetLink(), in.id); err != nil {
		return Result{}, err
	}
	return Result{}, t.audit(in.room, r, &storev1.ActValue{Action: uint32(LinkRemoved), Text: c.GetLink()})
}

// useLink makes the actor a member by a link, who is none and not banned.
func (t *transaction) useLink(room *room, r *Record, c *storev1.AddMember, now int64) (Result, error) {
	there, err := t.link(c.GetLink())
	if err != nil {
		return Result{}, err
	}
	v := there.value
	if there.room != room.id || v.GetUntilMs() != 0 && v.GetUntilMs() <= now || v.GetMaxUses() != 0 && v.GetUses() >= v.GetMaxUses() {
		return Result{Refusal: NoSuchLink}, nil
	}
	if room.value.GetSettings().GetArchiveTimeMs() != 0 {
		return Result{Refusal: RoomArchived}, nil
	}
	if room.full(c) {
		return Result{Refusal: TooManyMembers}, nil
	}
	v.Uses++
	if err := t.putLink(c.GetLink(), there); err != nil {
		return Result{}, err
	}
	return t.makeMember(room, r, r.Actor, Role(v.GetRole()))
}
