package state

import storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"

// MaxActs is how many acts of moderation a room keeps. Apply decides on it: changing it needs a new record version.
const MaxActs = 10_000

// Action is what somebody did as a moderator or owner; the numbers of rialto.chat.v1.AuditAction.
type Action uint8

// The actions.
const (
	Removed Action = iota + 1
	BannedSomebody
	Unbanned
	MutedSomebody
	Unmuted
	RoleChanged
	SettingsChanged
	MessageRemoved
	LinkCreated
	LinkRemoved
	RequestAccepted
	RequestDeclined
)

// Act is an act of moderation.
type Act struct {
	N      uint64 // 1, 2, 3, … in its room
	Action Action
	Actor  Actor
	User   string // to whom, if to somebody
	Seq    uint64 // the message that was deleted
	Time   int64
	Until  int64 // 0: not for a time
	Text   string
	Role   Role
}

// audit writes an act down and forgets the oldest beyond [MaxActs].
func (t *transaction) audit(r *room, rec *Record, v *storev1.ActValue) error {
	return t.auditAs(operatorActions[Action(v.GetAction())], r, rec, v)
}

// auditAs is audit of what is another action in the log of operators, if one did it.
func (t *transaction) auditAs(action OperatorAction, r *room, rec *Record, v *storev1.ActValue) error {
	r.value.Acts++
	t.touch(r)
	v.Actor, v.TimeMs = actorToValue(rec.Actor), changeTime(rec.Time, r.value.GetUpdateTimeMs())
	if n := r.value.GetActs(); n > MaxActs {
		if err := t.batch.Delete(appendActKey(nil, r.id, n-MaxActs), nil); err != nil {
			return err
		}
	}
	t.key = appendActKey(t.key[:0], r.id, r.value.GetActs())
	if err := t.set(v); err != nil || !rec.Actor.Operator {
		return err
	}
	return t.auditOperator(rec, &storev1.OperatorActValue{
		Action: uint32(action), Room: string(r.id), User: v.GetUser(), UntilMs: v.GetUntilMs(),
		Reason: v.GetText(), Role: v.GetRole(),
	})
}

func actFromValue(n uint64, v *storev1.ActValue) Act {
	return Act{
		N:      n,
		Action: Action(v.GetAction()),
		Actor:  actorFromValue(v.GetActor()),
		User:   v.GetUser(),
		Seq:    v.GetSeq(),
		Time:   v.GetTimeMs(),
		Until:  v.GetUntilMs(),
		Text:   v.GetText(),
		Role:   Role(v.GetRole()),
	}
}
