package state_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// replayLogEnv names a file of records that the test binary, started again, replays; it prints the hash of the dump.
// replaySeedEnv is the seed of what happens meanwhile.
const (
	replayLogEnv  = "RIALTO_TEST_REPLAY_LOG"
	replaySeedEnv = "RIALTO_TEST_REPLAY_SEED"
)

// replayElsewhere replays a log in another process and returns the hash of its dump.
func replayElsewhere(t *testing.T, log []state.Entry, seed uint64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	writeLog(t, path, log)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), replayLogEnv+"="+path, fmt.Sprint(replaySeedEnv, "=", seed), fmt.Sprint("GOGC=", roomyGC))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// replayLog is the other process.
func replayLog(path string) int {
	sum, err := replaySum(path, os.Getenv(replaySeedEnv))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(sum)
	return 0
}

func replaySum(path, seedText string) (string, error) {
	seed, err := strconv.ParseUint(seedText, 10, 64)
	if err != nil {
		return "", err
	}
	log, err := readLog(path)
	if err != nil {
		return "", err
	}
	s, err := replayThroughCrashes(log, rand.New(rand.NewPCG(seed, 1)))
	if err != nil {
		return "", err
	}
	sum, err := dumpSum(s)
	return sum, errors.Join(err, s.Close())
}

// dumpSum is the hash of a store's dump.
func dumpSum(s *state.Store) (string, error) {
	h := sha256.New()
	err := s.Dump(h)
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

// replayBatches are how many entries are applied at once, in one stretch after the other.
var replayBatches = []int{1, 7, 1000}

// replayThroughCrashes applies a log as a node behind a replicated log does: hardly ever syncing, from where it finds itself
// after each crash. After each stretch of up to a fifth of the log the store is closed and opened again, or the power is cut.
func replayThroughCrashes(log []state.Entry, random *rand.Rand) (*state.Store, error) {
	disk := vfs.NewCrashableMem()
	for stretch := 0; ; stretch++ {
		s, err := state.Open(dataDir, state.Options{FS: disk})
		if err != nil {
			return nil, err
		}
		_, at := s.Applied()
		rest := log[at:]
		if len(rest) == 0 {
			return s, nil
		}
		batch := replayBatches[stretch%len(replayBatches)]
		if err := replay(s, rest[:min(len(rest), 1+random.IntN(len(log)/5+1))], batch, random); err != nil {
			return nil, err
		}
		left := disk
		if random.IntN(2) == 0 {
			left = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: random})
		}
		if err := s.Close(); err != nil {
			return nil, err
		}
		disk = left
	}
}

// replay applies entries in batches, of which one in a hundred is synced.
func replay(s *state.Store, entries []state.Entry, batch int, random *rand.Rand) error {
	for len(entries) > 0 {
		n := min(batch, len(entries))
		change, err := s.Apply(entries[:n])
		if err == nil {
			err = s.Commit(change, random.IntN(100) == 0)
		}
		if err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// writeLog writes each record behind its length.
func writeLog(t *testing.T, path string, log []state.Entry) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for _, e := range log {
		b, err := e.Record.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(binary.AppendUvarint(nil, uint64(len(b))))
		_, _ = w.Write(b)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func readLog(path string) ([]state.Entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	in := bufio.NewReader(f)
	var log []state.Entry
	for {
		record, err := readRecord(in)
		if errors.Is(err, io.EOF) {
			return log, nil
		}
		if err != nil {
			return nil, err
		}
		log = append(log, state.Entry{Pos: state.Pos(len(log) + 1), Record: record})
	}
}

func readRecord(in *bufio.Reader) (state.Record, error) {
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return state.Record{}, err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(in, b); err != nil {
		return state.Record{}, fmt.Errorf("half a record: %v", err)
	}
	return state.UnmarshalRecord(b)
}
