package state

import (
	"errors"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// This file is the transaction's rows that tie people to rooms and to one another beside memberships: invitations,
// requests, links and blocks. Each is looked up under what the transaction has written itself.

// ties is what a transaction wrote of them. Most write none: the maps are made when they are needed.
type ties struct {
	invitations map[memberID]*storev1.InvitationValue // nil: none
	requests    map[memberID]*storev1.RequestValue    // nil: none
	links       map[string]link                       // without a room: none
	blocks      map[blockID]bool
	blockCounts map[string]uint64 // how many somebody has blocked
}

// link is a link's value with its room; the zero value is none.
type link struct {
	room  RoomID
	value *storev1.LinkValue
}

// set puts a value into a map that is made with its first one.
func set[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = make(map[K]V)
	}
	(*m)[k] = v
}

// blockID is that a user has blocked another.
type blockID struct{ by, whom string }

// invitation returns an invitation; nil if there is none.
func (t *transaction) invitation(id memberID) (*storev1.InvitationValue, error) {
	if v, ok := t.invitations[id]; ok {
		return v, nil
	}
	return t.base.invitation(id)
}

func (t *transaction) putInvitation(id memberID, v *storev1.InvitationValue) error {
	set(&t.invitations, id, v)
	t.change.Touches = append(t.change.Touches, Touch{id.room, id.user})
	if err := t.batch.Set(appendInvitedKey(nil, id), nil, nil); err != nil {
		return err
	}
	t.key = appendInviteKey(t.key[:0], id)
	return t.set(v)
}

// removeInvitation removes one that may not be there.
func (t *transaction) removeInvitation(id memberID) error {
	there, err := t.invitation(id)
	if err != nil || there == nil {
		return err
	}
	set(&t.invitations, id, nil)
	t.change.Touches = append(t.change.Touches, Touch{id.room, id.user})
	if err := t.batch.Delete(appendInvitedKey(nil, id), nil); err != nil {
		return err
	}
	t.key = appendInviteKey(t.key[:0], id)
	return t.batch.Delete(t.key, nil)
}

// request returns who asks to become a member; nil if they do not.
func (t *transaction) request(id memberID) (*storev1.RequestValue, error) {
	if v, ok := t.requests[id]; ok {
		return v, nil
	}
	return t.base.request(id)
}

func (t *transaction) putRequest(r *room, v *storev1.RequestValue) error {
	id := memberID{r.id, v.GetActor().GetId()}
	set(&t.requests, id, v)
	r.value.Requests++
	t.touch(r)
	t.change.Touches = append(t.change.Touches, Touch{Room: r.id})
	t.key = appendRequestKey(t.key[:0], id)
	return t.set(v)
}

// removeRequest removes one that may not be there.
func (t *transaction) removeRequest(r *room, id memberID) error {
	there, err := t.request(id)
	if err != nil || there == nil {
		return err
	}
	set(&t.requests, id, nil)
	r.value.Requests--
	t.touch(r)
	t.change.Touches = append(t.change.Touches, Touch{Room: r.id})
	return t.batch.Delete(appendRequestKey(nil, id), nil)
}

// link returns a link, whose value may be changed but must then be put back.
func (t *transaction) link(id string) (link, error) {
	if l, ok := t.links[id]; ok {
		return l, nil
	}
	return t.base.link(id)
}

func (t *transaction) putLink(id string, l link) error {
	set(&t.links, id, l)
	if err := t.batch.Set(appendLinkKey(nil, id), []byte(l.room), nil); err != nil {
		return err
	}
	t.key = appendRoomLinkKey(t.key[:0], l.room, id)
	return t.set(l.value)
}

func (t *transaction) removeLinkRows(id string, room RoomID) error {
	set(&t.links, id, link{})
	if err := t.batch.Delete(appendLinkKey(nil, id), nil); err != nil {
		return err
	}
	return t.batch.Delete(appendRoomLinkKey(nil, room, id), nil)
}

// blocked reports whether a user has blocked another.
func (t *transaction) blocked(by, whom string) (bool, error) {
	id := blockID{by, whom}
	if is, ok := t.blocks[id]; ok {
		return is, nil
	}
	return t.base.has(appendBlockKey(nil, id))
}

// blockCount returns how many a user has blocked.
func (t *transaction) blockCount(by string) (uint64, error) {
	if n, ok := t.blockCounts[by]; ok {
		return n, nil
	}
	return t.base.getUint64(appendUserPrefix(nil, by, userBlocks))
}

// putBlock changes whether a user has blocked another: is says what was not so before.
func (t *transaction) putBlock(id blockID, is bool) error {
	set(&t.blocks, id, is)
	n, err := t.blockCount(id.by)
	if err != nil {
		return err
	}
	if is {
		return errors.Join(t.batch.Set(appendBlockKey(nil, id), nil, nil), t.putBlockCount(id.by, n+1))
	}
	return errors.Join(t.batch.Delete(appendBlockKey(nil, id), nil), t.putBlockCount(id.by, n-1))
}

func (t *transaction) putBlockCount(by string, n uint64) error {
	set(&t.blockCounts, by, n)
	t.key = appendUserPrefix(t.key[:0], by, userBlocks)
	if n == 0 {
		return t.batch.Delete(t.key, nil)
	}
	return t.setUint64(n)
}
