package state_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

func TestEpochStays(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := open(t, fs)
	first, pos := s.Applied()
	if len(first) != 32 || pos != 0 {
		t.Errorf("a fresh store is at %q, %d", first, pos)
	}
	do(t, s, user("ana"), 1, say("lobby", "1", "one"))
	closeStore(t, s)
	again, pos := open(t, fs).Applied()
	if again != first || pos != 1 {
		t.Errorf("opened again it is at %q, %d, want %q, 1", again, pos, first)
	}
	if other, _ := open(t, vfs.NewMem()).Applied(); other == first {
		t.Error("two stores have the same epoch")
	}
}

func TestOpenRefusesAnotherFormat(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	closeStore(t, open(t, fs))
	// The one test that knows a key: there is no other way to make a directory of the future.
	db, err := pebble.Open(dataDir, &pebble.Options{
		FS: fs, FormatMajorVersion: pebble.FormatNewest, Logger: silent{},
	})
	if err != nil {
		t.Fatal(err)
	}
	value, err := proto.Marshal(&storev1.MetaValue{Format: 99, Epoch: "e"})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Set([]byte("\x01format"), value, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = state.Open(dataDir, state.Options{FS: fs})
	if err == nil || !strings.Contains(err.Error(), `"data" has format 99`) {
		t.Errorf("error %v", err)
	}
}

type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) {}

// holdDirEnv names a directory that the test binary, started again, holds open until its standard input ends.
const holdDirEnv = "RIALTO_TEST_HOLD_DIR"

func holdDir(dir string) int {
	s, err := state.Open(dir, state.Options{})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer s.Close()
	fmt.Println("open")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

func TestOpenRefusesASecondProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), holdDirEnv+"="+dir)
	stdin, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "open\n" {
		t.Errorf("the holder says %q, %v", line, err)
	}
	_, err = state.Open(dir, state.Options{})
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("error %v", err)
	}
	stdin.Close()
	if err := holder.Wait(); err != nil {
		t.Error(err)
	}
	s, err := state.Open(dir, state.Options{})
	if err != nil {
		t.Fatalf("after the holder went: %v", err)
	}
	closeStore(t, s)
}

// TestOpenRefusesADamagedWAL flips one byte in each of many places of a synced WAL, all but its last record: the store
// does not open, and the error names the file.
func TestOpenRefusesADamagedWAL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		commits, batch int
		reopen         bool
	}{
		{20, 1, false}, {300, 1, false}, {10, 100, false}, {20, 1, true}, {300, 1, true}, {10, 100, true},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			t.Parallel()
			fs := vfs.NewCrashableMem()
			if c.reopen {
				closeStore(t, open(t, fs)) // the first WAL of a directory has shorter headers
			}
			s := open(t, fs)
			size := 0
			for range c.commits {
				size = len(readFile(t, fs, newestWAL(t, fs)))
				_, applied := s.Applied()
				var entries []state.Entry
				for i := range c.batch {
					pos := applied + 1 + state.Pos(i)
					entries = append(entries, entry(t, pos, user("ana"), 1, say("lobby", fmt.Sprint(pos), strings.Repeat("text ", 20))))
				}
				commit(t, s, entries...)
			}
			wal := newestWAL(t, fs)
			random := rand.New(rand.NewPCG(1, 1))
			for range 40 {
				left := fs.CrashClone(vfs.CrashCloneCfg{})
				offset := random.IntN(size)
				flipByte(t, left, wal, offset)
				damaged, err := state.Open(dataDir, state.Options{FS: left})
				if err == nil {
					t.Errorf("byte %d of %d: opened", offset, size)
					closeStore(t, damaged)
				} else if !strings.Contains(err.Error(), left.PathBase(wal)) || !strings.Contains(err.Error(), "damaged") {
					t.Errorf("byte %d: the error does not name %s: %v", offset, wal, err)
				}
			}
		})
	}
}

// TestOpenAHealthyWAL cuts the power behind records that end everywhere around the end of a block of the WAL, which is
// filled with zeros where no header fits.
func TestOpenAHealthyWAL(t *testing.T) {
	t.Parallel()
	const block, overhead = 32 << 10, 700 // a record is less than that longer than its text
	for length := block - overhead; length < block; length += 4 {
		fs := vfs.NewCrashableMem()
		closeStore(t, open(t, fs)) // the first WAL of a directory has shorter headers
		s := open(t, fs)
		for range 3 {
			do(t, s, user("ana"), 1, say("lobby", "", strings.Repeat("x", length)))
		}
		left, err := state.Open(dataDir, state.Options{FS: fs.CrashClone(vfs.CrashCloneCfg{})})
		if err != nil {
			t.Errorf("%d bytes: %v", length, err)
			continue
		}
		if got := headOf(t, left); got != 3 {
			t.Errorf("%d bytes: head %d", length, got)
		}
		closeStore(t, left)
		closeStore(t, s)
	}
}

// TestOpenAfterATornTail cuts the power while a part of the WAL is not synced.
func TestOpenAfterATornTail(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		fs := vfs.NewCrashableMem()
		s := open(t, fs)
		do(t, s, user("ana"), 1, say("lobby", "synced", "synced"))
		for i := range 30 {
			change, err := s.Apply([]state.Entry{next(t, s, user("ana"), 1, say("lobby", fmt.Sprint(i), strings.Repeat("x", 5000)))})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Commit(change, false); err != nil {
				t.Fatal(err)
			}
		}
		left := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(seed, 1))})
		torn := open(t, left)
		if _, ok, err := view(t, torn).Message("lobby", 1); !ok || err != nil {
			t.Errorf("seed %d: the synced message: %t, %v", seed, ok, err)
		}
	}
}

// newestWAL returns the path of the log with the highest number.
func newestWAL(t *testing.T, fs vfs.FS) string {
	t.Helper()
	names, err := fs.List(dataDir)
	if err != nil {
		t.Fatal(err)
	}
	newest := ""
	for _, name := range names {
		if strings.HasSuffix(name, ".log") && name > newest {
			newest = name
		}
	}
	return fs.PathJoin(dataDir, newest)
}

func readFile(t *testing.T, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimRight(b, "\x00")
}

func flipByte(t *testing.T, fs vfs.FS, path string, offset int) {
	t.Helper()
	f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], int64(offset)); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x55
	if _, err := f.WriteAt(b[:], int64(offset)); err != nil {
		t.Fatal(err)
	}
}
