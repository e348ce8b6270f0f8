package state

import (
	"math"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

func (r *reader) Link(id string) (Link, bool, error) {
	l, err := r.link(id)
	if err != nil || l.room == "" {
		return Link{}, false, err
	}
	return linkFromValue(id, l), true, nil
}

func (r *reader) Links(room RoomID) (links []Link, err error) {
	lower, upper := rowBounds(room, rowLink)
	err = r.scan(lower, upper, math.MaxInt, func(key, value []byte) error {
		v := new(storev1.LinkValue)
		if err := decodeValue(key, value, v); err != nil {
			return err
		}
		_, _, id := splitRow(key)
		links = append(links, linkFromValue(string(id), link{room, v}))
		return nil
	})
	return links, err
}

func (r *reader) Requests(room RoomID, after string, n int) (requests []Request, err error) {
	_, upper := rowBounds(room, rowRequest)
	lower := append(appendRequestKey(nil, memberID{room, after}), 0)
	err = r.scan(lower, upper, n, func(key, value []byte) error {
		v := new(storev1.RequestValue)
		if err := decodeValue(key, value, v); err != nil {
			return err
		}
		requests = append(requests, Request{Room: room, User: actorFromValue(v.GetActor()), Note: v.GetNote(), Time: v.GetTimeMs()})
		return nil
	})
	return requests, err
}

func (r *reader) Acts(room RoomID, before uint64, n int) (acts []Act, err error) {
	lower, upper := rowBounds(room, rowAct)
	if before != 0 {
		upper = appendActKey(nil, room, before)
	}
	err = r.scanBack(lower, upper, n, func(key, value []byte) error {
		v := new(storev1.ActValue)
		if err := decodeValue(key, value, v); err != nil {
			return err
		}
		acts = append(acts, actFromValue(lastUint64(key), v))
		return nil
	})
	return acts, err
}

func (r *reader) RoomsOf(user string, after RoomID, n int) (rooms []RoomID, err error) {
	lower := append(appendUserRoomKey(nil, memberID{after, user}), 0)
	err = r.scan(lower, appendUserPrefix(nil, user, userRoom+1), n, func(key, _ []byte) error {
		_, _, room := splitRow(key)
		rooms = append(rooms, RoomID(room))
		return nil
	})
	return rooms, err
}

func (r *reader) Mentions(room RoomID, user string, seq uint64, most int) (n int, err error) {
	if seq == math.MaxUint64 {
		return 0, nil
	}
	first, err := r.firstSeq(room)
	if err != nil || first == math.MaxUint64 {
		return 0, err
	}
	seq = max(seq, first-1)
	id := memberID{room, user}
	upper := append(appendMentionKey(nil, id, math.MaxUint64), 0)
	err = r.scan(appendMentionKey(nil, id, seq+1), upper, most, func(_, _ []byte) error {
		n++
		return nil
	})
	return n, err
}

func (r *reader) Blocked(user, after string, n int) (users []string, err error) {
	lower := append(appendBlockKey(nil, blockID{user, after}), 0)
	err = r.scan(lower, appendUserPrefix(nil, user, userBlock+1), n, func(key, _ []byte) error {
		_, _, whom := splitRow(key)
		users = append(users, string(whom))
		return nil
	})
	return users, err
}

func (r *reader) HasBlocked(user, other string) (bool, error) {
	return r.has(appendBlockKey(nil, blockID{user, other}))
}
