package state

import (
	"bytes"
	"crypto/sha256"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// What one EraseUser does at most. Apply decides on it: changing it needs a new record version.
const (
	eraseVisits = 500 // rows looked at
	eraseWrites = 400 // rows written, but for those of one message more
)

// The stages of an erasure: what is gone through, in this order. The numbers are on disk.
const (
	eraseInRooms = iota // the rooms themselves
	eraseRows           // rooms' rows, but for their changes
	eraseChanges        // changes, last of the rows: what erasing the others shows names the user once more
	eraseInUsers        // users' rows
	eraseActs           // what operators did
	eraseStages         // how many there are
)

// DeletedUser is who stands in the place of those who were erased. Nobody has that id.
var DeletedUser = Actor{ID: "deleted", Name: "Deleted user"}

// goneID is what is known of a user who was erased: a hash, by which they are kept out, and which does not tell who they were.
type goneID [16]byte

func goneIDOf(user string) goneID {
	sum := sha256.Sum256([]byte("rialto erased user\x00" + user))
	return goneID(sum[:16])
}

// eraseUser takes somebody out of everything that is kept, a part at a time. The first record shuts them out for good. One of
// whom nothing is left to erase changes nothing.
func (t *transaction) eraseUser(r *Record, c *storev1.EraseUser) (Result, error) {
	progress, err := t.erasure(c.GetUser())
	if err != nil {
		return Result{}, err
	}
	if progress == nil {
		if t.gone(c.GetUser()) {
			return Result{}, nil
		}
		progress = &storev1.ErasureValue{}
		if err := t.putGone(c.GetUser()); err != nil {
			return Result{}, err
		}
	}
	e := erasing{transaction: t, record: r, user: c.GetUser(), progress: progress}
	if err := e.step(); err != nil {
		return Result{}, err
	}
	if progress.GetStage() < eraseStages {
		return Result{}, t.putErasure(c.GetUser(), progress)
	}
	return Result{}, e.finish()
}

// erasing is one step of an erasure.
type erasing struct {
	*transaction
	record   *Record
	user     string
	progress *storev1.ErasureValue
	visited  int
	start    uint32 // how much the batch held before
}

// step goes on where the last one ended.
func (e *erasing) step() error {
	if err := e.flushRooms(); err != nil {
		return err
	}
	e.start = e.batch.Count()
	for e.progress.GetStage() < eraseStages && !e.full() {
		if err := e.walk(); err != nil {
			return err
		}
	}
	return nil
}

func (e *erasing) full() bool {
	return e.visited >= eraseVisits || e.batch.Count()-e.start >= eraseWrites
}

// walk goes through the rows of the stage from where the last step ended, as far as this one may. It sees what the transaction
// has written before, and nothing of what it writes itself.
func (e *erasing) walk() error {
	lower, upper, visit := e.stage()
	if next := e.progress.GetNext(); len(next) > 0 {
		lower = next
	}
	own := e.store.db.NewIndexedBatch() // on what was committed last: nothing else writes rows
	if err := own.Apply(e.batch, nil); err != nil {
		return errors.Join(err, own.Close())
	}
	iter, err := own.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return errors.Join(err, own.Close())
	}
	return errors.Join(e.visit(iter, visit), iter.Close(), own.Close())
}

// visit has visit called with each row, or those that it asks for, until the end of the stage or that of the step.
func (e *erasing) visit(iter *pebble.Iterator, visit func(key, value []byte) ([]byte, error)) error {
	for ok := iter.First(); ok; {
		if e.full() {
			e.progress.Next = bytes.Clone(iter.Key())
			return nil
		}
		e.visited++
		value, err := iter.ValueAndErr()
		if err != nil {
			return err
		}
		next, err := visit(bytes.Clone(iter.Key()), value)
		switch {
		case err != nil:
			return err
		case next != nil:
			ok = iter.SeekGE(next)
		default:
			ok = iter.Next()
		}
	}
	e.progress.Stage, e.progress.Next = e.progress.GetStage()+1, nil
	return iter.Error()
}

// stage returns which keys it goes through, and what it does with each: that returns the key to go on with, nil for the next.
func (e *erasing) stage() (lower, upper []byte, visit func(key, value []byte) ([]byte, error)) {
	switch e.progress.GetStage() {
	case eraseInRooms:
		return []byte{tableRooms}, []byte{tableRooms + 1}, e.visitRoom
	case eraseRows:
		return []byte{tableRows}, []byte{tableRows + 1}, e.visitRow
	case eraseChanges:
		return []byte{tableRows}, []byte{tableRows + 1}, e.visitChange
	case eraseInUsers:
		return []byte{tableUsers}, []byte{tableUsers + 1}, e.visitUserRow
	default:
		return []byte{tableServer, serverAct}, []byte{tableServer, serverAct + 1}, e.visitAct
	}
}

// finish forgets who was erased, and writes down that somebody was.
func (e *erasing) finish() error {
	if err := e.removeServerBan(serverUserBan, e.user); err != nil {
		return err
	}
	set(&e.erasures, e.user, nil)
	if err := e.batch.Delete(appendServerKey(nil, serverErasure, e.user), nil); err != nil {
		return err
	}
	e.change.Erased = true
	e.key = append(e.key[:0], tableServer, serverErased)
	if err := e.setUint64(uint64(e.applied)); err != nil {
		return err
	}
	return e.auditOperator(e.record, &storev1.OperatorActValue{Action: uint32(UserErased), Messages: e.progress.GetMessages()})
}

// visitRoom takes the user out of what is said of a room.
func (e *erasing) visitRoom(key, _ []byte) ([]byte, error) {
	room, err := e.everRoom(string(key[1:]))
	if err != nil || room == nil {
		return nil, err
	}
	v := room.value
	if v.GetCreator().GetId() == e.user {
		v.Creator = actorToValue(DeletedUser)
		e.touch(room)
	}
	if people := replaced(v.GetPeople(), e.user); people != nil {
		v.People = people
		e.touch(room)
	}
	if v.GetRemoval().GetDeletedBy() == e.user {
		v.Removal.DeletedBy = DeletedUser.ID
		e.touch(room)
	}
	return nil, nil
}

// visitUserRow removes the user's own rows, and that others have blocked them.
func (e *erasing) visitUserRow(key, _ []byte) ([]byte, error) {
	user, kind, id := splitRow(key)
	switch {
	case string(user) != e.user && kind == userBlock && string(id) == e.user:
		return nil, e.putBlock(blockID{string(user), e.user}, false)
	case string(user) != e.user:
		return nil, nil
	case kind == userBlock:
		return nil, e.putBlock(blockID{e.user, string(id)}, false)
	case kind == userBlocks: // which goes with the last block
		return nil, nil
	case kind == userSelf:
		return nil, e.putProfile(e.user, nil)
	}
	return nil, e.batch.Delete(key, nil)
}

// visitAct takes the user out of what operators did.
func (e *erasing) visitAct(key, value []byte) ([]byte, error) {
	v := new(storev1.OperatorActValue)
	if err := decodeValue(key, value, v); err != nil || v.GetUser() != e.user {
		return nil, err
	}
	v.User = DeletedUser.ID
	e.key = append(e.key[:0], key...)
	return nil, e.set(v)
}

// anonymous puts the deleted user in the place of an actor who is the user, and reports whether it was.
func (e *erasing) anonymous(a **storev1.Actor) bool {
	if (*a).GetId() != e.user {
		return false
	}
	*a = actorToValue(DeletedUser)
	return true
}
