package state_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/rialto-rpc/rialto/internal/chat/state"
	"github.com/rialto-rpc/rialto/internal/history"
)

// crashChainsEnv sets how many chains of crashes are played, 8 by default; each has crashesPerChain.
const crashChainsEnv = "RIALTO_CRASH_CHAINS"

const crashesPerChain = 5

// TestPowerLoss cuts the power again and again, before any operation of the file system that changes something, while many
// publish and many read: what is left on the disk is synced data, and a random part of what was not, and on that everybody
// goes on. History's checker says at the end whether anything acknowledged or shown was lost, doubled or different.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	for seed := range number(t, crashChainsEnv, 8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			disk := vfs.NewCrashableMem()
			c := newCrew(t, random)
			for range crashesPerChain {
				disk = c.surviveCut(disk, random)
			}
			c.judge(disk)
		})
	}
}

// TestPowerLossBetweenSyncs is TestPowerLoss where commits are answered before they are synced: what was said since the last
// sync may be lost, from the end, and only with a new epoch, in which everybody begins anew.
func TestPowerLossBetweenSyncs(t *testing.T) {
	t.Parallel()
	for seed := range number(t, crashChainsEnv, 3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 4))
			disk := vfs.NewCrashableMem()
			c := newCrew(t, random)
			c.interval = time.Duration(1+random.IntN(20)) * time.Millisecond
			for range crashesPerChain {
				disk = c.surviveCut(disk, random)
			}
			c.judge(disk)
		})
	}
}

// syncTicks are when the last syncs of the log began.
type syncTicks struct {
	mu    sync.Mutex
	ticks []history.Tick
}

func (s *syncTicks) begun(at history.Tick) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ticks = append(s.ticks, at)
}

// safe is before when all is on disk, whatever is lost. As the last sync began, the one before it was over; and before that one
// was written what was answered before the sync that came before both.
func (s *syncTicks) safe() history.Tick {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.ticks = nil }() // those of the next world are its own
	if len(s.ticks) < 3 {
		return 0
	}
	return s.ticks[len(s.ticks)-3]
}

// surviveCut lets everybody work on a disk until the power is cut, and returns what is left on it.
func (c *crew) surviveCut(disk *vfs.MemFS, random *rand.Rand) *vfs.MemFS {
	c.t.Helper()
	cut := newPowerCut(disk, random)
	cut.logSync = func() { c.syncs.begun(c.history.Now()) }
	w := c.begin(cut.fs())
	cut.arm(random.IntN(300), w.die)
	<-cut.done
	if err := w.end(); err != nil {
		c.t.Errorf("the world that did not notice its end failed: %v", err)
	}
	if random.IntN(4) > 0 {
		return cut.left
	}
	// The power goes again while the store recovers.
	again := newPowerCut(cut.left, random)
	again.arm(random.IntN(15), func() {})
	s, err := state.Open(dataDir, state.Options{FS: again.fs()})
	if err != nil {
		c.t.Fatal(err)
	}
	closeStore(c.t, s)
	<-again.done
	return again.left
}

// powerCut keeps what is left of a disk at one moment; whoever uses the disk goes on and does not notice.
type powerCut struct {
	disk   *vfs.MemFS
	config vfs.CrashCloneCfg
	wait   atomic.Int64 // operations until the cut; negative: not armed, or over
	before func()
	// of says which operations count. Nil: those that change something.
	of func(errorfs.Op) bool
	// logSync is called when a sync of the log begins. Nil: nobody.
	logSync func()
	done    chan struct{}
	left    *vfs.MemFS // set when done is closed
}

func newPowerCut(disk *vfs.MemFS, random *rand.Rand) *powerCut {
	p := &powerCut{
		disk: disk,
		config: vfs.CrashCloneCfg{
			UnsyncedDataPercent: random.IntN(101), RNG: rand.New(rand.NewPCG(random.Uint64(), 3)),
		},
		done: make(chan struct{}),
	}
	p.wait.Store(-1)
	return p
}

// arm cuts the power before the n-th operation from now that changes something, right after it called before.
func (p *powerCut) arm(n int, before func()) {
	p.before = before
	p.wait.Store(int64(n) + 1)
}

func (p *powerCut) fs() vfs.FS {
	return errorfs.Wrap(p.disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if isSync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData; isSync && p.logSync != nil && path.Ext(op.Path) == ".log" {
			p.logSync()
		}
		counts := op.Kind.ReadOrWrite() == errorfs.OpIsWrite
		if p.of != nil {
			counts = p.of(op)
		}
		if counts && p.wait.Add(-1) == 0 {
			p.before()
			p.left = p.disk.CrashClone(p.config)
			close(p.done)
		}
		return nil
	}))
}

// TestFullDisk lets the disk be full again and again, at any byte of any file. The store fails for good; with room on the
// disk it opens again, and everybody goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for seed := range number(t, crashChainsEnv, 8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 2))
			disk := vfs.NewCrashableMem()
			c := newCrew(t, random)
			for range crashesPerChain {
				full := &smallDisk{FS: disk}
				full.left.Store(int64(1) << 40)
				w := c.begin(full)
				c.history.WaitForAcks(random.IntN(100))
				full.left.Store(int64(random.IntN(64 << 10)))
				if err := w.failed(); !isNoSpace(err) {
					t.Errorf("the sequencer ended with %v", err)
				}
				if random.IntN(2) == 0 { // the machine goes down, too
					disk = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: random})
				}
			}
			c.judge(disk)
		})
	}
}

func isNoSpace(err error) bool { return errors.Is(err, syscall.ENOSPC) }
