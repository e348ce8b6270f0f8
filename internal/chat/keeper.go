package chat

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// Retention is what is kept of rooms that do not say so themselves. The zero value keeps everything.
type Retention struct {
	Age      time.Duration // how old a message becomes, an hour to 100 years; 0: however old
	Messages uint64        // how many there are, 1,000 to 10^12; 0: however many
}

// Validate says whether a server can run with this retention.
func (r Retention) Validate() error {
	if r.Age != 0 && (r.Age < minRetainAge || r.Age > maxRetainAge) {
		return fmt.Errorf("messages kept for %v: 0 (for good), or an hour to 100 years", r.Age)
	}
	if r.Messages != 0 && (r.Messages < minRetainMessages || r.Messages > maxRetainMessages) {
		return fmt.Errorf("%d messages kept of a room: 0 (all), or 1,000 to 10^12", r.Messages)
	}
	return nil
}

// Eraser frees the disk of what has left the state.
type Eraser interface {
	// Erase frees it of all that was removed so far. It calls rest with how long it was busy, between pieces of work, and ends
	// with the error that rest returns.
	Erase(ctx context.Context, now time.Time, rest func(ctx context.Context, busy time.Duration) error) error
	// LastErased returns when it did so last; the zero time: never.
	LastErased() (time.Time, error)
}

const (
	// keeperPause is how long a keeper that begins lets others begin.
	keeperPause = time.Minute
	// trimInterval is how often all rooms are looked through for messages that they do not keep.
	trimInterval = 15 * time.Minute
	// trimStep is how many messages leave a room at least. So each message is looked at once, and most are removed by ranges.
	trimStep = 1000
	// eraseInterval is how often the disk is freed of what is gone: so that nothing is there a day later, also where that
	// takes hours.
	eraseInterval = 8 * time.Hour
	// keeperShare is how much of the time the keeper rests, as a multiple of that in which it is busy.
	keeperShare = 9
	maxRest     = time.Minute
	keeperPage  = 500 // rooms that are looked at together
)

// keeperActor is who takes out of rooms what they do not keep. It is no user's id.
var keeperActor = state.Actor{ID: "the keeper"}

// keeper sees to it that rooms keep no more than they are to, and the disk nothing that has left them. It remembers nothing:
// what is to be done, rooms say.
type keeper struct {
	engine    *engine
	eraser    Eraser // nil: none
	otherwise *storev1.Retention
	wake      chan struct{} // of size 1: rooms has some

	mu    sync.Mutex // guards rooms
	rooms map[state.RoomID]struct{}
}

func newKeeper(e *engine, eraser Eraser, r Retention) *keeper {
	return &keeper{
		engine: e, eraser: eraser, wake: make(chan struct{}, 1), rooms: make(map[state.RoomID]struct{}),
		otherwise: &storev1.Retention{AgeMs: r.Age.Milliseconds(), Messages: r.Messages},
	}
}

// Keep removes from rooms what they do not keep any more, and from the disk what has left them, now and then until ctx ends. It
// is called once.
func (s *Service) Keep(ctx context.Context) {
	var parts sync.WaitGroup
	parts.Go(func() { s.keeper.trim(ctx) })
	if s.keeper.eraser != nil {
		parts.Go(func() { s.keeper.erase(ctx) })
	}
	parts.Wait()
}

// Purge removes what has left rooms, all of it, and returns then. It trims nothing.
func (s *Service) Purge(ctx context.Context) error { return s.keeper.all(ctx, s.keeper.purge) }

// look has the keeper look at a room soon. Beyond some hundred rooms that wait, their turn comes with that of all.
func (k *keeper) look(room state.RoomID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.rooms) < keeperPage {
		k.rooms[room] = struct{}{}
	}
	notify(k.wake)
}

// trim looks through all rooms, again and again, and meanwhile at those it is told of.
func (k *keeper) trim(ctx context.Context) {
	next := time.NewTimer(keeperPause)
	defer next.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
			err = k.some(ctx)
		case <-next.C:
			err = k.all(ctx, k.room)
			next.Reset(trimInterval)
		}
		if err != nil && ctx.Err() == nil {
			k.engine.log.Warn("rooms were not trimmed", "err", err)
		}
	}
}

func (k *keeper) some(ctx context.Context) error {
	k.mu.Lock()
	rooms := k.rooms
	k.rooms = make(map[state.RoomID]struct{})
	k.mu.Unlock()
	var all error
	for id := range rooms {
		room, err := k.read(id)
		if err == nil {
			err = k.room(ctx, room)
		}
		all = errors.Join(all, err)
	}
	return all
}

