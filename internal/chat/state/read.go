package state

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// reader is a [View]: one reference to a snapshot.
type reader struct {
	*snapshot
	store  *Store
	closed atomic.Bool
}

var _ View = (*reader)(nil)

func (r *reader) Pos() Pos     { return r.pos }
func (r *reader) Epoch() Epoch { return r.epoch }

func (r *reader) Close() {
	if r.closed.Swap(true) {
		panic("state: View closed twice")
	}
	r.store.release(r.snapshot)
	r.store.readers.Done()
}

func (r *reader) Room(id RoomID) (Room, bool, error) {
	v, err := r.room(id)
	if v == nil {
		return Room{}, false, err
	}
	room := roomFromValue(id, v)
	return room, room.Deleted == 0, nil
}

func (r *reader) Rooms(after RoomID, n int) (rooms []Room, err error) {
	lower := append(appendRoomKey(nil, after), 0)
	err = r.scan(lower, []byte{tableRooms + 1}, n, func(key, value []byte) error {
		v := new(storev1.RoomValue)
		if err := decodeValue(key, value, v); err != nil {
			return err
		}
		rooms = append(rooms, roomFromValue(RoomID(key[1:]), v))
		return nil
	})
	return rooms, err
}

func (r *reader) Message(room RoomID, seq uint64) (*Message, bool, error) {
	id := messageID{room, seq}
	first, err := r.firstSeq(room)
	if err != nil || seq < first {
		return nil, false, err
	}
	v, err := r.message(id)
	if v == nil {
		return nil, false, err
	}
	return messageFromValue(id, v), true, nil
}

func (r *reader) Messages(room RoomID, from uint64, back bool, n, bytes int) ([]*Message, error) {
	low, high, err := r.span(room, from, back)
	if err != nil || low >= high {
		return nil, err
	}
	lower, upper := appendMessageKey(nil, messageID{room, low}), appendMessageKey(nil, messageID{room, high})
	iter, err := r.iterate(lower, upper)
	if err != nil {
		return nil, err
	}
	messages, err := collectMessages(iter, room, back, n, bytes)
	return messages, errors.Join(err, iter.Close())
}

func (r *reader) Replies(room RoomID, to, from uint64, back bool, n, bytes int) ([]*Message, error) {
	low, high, err := r.span(room, from, back)
	if err != nil || low >= high {
		return nil, err
	}
	lower, upper := appendReplyKey(nil, replyID{room, to, low}), appendReplyKey(nil, replyID{room, to, high})
	iter, err := r.iterate(lower, upper)
	if err != nil {
		return nil, err
	}
	messages, err := r.collectReplies(iter, room, back, n, bytes)
	return messages, errors.Join(err, iter.Close())
}

// span returns the seqs, from low to below high, of the kept messages that Messages and Replies may return.
func (r *reader) span(room RoomID, from uint64, back bool) (low, high uint64, err error) {
	first, err := r.firstSeq(room)
	if back || err != nil {
		return first, from, err
	}
	if from == math.MaxUint64 {
		return from, from, nil
	}
	return max(first, from+1), math.MaxUint64, nil
}

// collectReplies is collectMessages where iter walks over replies.
func (r *reader) collectReplies(iter *pebble.Iterator, room RoomID, back bool, n, bytes int) ([]*Message, error) {
	first, next := iter.First, iter.Next
	if back {
		first, next = iter.Last, iter.Prev
	}
	var messages []*Message
	for ok := first(); ok && len(messages) < n; ok = next() {
		m, err := r.readMessage(messageID{room, lastUint64(iter.Key())})
		if err != nil {
			return nil, err
		}
		if bytes -= m.bytes; bytes < 0 && len(messages) > 0 {
			break
		}
		messages = append(messages, m.Message)
	}
	if back {
		slices.Reverse(messages)
	}
	return messages, iter.Error()
}

