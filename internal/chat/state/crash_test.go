package state_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer/local"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// TestPowerLoss cuts the power at random moments while many publish and many read, and opens what is left on the disk:
// synced data, and a random part of what was not. Nothing acknowledged and nothing that a View ever showed may be lost
// or different.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			testPowerLoss(t, rand.New(rand.NewPCG(seed, 1)))
		})
	}
}

const crashRooms = 3

func testPowerLoss(t *testing.T, random *rand.Rand) {
	const publishers, readers, cuts = 20, 2, 3
	fs := vfs.NewCrashableMem()
	committed := make(chan struct{}, 1) // wakes a reader
	s := openWith(t, state.Options{FS: fs, OnCommit: func(*state.Change) {
		select {
		case committed <- struct{}{}:
		default:
		}
	}})
	seq := local.New(local.Options{MaxBatch: 16})
	ledger := newLedger()
	epoch, _ := s.Applied()

	// The run ends with ctx; all goroutines are waited for here.
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	all.Go(func() {
		if err := seq.Run(ctx, s); err != nil {
			t.Error(err)
		}
	})
	for i := range publishers {
		r := rand.New(rand.NewPCG(random.Uint64(), 2))
		all.Go(func() { publishUntilDone(ctx, t, seq, ledger, person(i), r) })
	}
	for range readers {
		all.Go(func() { readUntilDone(ctx, t, s, committed, ledger) })
	}
	for range cuts {
		ledger.waitForAcks(random.IntN(300))
		known := ledger.copy() // before the cut
		left := fs.CrashClone(vfs.CrashCloneCfg{
			UnsyncedDataPercent: random.IntN(101),
			RNG:                 rand.New(rand.NewPCG(random.Uint64(), 3)),
		})
		known.assertOn(t, left, epoch)
	}
}

func publishUntilDone(
	ctx context.Context, t *testing.T, seq sequencer.Sequencer, l *ledger, actor state.Actor, r *rand.Rand,
) {
	for i := 0; ctx.Err() == nil; i++ {
		command := say(fmt.Sprint("room-", r.IntN(crashRooms)), fmt.Sprint("c", i), fmt.Sprint(actor.ID, i))
		record, err := state.NewRecord(actor, int64(1000+i), command)
		if err != nil {
			t.Error(err)
			return
		}
		results, err := seq.Append(ctx, record)
		if err == nil {
			l.acknowledged(command, actor, results[0])
		} else if ctx.Err() == nil {
			t.Errorf("append: %v", err)
		}
	}
}

// readUntilDone notes what the Views after commits show.
func readUntilDone(ctx context.Context, t *testing.T, s *state.Store, committed <-chan struct{}, l *ledger) {
	var rev [crashRooms]uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-committed:
		}
		v := s.View()
		for i := range rev {
			events, err := v.Events(state.RoomID(fmt.Sprint("room-", i)), rev[i], 50, math.MaxInt)
			if err != nil {
				t.Error(err)
			}
			for _, e := range events {
				l.showed(e)
				rev[i] = e.Rev
			}
		}
		v.Close()
	}
}

// ledger is what the world knows: what was acknowledged, and what was shown.
type ledger struct {
	mu    sync.Mutex // protects what follows
	more  sync.Cond
	acks  int
	known map[place]fact
}

type place struct {
	room state.RoomID
	rev  uint64
}

type fact struct {
	kind             state.ChangeKind
	seq              uint64
	sender, clientID string
	time             int64
}

func newLedger() *ledger {
	l := &ledger{known: make(map[place]fact)}
	l.more.L = &l.mu
	return l
}

func (l *ledger) acknowledged(c *storev1.Publish, actor state.Actor, r state.Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known[place{state.RoomID(c.GetRoom()), r.Rev}] = fact{state.Posted, r.Seq, actor.ID, c.GetClientId(), r.Time}
	l.acks++
	l.more.Broadcast()
}

func (l *ledger) showed(e *state.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known[place{e.Room, e.Rev}] = factOf(e)
}

func factOf(e *state.Event) fact {
	return fact{e.Kind, e.Message.Seq, e.Actor.ID, e.Message.ClientID, e.Time}
}

// waitForAcks returns after n more acknowledgements.
func (l *ledger) waitForAcks(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for until := l.acks + n; l.acks < until; {
		l.more.Wait()
	}
}

func (l *ledger) copy() *ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &ledger{known: maps.Clone(l.known)}
}

// assertOn opens what is left and compares: every known fact is there, without gaps and in the same epoch.
func (l *ledger) assertOn(t *testing.T, fs vfs.FS, epoch state.Epoch) {
	t.Helper()
	s, err := state.Open(dataDir, state.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	v := s.View()
	if v.Epoch() != epoch {
		t.Errorf("epoch %s became %s", epoch, v.Epoch())
	}
	for i := range crashRooms {
		l.assertRoom(t, v, state.RoomID(fmt.Sprint("room-", i)))
	}
	for p := range l.known {
		t.Errorf("lost: %+v %+v", p, l.known[p])
	}
	v.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// assertRoom crosses out what it finds.
func (l *ledger) assertRoom(t *testing.T, v state.View, id state.RoomID) {
	t.Helper()
	room, _, err := v.Room(id)
	events, eventsErr := v.Events(id, 0, math.MaxInt, math.MaxInt)
	messages, messagesErr := v.Messages(id, 0, false, math.MaxInt, math.MaxInt)
	if err := errors.Join(err, eventsErr, messagesErr); err != nil {
		t.Fatal(err)
	}
	if room.Head.Rev != uint64(len(events)) || room.Head.Seq != uint64(len(messages)) {
		t.Errorf("%s: head %+v with %d events and %d messages", id, room.Head, len(events), len(messages))
	}
	for i, m := range messages {
		if m.Seq != uint64(i)+1 {
			t.Fatalf("%s: seq %d at %d", id, m.Seq, i)
		}
	}
	for i, e := range events {
		if e.Rev != uint64(i)+1 {
			t.Fatalf("%s: rev %d at %d", id, e.Rev, i)
		}
		p := place{id, e.Rev}
		if want, ok := l.known[p]; ok && want != factOf(e) {
			t.Errorf("%+v is %+v, was %+v", p, factOf(e), want)
		}
		delete(l.known, p)
	}
}
