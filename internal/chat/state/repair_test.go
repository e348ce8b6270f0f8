package state_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// A store whose log is damaged opens again after a repair that accepts the loss: with what came before the damage, whole and
// in order, under a new epoch. A repair that only looks changes nothing, and neither does one of a store that is well.
func TestRepair(t *testing.T) {
	t.Parallel()
	fs := vfs.NewCrashableMem()
	closeStore(t, open(t, fs))
	s := open(t, fs)
	epoch, _ := s.Applied()
	const commits = 60
	size := 0
	for i := range commits {
		size = len(readFile(t, fs, newestWAL(t, fs)))
		do(t, s, user("ana"), 1, say("lobby", fmt.Sprint(i), "hello"))
	}
	wal := newestWAL(t, fs)
	random := rand.New(rand.NewPCG(1, 1))
	for range 15 {
		left := fs.CrashClone(vfs.CrashCloneCfg{})
		opts := state.Options{FS: left}
		if found, err := state.Repair(dataDir, opts, true); found != nil || err != nil {
			t.Fatalf("of a store that is well: %+v, %v", found, err)
		}
		offset := random.IntN(size)
		flipByte(t, left, wal, offset)
		damaged := readFile(t, left, wal)
		found, err := state.Repair(dataDir, opts, false)
		if err != nil || found == nil || found.File != wal || found.Offset > int64(offset) || found.Kept != "" {
			t.Fatalf("looking, with byte %d flipped: %+v, %v", offset, found, err)
		}
		if _, err := state.Open(dataDir, opts); err == nil {
			t.Fatal("looking has repaired it")
		}
		if found, err = state.Repair(dataDir, opts, true); err != nil || found == nil {
			t.Fatalf("%+v, %v", found, err)
		}
		if !bytes.Equal(readFile(t, left, found.Kept), damaged) {
			t.Error("the damaged file is not kept as it was")
		}
		repaired := open(t, left)
		now, pos := repaired.Applied()
		if now == epoch || pos >= commits {
			t.Errorf("repaired at position %d, the same epoch: %v", pos, now == epoch)
		}
		v := view(t, repaired)
		room, _, err := v.Room("lobby")
		check(t, err)
		messages, err := v.Messages("lobby", 0, false, commits, 1<<20)
		check(t, err)
		if room.Head.Seq != uint64(pos) || len(messages) != int(pos) {
			t.Errorf("at position %d: head %d, %d messages", pos, room.Head.Seq, len(messages))
		}
	}
}

func TestRepairOfADirectoryInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := state.Open(dir, state.Options{})
	check(t, err)
	if _, err := state.Repair(dir, state.Options{}, true); err == nil {
		t.Error("no error")
	}
	closeStore(t, s)
	if found, err := state.Repair(dir, state.Options{}, true); found != nil || err != nil {
		t.Errorf("%+v, %v", found, err)
	}
}
