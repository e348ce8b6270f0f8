package state

import storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"

// OperatorAction is what an operator did; the numbers of rialto.admin.v1.Action.
type OperatorAction uint8

// The operators' actions.
const (
	UserBanned OperatorAction = iota + 1
	UserUnbanned
	AddressBanned
	AddressUnbanned
	UserErased // who is not said
	MemberDismissed
	MemberRoleChanged
	RoomSettingsChanged
	RoomModerated // another act of moderation in a room
	RoomRemoved
	RoomWasArchived
	RoomReopened
)

// operatorActions are those of what an operator does as a moderator does it; of others it is [RoomModerated].
var operatorActions = func() (actions [RequestDeclined + 1]OperatorAction) {
	for a := range actions {
		actions[a] = RoomModerated
	}
	actions[Removed], actions[RoleChanged], actions[SettingsChanged] = MemberDismissed, MemberRoleChanged, RoomSettingsChanged
	return actions
}()

// settingsAction is what an operator did who changed a room's settings.
func settingsAction(before, after *storev1.Settings) OperatorAction {
	was, is := before.GetArchiveTimeMs() != 0, after.GetArchiveTimeMs() != 0
	switch {
	case was == is:
		return RoomSettingsChanged
	case is:
		return RoomWasArchived
	}
	return RoomReopened
}

// OperatorAct is one of them.
type OperatorAct struct {
	N           uint64 // 1, 2, 3, …
	Action      OperatorAction
	Actor       Actor
	Time, Until int64  // Until 0: not for a time
	Room        RoomID // if in one
	User        string // to whom, if to somebody who was not erased
	Prefix      string // of addresses, in CIDR notation
	Reason      string
	Role        Role
	Messages    uint64 // how many were deleted
}

func operatorActFromValue(n uint64, v *storev1.OperatorActValue) OperatorAct {
	return OperatorAct{
		N:        n,
		Action:   OperatorAction(v.GetAction()),
		Actor:    actorFromValue(v.GetActor()),
		Time:     v.GetTimeMs(),
		Until:    v.GetUntilMs(),
		Room:     RoomID(v.GetRoom()),
		User:     v.GetUser(),
		Prefix:   v.GetPrefix(),
		Reason:   v.GetReason(),
		Role:     Role(v.GetRole()),
		Messages: v.GetMessages(),
	}
}
