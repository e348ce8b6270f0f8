package state

import (
	"cmp"
	"slices"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// react adds the actor's reaction to a message, or takes it back. What is already so changes nothing.
func (t *transaction) react(r *Record, c *storev1.React) (Result, error) {
	in, v, refusal, err := t.find(c.GetRoom(), c.GetSeq(), r)
	if err != nil || refusal != Accepted {
		return Result{Refusal: refusal}, err
	}
	result, err := t.mayWrite(in, r.Actor.ID)
	if err != nil || result.Refusal == RoomArchived || result.Refusal != Accepted && !c.GetRemove() {
		return result, err
	}
	changed := false
	if c.GetRemove() {
		changed = removeReaction(v, c.GetEmoji(), r.Actor.ID)
	} else if changed, refusal = addReaction(v, c, r.Actor.ID); refusal != Accepted {
		return Result{Refusal: refusal}, nil
	}
	if !changed {
		return Result{Seq: c.GetSeq()}, nil
	}
	result = t.advance(in.room, r.Time)
	result.Seq = c.GetSeq()
	return result, t.recordMessage(in.room, Reacted, r.Actor, result.Seq, v)
}

// addReaction adds user to those who reacted as c says; false if they did already.
func addReaction(v *storev1.MessageValue, c *storev1.React, user string) (bool, Refusal) {
	if v.GetDeleteTimeMs() != 0 {
		return false, MessageDeleted
	}
	i := indexReaction(v, c.GetEmoji())
	if i >= 0 && slices.Contains(v.Reactions[i].GetUserIds(), user) {
		return false, Accepted
	}
	total := 0
	for _, reaction := range v.GetReactions() {
		total += len(reaction.GetUserIds())
	}
	most, kinds := cmp.Or(c.GetMaxReactions(), MaxReactions), cmp.Or(c.GetMaxKinds(), MaxReactionKinds)
	if total >= int(most) || i < 0 && len(v.GetReactions()) >= int(kinds) {
		return false, TooManyReactions
	}
	if i < 0 {
		i = len(v.Reactions)
		v.Reactions = append(v.Reactions, &storev1.ReactionValue{Emoji: c.GetEmoji()})
	}
	v.Reactions[i].UserIds = append(v.Reactions[i].UserIds, user)
	return true, Accepted
}

// removeReaction takes user's reaction back; false if there is none.
func removeReaction(v *storev1.MessageValue, emoji, user string) bool {
	i := indexReaction(v, emoji)
	if i < 0 {
		return false
	}
	j := slices.Index(v.Reactions[i].GetUserIds(), user)
	if j < 0 {
		return false
	}
	if len(v.Reactions[i].UserIds) == 1 {
		v.Reactions = slices.Delete(v.Reactions, i, i+1)
	} else {
		v.Reactions[i].UserIds = slices.Delete(v.Reactions[i].UserIds, j, j+1)
	}
	return true
}

func indexReaction(v *storev1.MessageValue, emoji string) int {
	return slices.IndexFunc(v.GetReactions(), func(r *storev1.ReactionValue) bool { return r.GetEmoji() == emoji })
}