// all visits all rooms, also those that were deleted.
func (k *keeper) all(ctx context.Context, visit func(context.Context, state.Room) error) error {
	for after := state.RoomID(""); ; {
		began := time.Now()
		v := k.engine.views.View()
		rooms, err := v.Rooms(after, keeperPage)
		v.Close()
		if err != nil {
			return err
		}
		for _, room := range rooms {
			if err := visit(ctx, room); err != nil {
				return err
			}
			after = room.ID
		}
		if len(rooms) < keeperPage {
			return nil
		}
		if err := rest(ctx, time.Since(began)); err != nil {
			return err
		}
	}
}

// room trims a room and removes what has left it.
func (k *keeper) room(ctx context.Context, room state.Room) error {
	seq, err := k.excluded(room)
	if err != nil {
		return err
	}
	if seq > 0 {
		err := k.do(ctx, &storev1.Trim{Room: string(room.ID), Seq: seq, Otherwise: k.otherwise})
		if err != nil {
			return err
		}
		if room, err = k.read(room.ID); err != nil {
			return err
		}
	}
	return k.purge(ctx, room)
}

// purge removes what has left a room.
func (k *keeper) purge(ctx context.Context, room state.Room) error {
	for room.Stale(k.now()) {
		began := time.Now()
		err := k.do(ctx, &storev1.Purge{Room: string(room.ID)})
		if err == nil {
			room, err = k.read(room.ID)
		}
		if err == nil {
			err = rest(ctx, time.Since(began)/keeperShare) // half of the time: publishes go on meanwhile
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// excluded returns the newest message that a room does not keep, if there are enough of them; otherwise 0.
func (k *keeper) excluded(room state.Room) (seq uint64, err error) {
	keep := room.Settings.Retention
	if !keep.Set {
		keep = state.Retention{Age: k.otherwise.GetAgeMs(), Messages: k.otherwise.GetMessages()}
	}
	head := room.Head
	if room.Deleted != 0 || head.Seq+1-head.FirstSeq < trimStep {
		return 0, nil
	}
	if n := keep.Messages; n != 0 && head.Seq > n {
		seq = head.Seq - n
	}
	if keep.Age > 0 {
		old, err := k.older(room, k.now()-keep.Age)
		if err != nil {
			return 0, err
		}
		seq = max(seq, old)
	}
	if seq+1 < head.FirstSeq+trimStep {
		return 0, nil
	}
	return seq, nil
}

// older returns the newest message posted at or before a time; 0 if it is not worth a step.
func (k *keeper) older(room state.Room, at int64) (uint64, error) {
	v := k.engine.views.View()
	defer v.Close()
	var failed error
	newer := func(seq uint64) bool {
		m, ok, err := v.Message(room.ID, seq)
		failed = errors.Join(failed, err)
		return ok && m.CreateTime > at
	}
	least := room.Head.FirstSeq + trimStep - 1
	if newer(least) {
		return 0, failed
	}
	n := sort.Search(int(room.Head.Seq-least), func(i int) bool { return newer(least + 1 + uint64(i)) })
	return least + uint64(n), failed
}

// read returns a room as it is now; the zero value if there never was one.
func (k *keeper) read(id state.RoomID) (state.Room, error) {
	v := k.engine.views.View()
	defer v.Close()
	room, _, err := v.Room(id)
	return room, err
}

// do appends a command, also while the disk is nearly full: it makes room.
func (k *keeper) do(ctx context.Context, command proto.Message) error {
	rec, err := k.engine.record(keeperActor, command)
	if err != nil {
		return err
	}
	_, err = k.engine.sequencer.Append(ctx, rec) // a refusal: the room was deleted meanwhile
	if errors.Is(err, sequencer.ErrUnknown) {
		return nil // the room will tell
	}
	return err
}

func (k *keeper) now() int64 { return k.engine.now().UnixMilli() }

// erase frees the disk of what is gone, each [eraseInterval].
func (k *keeper) erase(ctx context.Context) {
	for {
		last, err := k.eraser.LastErased()
		if wait(ctx, max(keeperPause, eraseInterval-k.engine.now().Sub(last))) != nil {
			return
		}
		if err == nil && !k.engine.views.Full() { // which needs some room itself
			err = k.eraser.Erase(ctx, k.engine.now(), rest)
		}
		if err != nil && ctx.Err() == nil {
			k.engine.log.Warn("the disk was not freed of what is gone", "err", err)
		}
	}
}

// rest lets others work, for long if the keeper was busy for long.
func rest(ctx context.Context, busy time.Duration) error {
	return wait(ctx, min(busy*keeperShare, maxRest))
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
