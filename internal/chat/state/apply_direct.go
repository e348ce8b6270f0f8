package state

import (
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strconv"
	"strings"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// MaxDirect is how many people a direct room has at most. Apply decides on it: changing it needs a new record version.
const MaxDirect = 8

// directPrefix is what the ids of direct rooms start with, and no others.
const directPrefix = "direct."

// Reserved reports whether a room of this id can only be made by the people whose direct room it is.
func (id RoomID) Reserved() bool { return strings.HasPrefix(string(id), directPrefix) }

var directEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// DirectRoom returns the id of the direct room of some people, whatever their order, and who they are, each once and in
// order. Since no id is used again, they have another room after one was deleted: generation is how many were.
func DirectRoom(generation uint32, users ...string) (RoomID, []string) {
	people := slices.Compact(slices.Sorted(slices.Values(users)))
	named := strings.Join(people, "\x00")
	if generation > 0 {
		named += "\x00\x00" + strconv.FormatUint(uint64(generation), 10) // what no people's ids are: none is empty
	}
	sum := sha256.Sum256([]byte(named))
	return RoomID(directPrefix + directEncoding.EncodeToString(sum[:20])), people
}

// openDirect makes the direct room of the actor and others, if there is none of this generation.
func (t *transaction) openDirect(r *Record, c *storev1.OpenDirect) (Result, error) {
	id, people := DirectRoom(c.GetGeneration(), append(slices.Clone(c.GetUsers()), r.Actor.ID)...)
	if string(id) != c.GetRoom() || len(people) < 2 || len(people) > MaxDirect {
		return Result{Refusal: UnsupportedRecord}, nil
	}
	if last, err := t.lastGeneration(c.GetGeneration(), people); err != nil || !last {
		return Result{Refusal: UnsupportedRecord}, err
	}
	there, err := t.everRoom(c.GetRoom())
	switch {
	case err != nil:
		return Result{}, err
	case there.deleted():
		return Result{Refusal: RoomDeleted}, nil
	case there != nil:
		return Result{}, nil
	}
	for _, user := range people {
		if blocked, err := t.blocked(user, r.Actor.ID); err != nil || blocked {
			return Result{Refusal: Blocked}, err
		}
	}
	room := t.newRoom(c.GetRoom(), &storev1.Settings{Kind: uint32(Direct)}, r)
	room.value.People, room.value.Members = people, uint64(len(people))
	for _, user := range people {
		who := &storev1.Actor{Id: user}
		if user == r.Actor.ID {
			who = room.value.GetCreator()
		}
		err := t.putMember(room, &storev1.MemberValue{
			Actor: who, Role: uint32(RoleMember), CreateTimeMs: room.value.GetCreateTimeMs(),
		})
		if err != nil {
			return Result{}, err
		}
	}
	return t.recordRoom(room, r)
}

// lastGeneration reports whether all rooms that some people had before that of a generation were deleted. Since it was asked of each
// of them, too, when it was made, the newest says so.
func (t *transaction) lastGeneration(generation uint32, people []string) (bool, error) {
	if generation == 0 {
		return true, nil
	}
	id, _ := DirectRoom(generation-1, people...)
	before, err := t.everRoom(string(id))
	return before.deleted(), err
}

// mayWrite is mayPost, and refuses what is written in a direct room of two if the other has blocked the sender.
func (t *transaction) mayWrite(in entered, sender string) (Result, error) {
	result, other := in.mayPost(), opposite(in.value.GetPeople(), sender)
	if other == "" || result.Refusal != Accepted {
		return result, nil
	}
	if blocked, err := t.blocked(other, sender); err != nil || blocked {
		return Result{Refusal: Blocked}, err
	}
	return Result{}, nil
}

// block says that the actor wants nothing more from somebody, or again does. It takes no rev: nobody else is told.
func (t *transaction) block(r *Record, c *storev1.Block) (Result, error) {
	if c.GetUser() == r.Actor.ID {
		return Result{Refusal: UnsupportedRecord}, nil
	}
	is, err := t.blocked(r.Actor.ID, c.GetUser())
	if err != nil || is == !c.GetLift() {
		return Result{}, err
	}
	if most := uint64(c.GetMaxBlocked()); most != 0 && !c.GetLift() {
		if n, err := t.blockCount(r.Actor.ID); err != nil || n >= most {
			return Result{Refusal: TooManyBlocked}, err
		}
	}
	return Result{}, t.putBlock(blockID{r.Actor.ID, c.GetUser()}, !c.GetLift())
}
