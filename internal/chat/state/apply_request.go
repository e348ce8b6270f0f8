package state

import storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"

// MaxRequests is how many may ask to become members of a room at a time. Apply decides on it: changing it needs a new
// record version.
const MaxRequests = 1000

// askToJoin lets the actor ask to become a member of a private room that takes requests. Of all other private rooms, and of
// those that do not exist, it says nothing. A public room makes a member at once.
func (t *transaction) askToJoin(r *Record, c *storev1.AskToJoin) (Result, error) {
	room, err := t.room(c.GetRoom())
	if err != nil || room == nil {
		return Result{}, err
	}
	settings := room.value.GetSettings()
	if RoomKind(settings.GetKind()) == Public {
		return t.addMember(r, &storev1.AddMember{Room: c.GetRoom(), MaxMembers: c.GetMaxMembers()})
	}
	id := memberID{room.id, r.Actor.ID}
	actor, err := t.person(room, r.Actor.ID)
	if err != nil || actor.Role != RoleNone || actor.BannedAt(changeTime(r.Time, room.value.GetUpdateTimeMs())) {
		return Result{}, err
	}
	there, err := t.request(id)
	if err != nil || there != nil || !settings.GetRequests() || settings.GetArchiveTimeMs() != 0 ||
		room.value.GetRequests() >= MaxRequests {
		return Result{}, err
	}
	return Result{}, t.putRequest(room, &storev1.RequestValue{
		Actor: actorToValue(r.Actor), Note: c.GetNote(), TimeMs: changeTime(r.Time, room.value.GetUpdateTimeMs()),
	})
}

// answerRequest lets somebody in who asked, or does not. Whom nobody asks for changes nothing.
func (t *transaction) answerRequest(r *Record, c *storev1.AnswerRequest) (Result, error) {
	in, refusal, err := t.enterAs(RoleModerator, c.GetRoom(), r)
	if err != nil || refusal != Accepted {
		return Result{Refusal: refusal}, err
	}
	id := memberID{in.id, c.GetUser()}
	request, err := t.request(id)
	if err != nil || request == nil {
		return Result{}, err
	}
	action := RequestDeclined
	if c.GetAccept() {
		if action = RequestAccepted; in.value.GetSettings().GetArchiveTimeMs() != 0 {
			return Result{Refusal: RoomArchived}, nil
		}
		if in.full(c) {
			return Result{Refusal: TooManyMembers}, nil
		}
	}
	if err := t.removeRequest(in.room, id); err != nil {
		return Result{}, err
	}
	if err := t.audit(in.room, r, &storev1.ActValue{Action: uint32(action), User: c.GetUser()}); err != nil {
		return Result{}, err
	}
	if !c.GetAccept() {
		return Result{}, nil
	}
	return t.makeMember(in.room, r, actorFromValue(request.GetActor()), RoleMember)
}
