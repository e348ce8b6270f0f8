package state

import (
	"encoding/binary"

	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// This file is what concerns the server as a whole, and no room: bans from it, what its operators did, and profiles.

// serverRows is what a transaction wrote of that. Most write none.
type serverRows struct {
	serverBans map[string]*storev1.Restriction // by kind and id; nil: none
	profiles   map[string]*storev1.ProfileValue
	erasures   map[string]*storev1.ErasureValue // nil: none
	nowGone    map[goneID]bool
	acts       uint64 // n of the newest act of an operator; 0: not read yet
}

// shutsOut reports whether a record's actor is banned from the server. It reads memory only.
func (t *transaction) shutsOut(r *Record) bool {
	if r.Actor.Operator {
		return false
	}
	if t.serverBans != nil {
		if v, ok := t.serverBans[string(rune(serverUserBan))+r.Actor.ID]; ok {
			return v != nil && (v.GetUntilMs() == 0 || r.Time < v.GetUntilMs()) || t.gone(r.Actor.ID)
		}
	}
	_, banned := t.store.bans.User(r.Actor.ID, r.Time)
	return banned || t.gone(r.Actor.ID)
}

// banUser shuts somebody out of the server, or lets them in again.
func (t *transaction) banUser(r *Record, c *storev1.BanUser) (Result, error) {
	act := &storev1.OperatorActValue{Action: uint32(UserBanned), User: c.GetUser(), UntilMs: c.GetUntilMs(), Reason: c.GetReason()}
	if c.GetLift() {
		act = &storev1.OperatorActValue{Action: uint32(UserUnbanned), User: c.GetUser()}
	}
	return t.banFromServer(r, serverUserBan, c.GetUser(), act, c.GetLift())
}

// banAddress shuts those out of the server who come from some addresses, or lets them in again.
func (t *transaction) banAddress(r *Record, c *storev1.BanAddress) (Result, error) {
	act := &storev1.OperatorActValue{Action: uint32(AddressBanned), Prefix: c.GetPrefix(), UntilMs: c.GetUntilMs(), Reason: c.GetReason()}
	if c.GetLift() {
		act = &storev1.OperatorActValue{Action: uint32(AddressUnbanned), Prefix: c.GetPrefix()}
	}
	return t.banFromServer(r, serverAddressBan, c.GetPrefix(), act, c.GetLift())
}

// banFromServer bans as an act says, or lifts a ban. What is already so changes nothing.
func (t *transaction) banFromServer(r *Record, kind byte, id string, act *storev1.OperatorActValue, lift bool) (Result, error) {
	is, err := t.serverBan(kind, id)
	if err != nil || lift && is == nil {
		return Result{}, err
	}
	if !lift && is != nil && is.GetUntilMs() == act.GetUntilMs() && is.GetReason() == act.GetReason() {
		return Result{}, nil
	}
	if lift {
		err = t.removeServerBan(kind, id)
	} else {
		err = t.putServerBan(kind, id, &storev1.Restriction{
			By: actorToValue(r.Actor), TimeMs: changeTime(r.Time, 0), UntilMs: act.GetUntilMs(), Reason: act.GetReason(),
		})
	}
	if err != nil {
		return Result{}, err
	}
	return Result{Time: changeTime(r.Time, 0)}, t.auditOperator(r, act)
}

// serverBan returns a ban; nil if there is none.
func (t *transaction) serverBan(kind byte, id string) (*storev1.Restriction, error) {
	if v, ok := t.serverBans[string(rune(kind))+id]; ok {
		return v, nil
	}
	v := new(storev1.Restriction)
	if ok, err := t.base.get(appendServerKey(nil, kind, id), v); !ok {
		return nil, err
	}
	return v, nil
}

func (t *transaction) putServerBan(kind byte, id string, v *storev1.Restriction) error {
	set(&t.serverBans, string(rune(kind))+id, v)
	t.change.ServerBans = true
	t.key = appendServerKey(t.key[:0], kind, id)
	return t.set(v)
}

func (t *transaction) removeServerBan(kind byte, id string) error {
	set(&t.serverBans, string(rune(kind))+id, nil)
	return t.batch.Delete(appendServerKey(nil, kind, id), nil)
}

// setProfile says who the actor is. The same again changes nothing, and one that becomes empty leaves nothing.
func (t *transaction) setProfile(r *Record, c *storev1.SetProfile) (Result, error) {
	is, err := t.profile(r.Actor.ID)
	if err != nil {
		return Result{}, err
	}
	v := &storev1.ProfileValue{
		Name: or(c.Name, is.GetName()), About: or(c.About, is.GetAbout()), Emoji: or(c.Emoji, is.GetEmoji()),
		TimeMs: is.GetTimeMs(),
	}
	if is != nil && proto.Equal(v, is) || is == nil && proto.Size(v) == 0 {
		return Result{Time: is.GetTimeMs()}, nil
	}
	v.TimeMs = changeTime(r.Time, is.GetTimeMs())
	if is != nil {
		t.key = append(t.key[:0], replacedKey...)
		if err := t.setUint64(uint64(t.applied)); err != nil {
			return Result{}, err
		}
	}
	if err := t.putProfile(r.Actor.ID, v); err != nil {
		return Result{}, err
	}
	return Result{Time: v.GetTimeMs()}, nil
}

// or returns what is set, or else what was.
func or(set *string, was string) string {
	if set == nil {
		return was
	}
	return *set
}

// profile returns what somebody says of themselves; nil if that is nothing.
func (t *transaction) profile(user string) (*storev1.ProfileValue, error) {
	if v, ok := t.profiles[user]; ok {
		return v, nil
	}
	return t.base.profile(user)
}

// putProfile writes a profile, or forgets one that says nothing; nil is one.
func (t *transaction) putProfile(user string, v *storev1.ProfileValue) error {
	if v.GetName() == "" && v.GetAbout() == "" && v.GetEmoji() == "" {
		v = nil
	}
	set(&t.profiles, user, v)
	t.change.Profiles = append(t.change.Profiles, Renaming{User: user, Profile: profileFromValue(v)})
	t.key = appendProfileKey(t.key[:0], user)
	if v == nil {
		return t.batch.Delete(t.key, nil)
	}
	return t.set(v)
}

// known returns somebody under the name of their profile, if they have no other.
func (t *transaction) known(who Actor) (Actor, error) {
	if who.Name != "" {
		return who, nil
	}
	v, err := t.profile(who.ID)
	who.Name = v.GetName()
	return who, err
}

// auditOperator writes down what an operator did and forgets the oldest beyond [MaxActs].
func (t *transaction) auditOperator(r *Record, v *storev1.OperatorActValue) error {
	if t.acts == 0 {
		var err error
		if t.acts, err = t.base.getUint64([]byte{tableServer, serverActs}); err != nil {
			return err
		}
	}
	t.acts++
	if t.acts > MaxActs {
		if err := t.batch.Delete(appendServerActKey(nil, t.acts-MaxActs), nil); err != nil {
			return err
		}
	}
	v.Actor, v.TimeMs = actorToValue(r.Actor), changeTime(r.Time, 0)
	t.key = appendServerActKey(t.key[:0], t.acts)
	if err := t.set(v); err != nil {
		return err
	}
	t.value = binary.BigEndian.AppendUint64(t.value[:0], t.acts)
	return t.batch.Set([]byte{tableServer, serverActs}, t.value, nil)
}
