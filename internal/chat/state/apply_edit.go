package state

import (
	"slices"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// edit replaces the text of a message of the actor's own, and whom it mentions. The same again changes nothing, whatever
// rev was expected, so that an edit whose outcome is unknown can be repeated.
func (t *transaction) edit(r *Record, c *storev1.Edit) (Result, error) {
	in, v, refusal, err := t.find(c.GetRoom(), c.GetSeq(), r)
	if err != nil || refusal != Accepted {
		return Result{Refusal: refusal}, err
	}
	text, isText := v.GetBody().GetKind().(*storev1.Body_Text)
	switch {
	case v.GetSender().GetId() != r.Actor.ID:
		return Result{Refusal: NotSender}, nil
	case v.GetDeleteTimeMs() != 0:
		return Result{Refusal: MessageDeleted}, nil
	case !isText:
		return Result{Refusal: MessageNotText}, nil
	}
	if result, err := t.mayWrite(in, r.Actor.ID); err != nil || result.Refusal != Accepted {
		return result, err
	}
	mentions := t.present(c.GetMentions())
	switch {
	case text.Text == c.GetText() && slices.Equal(v.GetMentions(), mentions):
		return Result{Seq: c.GetSeq()}, nil
	case c.ExpectedRev != nil && c.GetExpectedRev() != v.GetRev():
		return Result{Refusal: RevMoved}, nil
	}
	t.removed(in.room)
	result := t.advance(in.room, r.Time)
	result.Seq = c.GetSeq()
	v.Body = &storev1.Body{Kind: &storev1.Body_Text{Text: c.GetText()}}
	if err := t.setMentions(in.id, result.Seq, r.Actor.ID, v.GetMentions(), mentions); err != nil {
		return Result{}, err
	}
	v.Mentions, v.EditTimeMs = mentions, result.Time
	return result, t.recordMessage(in.room, Edited, r.Actor, result.Seq, v)
}

// delete makes a message of the actor's own, or for a moderator of the room any message, a tombstone. With the body goes
// its hash: from then on any content under its client_id counts as a repetition.
func (t *transaction) delete(r *Record, c *storev1.Delete) (Result, error) {
	in, v, refusal, err := t.find(c.GetRoom(), c.GetSeq(), r)
	if err != nil || refusal != Accepted {
		return Result{Refusal: refusal}, err
	}
	if v.GetSender().GetId() != r.Actor.ID {
		actor, err := t.actorIn(in.room, r)
		if err != nil || actor.Role < RoleModerator {
			return Result{Refusal: NotSender}, err
		}
	}
	if v.GetDeleteTimeMs() != 0 {
		return Result{Seq: c.GetSeq()}, nil
	}
	if sender := v.GetSender().GetId(); sender != r.Actor.ID {
		act := &storev1.ActValue{Action: uint32(MessageRemoved), User: sender, Seq: c.GetSeq()}
		if err := t.audit(in.room, r, act); err != nil {
			return Result{}, err
		}
	}
	t.removed(in.room)
	result := t.advance(in.room, r.Time)
	result.Seq = c.GetSeq()
	if err := t.setMentions(in.id, result.Seq, v.GetSender().GetId(), v.GetMentions(), nil); err != nil {
		return Result{}, err
	}
	v.Body, v.Mentions, v.Reactions = nil, nil, nil
	v.DeleteTimeMs = result.Time
	if err := t.forgetBody(dedupeID{in.id, v.GetSender().GetId(), v.GetClientId()}); err != nil {
		return Result{}, err
	}
	return result, t.recordMessage(in.room, Deleted, r.Actor, result.Seq, v)
}

// forgetBody clears the hash of what was published under id.
func (t *transaction) forgetBody(id dedupeID) error {
	if id.clientID == "" {
		return nil
	}
	first, err := t.first(id)
	if err != nil || first == nil {
		return err
	}
	first.BodyHash = nil
	return t.putFirst(id, first)
}