// collectMessages walks iter from its start, or with back from its end.
func collectMessages(iter *pebble.Iterator, room RoomID, back bool, n, bytes int) ([]*Message, error) {
	first, next := iter.First, iter.Next
	if back {
		first, next = iter.Last, iter.Prev
	}
	var messages []*Message
	for ok := first(); ok && len(messages) < n; ok = next() {
		value, err := iter.ValueAndErr()
		if err != nil {
			return nil, err
		}
		if bytes -= len(value); bytes < 0 && len(messages) > 0 {
			break
		}
		v := new(storev1.MessageValue)
		if err := decodeValue(iter.Key(), value, v); err != nil {
			return nil, err
		}
		messages = append(messages, messageFromValue(messageID{room, lastUint64(iter.Key())}, v))
	}
	if back {
		slices.Reverse(messages)
	}
	return messages, iter.Error()
}

func (r *reader) Member(room RoomID, user string) (Member, error) {
	v, err := r.member(memberID{room, user})
	if v == nil {
		return Member{}, err
	}
	return memberFromValue(room, v), nil
}

func (r *reader) Members(room RoomID, after string, n int) (members []Member, err error) {
	_, upper := rowBounds(room, rowMember)
	lower := append(appendMemberKey(nil, memberID{room, after}), 0)
	err = r.scan(lower, upper, math.MaxInt, func(key, value []byte) error {
		if len(members) == n {
			return errPageFull
		}
		v := new(storev1.MemberValue)
		if err := decodeValue(key, value, v); err != nil {
			return err
		}
		if v.GetRole() != 0 {
			members = append(members, memberFromValue(room, v))
		}
		return nil
	})
	if errors.Is(err, errPageFull) {
		err = nil
	}
	return members, err
}

func (r *reader) Bans(room RoomID, after string, n int) (bans []Ban, err error) {
	_, upper := rowBounds(room, rowBan)
	lower := append(appendBanKey(nil, memberID{room, after}), 0)
	err = r.scan(lower, upper, n, func(key, _ []byte) error {
		_, _, user := splitRow(key)
		v, err := r.member(memberID{room, string(user)})
		if err != nil || v.GetBan() == nil {
			return errors.Join(err, fmt.Errorf("state: %q has no ban", key))
		}
		bans = append(bans, Ban{
			Room: room, User: actorFromValue(v.GetActor()), By: actorFromValue(v.GetBan().GetBy()),
			Time: v.GetBan().GetTimeMs(), End: v.GetBan().GetUntilMs(), Reason: v.GetBan().GetReason(),
		})
		return nil
	})
	return bans, err
}

func (r *reader) Invitation(room RoomID, user string) (Invitation, bool, error) {
	id := memberID{room, user}
	v, err := r.invitation(id)
	if v == nil {
		return Invitation{}, false, err
	}
	return invitationFromValue(id, v), true, nil
}

func (r *reader) Invitations(user string, after RoomID, n int) (invitations []Invitation, err error) {
	lower := append(appendInvitedKey(nil, memberID{after, user}), 0)
	err = r.scan(lower, appendUserPrefix(nil, user, userInvite+1), n, func(key, _ []byte) error {
		_, _, room := splitRow(key)
		i, ok, err := r.Invitation(RoomID(room), user)
		if err != nil || !ok {
			return errors.Join(err, fmt.Errorf("state: %q has no invitation", key))
		}
		invitations = append(invitations, i)
		return nil
	})
	return invitations, err
}

func (r *reader) ReadMarker(room RoomID, user string) (uint64, error) {
	return r.marker(memberID{room, user})
}

// scan calls visit with the first n keys in [lower, upper) and their values, which are valid during the call only.
func (s *snapshot) scan(lower, upper []byte, n int, visit func(key, value []byte) error) error {
	iter, err := s.iterate(lower, upper)
	if err != nil {
		return err
	}
	return walk(iter, iter.First, iter.Next, n, visit)
}

// scanBack is scan from the last key.
func (s *snapshot) scanBack(lower, upper []byte, n int, visit func(key, value []byte) error) error {
	iter, err := s.iterate(lower, upper)
	if err != nil {
		return err
	}
	return walk(iter, iter.Last, iter.Prev, n, visit)
}

// walk visits n keys and closes the iterator.
func walk(iter *pebble.Iterator, first, next func() bool, n int, visit func(key, value []byte) error) error {
	for ok := first(); ok && n > 0; ok = next() {
		value, err := iter.ValueAndErr()
		if err == nil {
			err = visit(iter.Key(), value)
		}
		if err != nil {
			return errors.Join(err, iter.Close())
		}
		n--
	}
	return iter.Close()
}
