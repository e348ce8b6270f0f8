package state

import (
	"errors"
	"math"

	"github.com/cockroachdb/pebble/v2"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// purge removes rows of what has left a room, until nothing is left to remove or it has touched as many keys as it may; but
// always those of one message, if there is one. It shows to nobody.
func (t *transaction) purge(r *Record, c *storev1.Purge) (Result, error) {
	room, err := t.everRoom(c.GetRoom())
	if err != nil || room == nil || room.value.GetRemoval() == nil {
		return Result{}, err
	}
	p := purge{transaction: t, room: room, now: changeTime(r.Time, room.value.GetUpdateTimeMs()), keys: MaxPurgeKeys}
	if n := int(c.GetKeys()); n > 0 {
		p.keys = min(n, MaxPurgeKeys)
	}
	if room.deleted() {
		return Result{}, p.everything()
	}
	return Result{}, errors.Join(p.messages(), p.changes(), p.clientIDs())
}

// purge is one at work.
type purge struct {
	*transaction
	room *room
	now  int64
	keys int  // that it may still touch
	some bool // whether it touched any
}

// spend reports whether n more keys may be touched, and counts them. The first always may.
func (p *purge) spend(n int) bool {
	if p.some && n > p.keys {
		return false
	}
	if !p.some {
		p.some = true
		p.removed(p.room)
	}
	p.keys -= n
	return true
}

// messages removes messages that have left the room, with what refers to them: mentions, places in threads, client ids.
func (p *purge) messages() error {
	removal, first := p.room.removal(), p.room.value.GetFirstSeq()
	from := removal.GetSeq()
	next := first
	if from >= first {
		return nil
	}
	lower, upper := appendMessageKey(nil, messageID{p.room.id, from}), appendMessageKey(nil, messageID{p.room.id, first})
	err := p.scanOwn(lower, upper, func(key, value []byte) error {
		v := new(storev1.MessageValue)
		if err := decodeValue(key, value, v); err != nil {
			return err
		}
		seq := lastUint64(key)
		if !p.spend(4 + len(v.GetMentions())) {
			next = seq
			return errPageFull
		}
		return p.message(seq, v)
	})
	if err != nil && !errors.Is(err, errPageFull) {
		return err
	}
	p.touch(p.room)
	removal.Seq = next
	if removal.GetClientIdsUntilMs() == 0 {
		removal.ClientIds = next
	}
	return p.batch.DeleteRange(lower, appendMessageKey(nil, messageID{p.room.id, next}), nil)
}

// message removes what refers to a message.
func (p *purge) message(seq uint64, v *storev1.MessageValue) error {
	id := messageID{p.room.id, seq}
	if err := p.setMentions(id.room, seq, v.GetSender().GetId(), v.GetMentions(), nil); err != nil {
		return err
	}
	if to := v.GetReplyTo(); to != 0 {
		if err := p.batch.Delete(appendReplyKey(nil, replyID{id.room, to, seq}), nil); err != nil {
			return err
		}
	}
	if v.GetClientId() == "" {
		return nil
	}
	first := dedupeID{id.room, v.GetSender().GetId(), v.GetClientId()}
	until := knownUntil(v.GetCreateTimeMs())
	if until <= p.now {
		return p.forget(first)
	}
	if err := p.forgetBody(first); err != nil {
		return err
	}
	if removal := p.room.removal(); removal.GetClientIdsUntilMs() == 0 {
		removal.ClientIds, removal.ClientIdsUntilMs = seq, until
	}
	p.key = appendForgotKey(p.key[:0], id)
	return p.set(&storev1.ForgottenValue{Sender: first.sender, ClientId: first.clientID, TimeMs: v.GetCreateTimeMs()})
}

// knownUntil returns when the client id of a message that was posted at a time may be forgotten, unix milliseconds.
func knownUntil(posted int64) int64 {
	kept := ClientIDsKept.Milliseconds()
	return min(posted, math.MaxInt64-kept) + kept
}

// forget removes the first result of a publish.
func (t *transaction) forget(id dedupeID) error {
	t.firsts[id] = nil
	return t.batch.Delete(appendDedupeKey(nil, id), nil)
}

// clientIDs forgets those that need not be known any more, of messages that are gone.
func (p *purge) clientIDs() error {
	removal := p.room.removal()
	if until := removal.GetClientIdsUntilMs(); until == 0 || until > p.now {
		return nil
	}
	next, until := removal.GetSeq(), int64(0)
	lower := appendForgotKey(nil, messageID{p.room.id, removal.GetClientIds()})
	_, upper := rowBounds(p.room.id, rowForgot)
	err := p.scanOwn(lower, upper, func(key, value []byte) error {
		v := new(storev1.ForgottenValue)
		if err := decodeValue(key, value, v); err != nil {
			return err
		}
		if end := knownUntil(v.GetTimeMs()); end > p.now || !p.spend(2) {
			next, until = lastUint64(key), end
			return errPageFull
		}
		return errors.Join(
			p.forget(dedupeID{p.room.id, v.GetSender(), v.GetClientId()}), p.batch.Delete(key, nil))
	})
	if err != nil && !errors.Is(err, errPageFull) {
		return err
	}
	removal.ClientIds, removal.ClientIdsUntilMs = next, until
	p.touch(p.room)
	return nil
}

// changes removes changes up to that which posted the oldest message that is left; never one of the newest [KeptChanges].
func (p *purge) changes() error {
	removal, head := p.room.removal(), p.room.value.GetHeadRev()
	if !removal.GetChanges() {
		return nil
	}
	from, next := removal.GetRev(), max(head+1, KeptChanges)-KeptChanges
	done := true
	lower, upper := appendChangeKey(nil, changeID{p.room.id, from}), appendChangeKey(nil, changeID{p.room.id, next})
	if from >= next {
		removal.Changes = false
		p.touch(p.room)
		return nil
	}
	err := p.scanOwn(lower, upper, func(key, value []byte) error {
		v := new(storev1.ChangeValue)
		if err := decodeValue(key, value, v); err != nil {
			return err
		}
		kept := ChangeKind(v.GetKind()) == Posted && v.GetSeq() >= p.room.value.GetFirstSeq()
		if kept || !p.spend(1) {
			next, done = lastUint64(key), kept
			return errPageFull
		}
		return nil
	})
	if err != nil && !errors.Is(err, errPageFull) {
		return err
	}
	removal.Rev, removal.Changes = next, !done
	p.touch(p.room)
	return p.batch.DeleteRange(lower, appendChangeKey(nil, changeID{p.room.id, next}), nil)
}

// everything removes all that was in a room: one by one what people have of it elsewhere, and then its rows.
func (p *purge) everything() error {
	if p.room.removal().GetErased() {
		return nil
	}
	for _, kind := range [...]byte{rowMember, rowInvite, rowLink} {
		if err := p.elsewhere(kind); errors.Is(err, errPageFull) {
			return nil
		} else if err != nil {
			return err
		}
	}
	p.removed(p.room)
	p.room.removal().Erased = true
	lower, upper := roomBounds(p.room.id)
	return p.batch.DeleteRange(lower, upper, nil)
}

// elsewhere removes a deleted room's rows of a kind that rows outside it belong to, with those; errPageFull: not all of them.
func (p *purge) elsewhere(kind byte) error {
	lower, upper := rowBounds(p.room.id, kind)
	return p.scanOwn(lower, upper, func(key, _ []byte) error {
		if !p.spend(2) {
			return errPageFull
		}
		_, _, id := splitRow(key)
		if err := p.batch.Delete(key, nil); err != nil {
			return err
		}
		return p.untie(kind, string(id))
	})
}

// untie removes the row outside a deleted room that belongs to one in it.
func (p *purge) untie(kind byte, id string) error {
	switch kind {
	case rowMember:
		return p.batch.Delete(appendUserRoomKey(nil, memberID{p.room.id, id}), nil)
	case rowInvite:
		return p.removeInvitation(memberID{p.room.id, id})
	default: // rowLink
		return p.removeLinkRows(id, p.room.id)
	}
}

// scanOwn visits rows as the transaction has made them so far. The key and the value are valid during the call only.
func (t *transaction) scanOwn(lower, upper []byte, visit func(key, value []byte) error) error {
	if t.batch.Count() == 0 {
		iter, err := t.base.iterate(lower, upper)
		if err != nil {
			return err
		}
		return walk(iter, iter.First, iter.Next, math.MaxInt, visit)
	}
	own := t.store.db.NewIndexedBatch() // on what was committed last: nothing else writes rows
	if err := own.Apply(t.batch, nil); err != nil {
		return errors.Join(err, own.Close())
	}
	iter, err := own.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return errors.Join(err, own.Close())
	}
	return errors.Join(walk(iter, iter.First, iter.Next, math.MaxInt, visit), own.Close())
}
