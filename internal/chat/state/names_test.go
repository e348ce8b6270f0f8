package state_test

import (
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// TestNamesSurvivePowerLoss cuts the power whenever names of the store's own files are changed but not yet on disk. Of such names any
// may be lost; the store opens all the same, with all that was committed.
func TestNamesSurvivePowerLoss(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 5))
	disk := vfs.NewCrashableMem()
	var left []*vfs.MemFS
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		isMarker := strings.HasPrefix(path.Base(op.Path), "marker.")
		isDirectory := op.Path == dataDir && op.Kind == errorfs.OpFileSync
		if isDirectory || isMarker && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			for range 10 {
				left = append(left, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: random}))
			}
		}
		return nil
	}))

	s := open(t, fs)
	do(t, s, user("ana"), 1, say("lobby", "1", "kept"))
	closeStore(t, s)
	first := len(left)
	closeStore(t, open(t, fs)) // makes a manifest anew
	if first == 0 || len(left) == first {
		t.Fatalf("%d moments when the store was made, %d when it was opened again", first, len(left)-first)
	}
	for i, disk := range left {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			s, err := state.Open(dataDir, state.Options{FS: disk})
			if err != nil {
				t.Fatal(err)
			}
			defer closeStore(t, s)
			if _, applied := s.Applied(); i >= first && applied != 1 {
				t.Errorf("applied %d of 1", applied)
			}
		})
	}
}
