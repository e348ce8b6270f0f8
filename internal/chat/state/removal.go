package state

import (
	"time"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// What leaves a room leaves it in two steps. A Delete, a Trim or a DeleteRoom takes it out of every View, in a step of its own
// size; then Purges remove its rows, each a bounded number of keys, until [Room.Stale] says that there are none. What is still
// in the files of the database then is [Store.Erase]'s.

// What Apply decides on. Changing one needs a new record version.
const (
	// MaxPurgeKeys is how many keys one Purge touches at most.
	MaxPurgeKeys = 1000
	// KeptChanges is how many of a room's newest changes no Purge removes, so that whoever was away for a while is told them.
	KeptChanges = 1000
	// ClientIDsKept is how long a client_id is known at least, also if its message has left the room meanwhile.
	ClientIDsKept = 30 * 24 * time.Hour
)

// Retention is what of a room is kept: the messages that no limit excludes.
type Retention struct {
	Set      bool   // false: the room leaves that to the server, whose limits are those of the Trim
	Age      int64  // how old a message becomes, milliseconds; 0: however old
	Messages uint64 // how many there are; 0: however many
}

func retentionFromValue(v *storev1.Retention) Retention {
	return Retention{Set: v != nil, Age: v.GetAgeMs(), Messages: v.GetMessages()}
}

// Removal is how far what has left a room is gone from the database.
type Removal struct {
	Seq, Rev       uint64 // messages and changes below are gone
	ClientIDs      uint64 // those of messages below are forgotten
	ClientIDsUntil int64  // when the next of them may be, unix milliseconds; 0: there is none
	Position       Pos    // of the last command that removed something that somebody wrote
	changes        bool   // whether changes are to go
	erased         bool   // whether all of a deleted room is gone
}

func removalFromValue(room *storev1.RoomValue) Removal {
	v := room.GetRemoval()
	return Removal{
		Seq: max(v.GetSeq(), 1), Rev: max(v.GetRev(), 1), ClientIDs: max(v.GetClientIds(), 1), ClientIDsUntil: v.GetClientIdsUntilMs(),
		Position: Pos(v.GetPosition()), changes: v.GetChanges(), erased: v.GetErased(),
	}
}

// Stale reports whether a Purge at now, unix milliseconds, has something to remove.
func (r Room) Stale(now int64) bool {
	if r.Deleted != 0 {
		return !r.Removal.erased
	}
	return r.Removal.Seq < r.Head.FirstSeq || r.Removal.changes || r.Removal.ClientIDsUntil != 0 && r.Removal.ClientIDsUntil <= now
}

// removal returns what has left a room, to be changed.
func (r *room) removal() *storev1.Removal {
	if r.value.Removal == nil {
		r.value.Removal = &storev1.Removal{Seq: 1, Rev: 1, ClientIds: 1}
	}
	return r.value.Removal
}

// removed notes that the command being applied takes out of a room what somebody wrote, so that it will be erased.
func (t *transaction) removed(r *room) {
	r.removal().Position = uint64(t.applied)
	t.touch(r)
}
