package state_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

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
	const commits = 300 // more than a block of the log, so that Pebble sees damage by itself, too
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

// The log is of several files while what is in memory is being written to tables. Damage in one that is not the newest is
// repaired, too: it is cut there, and the files after it are put aside.
func TestRepairOfAnOlderFile(t *testing.T) {
	t.Parallel()
	left, epoch := logOfSeveralFiles(t)
	older := logFiles(t, left)
	newest := older[len(older)-1]
	older = older[:len(older)-1]
	random := rand.New(rand.NewPCG(1, 1))
	for n := range 3 {
		disk := left.CrashClone(vfs.CrashCloneCfg{})
		opts := state.Options{FS: disk}
		wal := older[n%len(older)]
		offset := random.IntN(len(readFile(t, disk, wal)) - 100)
		flipByte(t, disk, wal, offset)
		if _, err := state.Open(dataDir, opts); err == nil || !strings.Contains(err.Error(), disk.PathBase(wal)) {
			t.Fatalf("byte %d of %s flipped: %v", offset, wal, err)
		}
		found, err := state.Repair(dataDir, opts, false)
		if err != nil || found == nil || found.File != wal || found.Offset > int64(offset) || found.Later[len(found.Later)-1] != newest {
			t.Fatalf("looking, with byte %d of %s flipped: %+v, %v", offset, wal, found, err)
		}
		if _, err = state.Repair(dataDir, opts, true); err != nil {
			t.Fatal(err)
		}
		if found, err := state.Repair(dataDir, opts, true); found != nil || err != nil {
			t.Fatalf("after the repair: %+v, %v", found, err)
		}
		repaired := open(t, disk)
		now, pos := repaired.Applied()
		room, _, err := view(t, repaired).Room("lobby")
		check(t, err)
		if now == epoch || room.Head.Seq != uint64(pos) {
			t.Errorf("repaired at position %d, head %d, the same epoch: %v", pos, room.Head.Seq, now == epoch)
		}
	}
	if found, err := state.Repair(dataDir, state.Options{FS: left}, true); found != nil || err != nil {
		t.Errorf("of a log of several files that is well: %+v, %v", found, err)
	}
}

// logOfSeveralFiles returns a disk as it is when the power goes while the store writes its memory to the first table.
func logOfSeveralFiles(t *testing.T) (*vfs.MemFS, state.Epoch) {
	t.Helper()
	disk := vfs.NewCrashableMem()
	closeStore(t, open(t, disk))
	var armed atomic.Bool
	var left atomic.Pointer[vfs.MemFS]
	s := open(t, errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, ".sst") && armed.CompareAndSwap(true, false) {
			left.Store(disk.CrashClone(vfs.CrashCloneCfg{}))
		}
		return nil
	})))
	armed.Store(true)
	for i := 0; left.Load() == nil; i++ {
		do(t, s, user("ana"), 1, say("lobby", fmt.Sprint(i), strings.Repeat("What news on the Rialto? ", 4000)))
	}
	if n := len(logFiles(t, left.Load())); n < 2 {
		t.Fatalf("the log has %d files", n)
	}
	epoch, _ := s.Applied()
	return left.Load(), epoch
}

// logFiles returns the paths of the log's files, oldest first.
func logFiles(t *testing.T, fs vfs.FS) []string {
	t.Helper()
	names, err := fs.List(dataDir)
	check(t, err)
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, ".log") })
	slices.Sort(names)
	for i := range names {
		names[i] = fs.PathJoin(dataDir, names[i])
	}
	return names
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
