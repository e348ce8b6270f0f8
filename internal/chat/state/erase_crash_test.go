package state_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// TestPowerLossWhileErasing cuts the power while what was removed is being erased and commands are committed, from two
// goroutines: the store opens, and has all that was acknowledged and nothing that was removed.
func TestPowerLossWhileErasing(t *testing.T) {
	t.Parallel()
	for seed := range number(t, crashChainsEnv, 8) * 4 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 5))
			disk := vfs.NewCrashableMem()
			cut := newPowerCut(disk, random)
			s, err := state.Open(dataDir, state.Options{FS: cut.fs()})
			if err != nil {
				t.Fatal(err)
			}
			work := eraseUnderLoad(t, s, cut, random)
			closeStore(t, s)

			left := open(t, cut.left)
			v := view(t, left)
			room, _, err := v.Room("lobby")
			if err != nil || room.Head.Seq < work.acknowledged || room.Head.FirstSeq < work.first {
				t.Errorf("left is %+v (%v), of %+v", room, err, work)
			}
			if messages, err := v.Messages("lobby", 0, false, 1000, 1<<20); err != nil || uint64(len(messages)) != room.Head.Seq+1-max(room.Head.FirstSeq, 1) {
				t.Errorf("%d messages of %+v, %v", len(messages), room.Head, err)
			}
			if err := left.Erase(t.Context(), time.Now(), noRest); err != nil {
				t.Error(err)
			}
		})
	}
}

func noRest(context.Context, time.Duration) error { return nil }

// done is what had been acknowledged when the power was cut.
type done struct{ acknowledged, first uint64 }

// eraseUnderLoad posts, trims and purges in one goroutine and erases in another until the power is cut, and returns what
// had been acknowledged by then.
func eraseUnderLoad(t *testing.T, s *state.Store, cut *powerCut, random *rand.Rand) done {
	t.Helper()
	var mu sync.Mutex // guards what follows
	var now, atCut done
	cut.arm(20+random.IntN(300), func() {
		mu.Lock()
		defer mu.Unlock()
		atCut = now
	})
	ctx, stop := context.WithCancel(t.Context())
	var erasing sync.WaitGroup
	erasing.Go(func() { // ends with stop
		for ctx.Err() == nil {
			if err := s.Erase(ctx, time.Now(), noRest); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	for i := int64(1); ; i++ {
		seq := do(t, s, user("ana"), i, say("lobby", "", fmt.Sprint("message ", i))).Seq
		mu.Lock()
		now.acknowledged = seq
		mu.Unlock()
		if i%7 == 0 {
			do(t, s, keeper, i, &storev1.Trim{Room: "lobby", Seq: seq - 3, Otherwise: &storev1.Retention{Messages: 3}})
			mu.Lock()
			now.first = seq - 2
			mu.Unlock()
			do(t, s, keeper, i, &storev1.Purge{Room: "lobby"})
		}
		select {
		case <-cut.done:
			stop()
			erasing.Wait()
			return atCut
		default:
		}
	}
}
