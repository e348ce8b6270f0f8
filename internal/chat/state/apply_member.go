package state

import storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"

// setMember makes the actor a member of a room, or ends that. What is already so changes nothing: an owner stays one.
func (t *transaction) setMember(r *Record, c *storev1.SetMember) (Result, error) {
	room, err := t.room(c.GetRoom())
	if err != nil || room == nil {
		return Result{Refusal: NoSuchRoom}, err
	}
	id := memberID{room.id, r.Actor.ID}
	v, err := t.member(id)
	if err != nil || (v == nil) == c.GetRemove() {
		return Result{}, err
	}
	result := t.advance(room, r.Time)
	kind := MemberRemoved
	if c.GetRemove() {
		err = t.removeMember(id)
	} else {
		kind = MemberChanged
		v = &storev1.MemberValue{Actor: actorToValue(r.Actor), Role: uint32(RoleMember), CreateTimeMs: result.Time}
		err = t.putMember(id, v)
	}
	if err != nil {
		return Result{}, err
	}
	event, err := t.record(room, kind, r.Actor, &storev1.ChangeValue{Member: v})
	member := memberFromValue(room.id, v)
	event.Member = &member
	return result, err
}

// role returns what somebody is in a room.
func (t *transaction) role(room *room, user string) (Role, error) {
	v, err := t.member(memberID{room.id, user})
	return Role(v.GetRole()), err
}

// markRead sets the actor's read marker, also to a lower seq. It takes no rev; others do not see it.
func (t *transaction) markRead(r *Record, c *storev1.MarkRead) (Result, error) {
	room, err := t.room(c.GetRoom())
	if err != nil || room == nil {
		return Result{Refusal: NoSuchRoom}, err
	}
	if c.GetSeq() > room.value.GetHeadSeq() {
		return Result{Refusal: SeqAboveHead}, nil
	}
	marker, err := t.marker(memberID{room.id, r.Actor.ID})
	if err == nil && marker != c.GetSeq() {
		err = t.putMarker(room, r.Actor.ID, c.GetSeq())
	}
	return Result{Seq: c.GetSeq()}, err
}
