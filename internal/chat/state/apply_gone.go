package state

import (
	"slices"

	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// This file keeps those who were erased from coming back, also in what others do.

// gone reports whether a user was erased, or is being. It reads memory only.
func (t *transaction) gone(user string) bool {
	if len(t.nowGone) > 0 && t.nowGone[goneIDOf(user)] {
		return true
	}
	return t.store.bans.Gone(user)
}

func (t *transaction) putGone(user string) error {
	id := goneIDOf(user)
	set(&t.nowGone, id, true)
	t.change.ServerBans = true
	return t.batch.Set(appendServerKey(nil, serverGone, string(id[:])), nil, nil)
}

// concernsGone reports whether a command is about somebody who was erased. Nothing can be done to them, but the erasure itself.
func (t *transaction) concernsGone(command proto.Message) bool {
	switch c := command.(type) {
	case *storev1.EraseUser:
		return c.GetUser() == DeletedUser.ID
	case *storev1.OpenDirect:
		return slices.ContainsFunc(c.GetUsers(), t.gone)
	case interface{ GetUser() string }:
		return t.gone(c.GetUser())
	}
	return false
}

// present returns those of users who were not erased.
func (t *transaction) present(users []string) []string {
	if !slices.ContainsFunc(users, t.gone) {
		return users
	}
	return slices.DeleteFunc(slices.Clone(users), t.gone)
}

// erasure returns how far the erasure of a user has come, to be changed; nil if none is going on.
func (t *transaction) erasure(user string) (*storev1.ErasureValue, error) {
	if v, ok := t.erasures[user]; ok {
		return v, nil
	}
	v := new(storev1.ErasureValue)
	if ok, err := t.base.get(appendServerKey(nil, serverErasure, user), v); !ok {
		return nil, err
	}
	return v, nil
}

func (t *transaction) putErasure(user string, v *storev1.ErasureValue) error {
	set(&t.erasures, user, v)
	t.key = appendServerKey(t.key[:0], serverErasure, user)
	return t.set(v)
}
