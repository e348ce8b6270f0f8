package state_test

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// Where commits are not synced one by one, what a power loss may have taken shows as a new epoch; a stop in order keeps
// everything, and the epoch.
func TestEpochWithoutSync(t *testing.T) {
	t.Parallel()
	fs := vfs.NewCrashableMem()
	open := func(fs vfs.FS, interval bool) (*state.Store, state.Epoch) {
		s := openWith(t, state.Options{FS: fs, Interval: interval})
		epoch, _ := s.Applied()
		return s, epoch
	}
	post := func(s *state.Store, n int, sync bool) {
		t.Helper()
		for range n {
			_, pos := s.Applied()
			change, err := s.Apply([]state.Entry{entry(t, pos+1, user("a"), 1, say("lobby", fmt.Sprint(pos), "x"))})
			if err == nil {
				err = s.Commit(change, sync)
			}
			check(t, err)
		}
	}
	s, first := open(fs, true)
	post(s, 5, false)
	change, err := s.Apply(nil) // as the sequencer syncs what is not synced
	check(t, err)
	check(t, s.Commit(change, true))
	post(s, 5, false)
	crashed := fs.CrashClone(vfs.CrashCloneCfg{})

	t.Run("power loss", func(t *testing.T) {
		s, epoch := open(crashed, false)
		if _, pos := s.Applied(); epoch == first || pos < 5 || pos > 10 {
			t.Errorf("at position %d, the same epoch: %v", pos, epoch == first)
		}
		closeStore(t, s)
		s, again := open(crashed, false)
		if again != epoch {
			t.Error("the epoch is renewed twice")
		}
		closeStore(t, s)
	})
	t.Run("a stop in order", func(t *testing.T) {
		closeStore(t, s)
		s, epoch := open(fs.CrashClone(vfs.CrashCloneCfg{}), true)
		if _, pos := s.Applied(); epoch != first || pos != 10 {
			t.Errorf("at position %d, the same epoch: %v", pos, epoch == first)
		}
		closeStore(t, s)
	})
}
