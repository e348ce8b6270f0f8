package state_test

import (
	"fmt"
	"math/rand/v2"
	"path"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// TestDamagedLog cuts the power under load while memory is being written to a table, when the log has several files, and flips a
// byte in one of them: the store does not open, a repair that accepts the loss makes it open, and everybody goes on in the new
// epoch. History's checker says whether anything is lost but the end, and whether anybody was not told.
func TestDamagedLog(t *testing.T) {
	t.Parallel()
	for seed := range max(1, number(t, crashChainsEnv, 8)/8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 5))
			disk := vfs.NewCrashableMem()
			closeStore(t, open(t, disk)) // the first log of a directory is flushed by itself
			c := newCrew(t, random)
			c.damages = true
			files := 0
			for range 2 {
				disk = c.surviveDamage(disk, random, &files)
			}
			c.judge(disk)
			if files < 3 {
				t.Errorf("two logs had %d files together", files)
			}
		})
	}
}

// surviveDamage lets everybody work on a disk until the power is cut at the beginning of a table, damages what is left, and
// returns it repaired. It adds the number of the log's files to files.
func (c *crew) surviveDamage(disk *vfs.MemFS, random *rand.Rand, files *int) *vfs.MemFS {
	c.t.Helper()
	cut := newPowerCut(disk, random)
	cut.config = vfs.CrashCloneCfg{}
	cut.of = func(op errorfs.Op) bool { return op.Kind == errorfs.OpCreate && path.Ext(op.Path) == ".sst" }
	w := c.begin(cut.fs())
	cut.arm(random.IntN(2), w.die)
	<-cut.done
	if err := w.end(); err != nil {
		c.t.Errorf("the world that did not notice its end failed: %v", err)
	}
	left := cut.left
	logs := logFiles(c.t, left)
	*files += len(logs)
	opts := state.Options{FS: left}
	for { // until it hits something that is not at the very end of the log
		damaged := left.CrashClone(vfs.CrashCloneCfg{})
		opts.FS = damaged
		log := logs[random.IntN(len(logs))]
		size := len(readFile(c.t, damaged, log))
		if size < 1000 {
			continue
		}
		flipByte(c.t, damaged, log, random.IntN(size*3/4))
		if found, err := state.Repair(dataDir, opts, false); err != nil {
			c.t.Fatal(err)
		} else if found != nil {
			left = damaged
			break
		}
	}
	if s, err := state.Open(dataDir, opts); err == nil {
		c.t.Error("a damaged store opens")
		closeStore(c.t, s)
	}
	if found, err := state.Repair(dataDir, opts, true); found == nil || err != nil {
		c.t.Fatalf("%+v, %v", found, err)
	}
	return left
}
