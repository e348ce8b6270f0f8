package state

import (
	"bytes"
	"slices"

	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// This file is what an erasure does with the rows of rooms.

// visitRow takes the user out of one, unless it is a change.
func (e *erasing) visitRow(key, value []byte) ([]byte, error) {
	name, kind, id := splitRow(key)
	in, err := e.everRoom(string(name))
	if err != nil {
		return nil, err
	}
	if in == nil || in.deleted() { // the rows are about to be removed
		return afterRoom(name), nil
	}
	own := memberID{in.id, e.user}
	switch kind {
	case rowMessage:
		return nil, e.eraseMessage(in, lastUint64(key), key, value)
	case rowDedupe:
		return e.prefixed(key, kind, appendDedupeKey(nil, dedupeID{in.id, e.user, ""}), func(clientID []byte) error {
			return e.forget(dedupeID{in.id, e.user, string(clientID)})
		})
	case rowMember:
		return nil, e.eraseMember(in, string(id))
	case rowMarker:
		return e.point(key, kind, appendMarkerKey(nil, own), func() error {
			e.markers[own] = 0
			return e.batch.Delete(key, nil)
		})
	case rowPosted:
		return e.point(key, kind, appendPostedKey(nil, own), func() error {
			set(&e.posted, own, 0)
			return e.batch.Delete(key, nil)
		})
	case rowInvite:
		return nil, e.eraseInvitation(memberID{in.id, string(id)}, key, value)
	case rowRequest:
		return e.point(key, kind, appendRequestKey(nil, own), func() error { return e.removeRequest(in, own) })
	case rowLink:
		return nil, e.eraseLink(string(id))
	case rowAct:
		return nil, e.roomAct(key, value)
	case rowMention:
		prefix := append(append(appendRowPrefix(nil, in.id, rowMention), e.user...), 0)
		return e.prefixed(key, kind, prefix, func([]byte) error { return e.batch.Delete(key, nil) })
	case rowForgot:
		return nil, e.forgotten(key, value)
	}
	return appendRowPrefix(nil, in.id, kind+1), nil
}

// afterRoom is where the rows of the next room begin.
func afterRoom(room []byte) []byte { return append(append([]byte{tableRows}, room...), 1) }

// point removes the one row of a kind that is the user's, and skips the others.
func (e *erasing) point(key []byte, kind byte, own []byte, remove func() error) ([]byte, error) {
	room, _, _ := splitRow(key)
	switch order := bytes.Compare(key, own); {
	case order < 0:
		return own, nil
	case order > 0:
		return appendRowPrefix(nil, RoomID(room), kind+1), nil
	}
	return nil, remove()
}

// prefixed is point for the rows that begin with a prefix; remove gets what follows.
func (e *erasing) prefixed(key []byte, kind byte, prefix []byte, remove func(rest []byte) error) ([]byte, error) {
	if rest, ok := bytes.CutPrefix(key, prefix); ok {
		return nil, remove(rest)
	}
	return e.point(key, kind, prefix, func() error { return nil })
}

// eraseMessage makes a message of the user a tombstone without a sender, and takes the user out of what others have said.
func (e *erasing) eraseMessage(in *room, seq uint64, key, value []byte) error {
	v := new(storev1.MessageValue)
	if err := decodeValue(key, value, v); err != nil {
		return err
	}
	id := messageID{in.id, seq}
	if v.GetSender().GetId() != e.user {
		return e.othersMessage(in, id, v)
	}
	if v.GetDeleteTimeMs() == 0 && seq >= in.value.GetFirstSeq() {
		return e.tombstone(in, id, v)
	}
	// Nothing to see: a tombstone, or one that has left the room.
	v.Sender, v.ClientId = actorToValue(DeletedUser), ""
	e.removed(in)
	return e.putMessage(id, v)
}

func (e *erasing) tombstone(in *room, id messageID, v *storev1.MessageValue) error {
	e.progress.Messages++
	e.removed(in)
	result := e.advance(in, e.record.Time)
	if err := e.setMentions(id.room, id.seq, e.user, v.GetMentions(), nil); err != nil {
		return err
	}
	v.Sender, v.ClientId, v.Body, v.Mentions, v.Reactions = actorToValue(DeletedUser), "", nil, nil, nil
	v.DeleteTimeMs = result.Time
	return e.recordMessage(in, Deleted, DeletedUser, id.seq, v)
}

// othersMessage takes the user's reactions back, and the user off the mentions. Only the first is shown.
func (e *erasing) othersMessage(in *room, id messageID, v *storev1.MessageValue) error {
	mentions := slices.DeleteFunc(slices.Clone(v.GetMentions()), func(user string) bool { return user == e.user })
	mentioned := len(mentions) < len(v.GetMentions())
	v.Mentions = mentions
	reacted := false
	for _, emoji := range emojis(v) {
		reacted = removeReaction(v, emoji, e.user) || reacted
	}
	switch {
	case reacted && id.seq >= in.value.GetFirstSeq():
		e.removed(in)
		e.advance(in, e.record.Time)
		return e.recordMessage(in, Reacted, DeletedUser, id.seq, v)
	case reacted || mentioned:
		e.removed(in)
		return e.putMessage(id, v)
	}
	return nil
}

func emojis(v *storev1.MessageValue) []string {
	all := make([]string, len(v.GetReactions()))
	for i, r := range v.GetReactions() {
		all[i] = r.GetEmoji()
	}
	return all
}

// eraseMember ends the user's membership, bans and mutes in a room, and takes the user out of what others have.
func (e *erasing) eraseMember(in *room, who string) error {
	before, err := e.memberCopy(memberID{in.id, who}, Actor{ID: who})
	if err != nil {
		return err
	}
	after := proto.CloneOf(before)
	if who == e.user {
		e.removed(in)
		after.Mute, after.Ban = nil, nil
		if before.GetRole() == 0 {
			return e.putMember(in, after)
		}
		_, err = e.dismiss(in, e.record, before, after)
		return err
	}
	if !e.anonymousMember(after) {
		return nil
	}
	e.removed(in)
	return e.putMember(in, after)
}

// anonymousMember takes the user out of what somebody is, and reports whether they were in it.
func (e *erasing) anonymousMember(v *storev1.MemberValue) bool {
	was := v.GetActor() != nil && e.anonymous(&v.Actor)
	if v.GetMute() != nil {
		was = e.anonymous(&v.Mute.By) || was
	}
	if v.GetBan() != nil {
		was = e.anonymous(&v.Ban.By) || was
	}
	return was
}

// eraseInvitation ends the user's, and takes the user out of those they made.
func (e *erasing) eraseInvitation(id memberID, key, value []byte) error {
	if id.user == e.user {
		return e.removeInvitation(id)
	}
	v := new(storev1.InvitationValue)
	if err := decodeValue(key, value, v); err != nil || !e.anonymous(&v.By) {
		return err
	}
	return e.putInvitation(id, v)
}

// eraseLink takes the user out of a link that they made.
func (e *erasing) eraseLink(id string) error {
	l, err := e.link(id)
	if err != nil || l.value == nil || !e.anonymous(&l.value.By) {
		return err
	}
	return e.putLink(id, l)
}

// roomAct takes the user out of the audit of a room.
func (e *erasing) roomAct(key, value []byte) error {
	v := new(storev1.ActValue)
	if err := decodeValue(key, value, v); err != nil {
		return err
	}
	was := e.anonymous(&v.Actor)
	if v.GetUser() == e.user {
		v.User, was = DeletedUser.ID, true
	}
	if !was {
		return nil
	}
	e.key = append(e.key[:0], key...)
	return e.set(v)
}

// forgotten removes what is known of a message of the user that has left its room.
func (e *erasing) forgotten(key, value []byte) error {
	v := new(storev1.ForgottenValue)
	if err := decodeValue(key, value, v); err != nil || v.GetSender() != e.user {
		return err
	}
	return e.batch.Delete(key, nil)
}

// visitChange takes the user out of a change, whose rev stays.
func (e *erasing) visitChange(key, value []byte) ([]byte, error) {
	name, kind, _ := splitRow(key)
	switch {
	case kind < rowChange:
		return appendRowPrefix(nil, RoomID(name), rowChange), nil
	case kind > rowChange:
		return afterRoom(name), nil
	}
	in, err := e.everRoom(string(name))
	if err != nil {
		return nil, err
	}
	if in == nil || in.deleted() {
		return afterRoom(name), nil
	}
	v := new(storev1.ChangeValue)
	if err := decodeValue(key, value, v); err != nil {
		return nil, err
	}
	was := e.anonymous(&v.Actor)
	if v.GetMember() != nil {
		was = e.anonymousMember(v.Member) || was
	}
	if !was {
		return nil, nil
	}
	e.removed(in)
	e.key = append(e.key[:0], key...)
	return nil, e.set(v)
}

// replaced returns ids, which are in order, with the deleted user in the place of one; nil if that is not among them.
func replaced(ids []string, user string) []string {
	i := slices.Index(ids, user)
	if i < 0 {
		return nil
	}
	ids = slices.Clone(ids)
	ids[i] = DeletedUser.ID
	slices.Sort(ids)
	return ids
}
