package state_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// simulationEnv sets how many commands are simulated in all. simulationSeedEnv starts at another seed.
const (
	simulationEnv     = "RIALTO_SIMULATION"
	simulationSeedEnv = "RIALTO_SIMULATION_SEED"
)

// A new verb needs no change here: it comes with randomCommand and the model.

// simulation drives a store and the model with the same commands, one by one.
type simulation struct {
	seed    uint64
	random  *rand.Rand
	choose  chooser
	store   *state.Store
	model   *model
	reached reached
	log     []state.Entry
}

// chooser returns a random command; it may look at the model to choose one that fits.
type chooser func(*rand.Rand, *model) (actor state.Actor, timeMS int64, command proto.Message)

func newSimulation(t *testing.T, seed uint64, choose chooser) *simulation {
	t.Helper()
	return &simulation{
		seed:    seed,
		random:  rand.New(rand.NewPCG(seed, 0)),
		choose:  choose,
		store:   openWith(t, state.Options{FS: vfs.NewMem(), CachedRooms: 1}),
		model:   newModel(),
		reached: newReached(),
	}
}

// step commits the next command and compares its result and the room it touched with the model. Every hundredth record is
// one that no binary knows.
func (s *simulation) step(t *testing.T) *state.Change {
	t.Helper()
	actor, timeMS, command := s.choose(s.random, s.model)
	e := next(t, s.store, actor, timeMS, command)
	if s.random.IntN(100) == 0 {
		e.Record.Kind = state.Kind(s.random.UintN(math.MaxUint16))
		e.Record.Body = []byte{0xff}
		command = nil
	}
	s.log = append(s.log, e)
	change := commit(t, s.store, e)
	want := state.Result{Refusal: state.UnsupportedRecord}
	if command != nil {
		want = s.model.apply(actor, timeMS, command)
	}
	s.reached.count(command, want, change)
	want.Pos = e.Pos
	if got := change.Results[0]; got != want {
		t.Fatalf("seed %d: position %d, %T %v by %s: result %+v, want %+v", s.seed, e.Pos, command, command, actor.ID, got, want)
	}
	if command != nil {
		if in, ok := command.(interface{ GetRoom() string }); ok {
			comparePublished(t, s.store, s.model, in.GetRoom(), change)
		}
	}
	return change
}

// likelyCommand is randomCommand with every other command replaced by an everyday one, which fits: in rooms that nobody
// else disturbs, people post, edit, react and read. So most commands are accepted, whatever verbs are added.
func likelyCommand(r *rand.Rand, m *model) (state.Actor, int64, proto.Message) {
	actor, timeMS, command := randomCommand(r, m)
	if r.IntN(2) == 0 {
		return actor, timeMS, command
	}
	id := fmt.Sprint("quiet-", r.IntN(10))
	room := m.rooms[id]
	if room == nil || r.IntN(3) == 0 {
		clientID := fmt.Sprint("fresh ", r.Uint64())
		return actor, timeMS, &storev1.Publish{Room: id, ClientId: clientID, Body: text(fmt.Sprint("text ", r.IntN(100)))}
	}
	message := room.messages[r.IntN(len(room.messages))]
	switch r.IntN(4) {
	case 0:
		return message.Sender, timeMS, &storev1.Edit{Room: id, Seq: message.Seq, Text: fmt.Sprint("text ", r.IntN(100))}
	case 1:
		return actor, timeMS, &storev1.React{Room: id, Seq: message.Seq, Emoji: "👍", Remove: r.IntN(3) == 0}
	case 2:
		if r.IntN(2) == 0 {
			return actor, timeMS, &storev1.AddMember{Room: id}
		}
		return actor, timeMS, &storev1.RemoveMember{Room: id, User: actor.ID}
	default:
		return actor, timeMS, &storev1.MarkRead{Room: id, Seq: message.Seq}
	}
}

// maxSegment is the longest history of one seed: long enough for memtables to be flushed and tables compacted, short enough
// for the model to stay in memory.
const maxSegment = 50_000

// TestSimulation simulates commands in segments, each with a seed and a store of its own. After each command the store is
// compared with the model in the room it touched, after the last in everything. Then the log is applied again, in batches of
// 1, 7 or 1,000, with reopening and power cuts between, and in another process: all canonical dumps are equal.
func TestSimulation(t *testing.T) {
	t.Parallel()
	total := number(t, simulationEnv, 20_000)
	first := number(t, simulationSeedEnv, 1)
	var mu sync.Mutex // protects all and accepted
	all := newReached()
	t.Run("segments", func(t *testing.T) {
		segment := min(maxSegment, total/4+1)
		for n := uint64(0); n*segment < total; n++ {
			commands := min(segment, total-n*segment)
			t.Run(fmt.Sprint("seed ", first+n), func(t *testing.T) {
				t.Parallel()
				r := simulateSegment(t, first+n, int(commands))
				mu.Lock()
				defer mu.Unlock()
				all.add(r)
			})
		}
	})
	all.assertWhole(t)
	refused := 0
	for _, n := range all.refusals {
		refused += n
	}
	if uint64(refused)*2 > total {
		t.Errorf("%d of %d commands were refused: equality says little", refused, total)
	}
}

func simulateSegment(t *testing.T, seed uint64, commands int) reached {
	sim := newSimulation(t, seed, likelyCommand)
	for range commands {
		sim.step(t)
	}
	compareAll(t, sim.store, sim.model)
	want := dumpSum(t, sim.store)
	batch := []int{1, 7, 1000}[seed%3]
	if got := dumpSum(t, replayThroughCrashes(t, sim.log, batch, sim.random)); got != want {
		t.Errorf("seed %d: in batches of %d, through crashes, the state differs", seed, batch)
	}
	if got := replayElsewhere(t, sim.log); got != want {
		t.Errorf("seed %d: in another process the state differs", seed)
	}
	closeStore(t, sim.store)
	return sim.reached
}

// dumpSum is the hash of a store's dump.
func dumpSum(t *testing.T, s *state.Store) string {
	t.Helper()
	h := sha256.New()
	if err := s.Dump(h); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// replayThroughCrashes applies a log as a node behind a replicated log does: without syncing, from where it finds itself
// after each crash. About every tenth of the log the store is closed and opened again, or the power is cut.
func replayThroughCrashes(t *testing.T, log []state.Entry, batch int, random *rand.Rand) *state.Store {
	t.Helper()
	disk := vfs.NewCrashableMem()
	s := open(t, disk)
	for {
		_, at := s.Applied()
		rest := log[at:]
		if len(rest) == 0 {
			return s
		}
		stretch := rest[:min(len(rest), 1+random.IntN(len(log)/5+1))]
		for len(stretch) > 0 {
			n := min(batch, len(stretch))
			applyUnsynced(t, s, stretch[:n])
			stretch = stretch[n:]
		}
		if random.IntN(2) == 0 {
			closeStore(t, s)
		} else {
			left := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: random})
			closeStore(t, s)
			disk = left
		}
		s = open(t, disk)
	}
}

func applyUnsynced(t *testing.T, s *state.Store, entries []state.Entry) {
	t.Helper()
	change, err := s.Apply(entries)
	if err == nil {
		err = s.Commit(change, false)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// replayLogEnv names a file of records that the test binary, started again, applies; it prints the hash of the dump.
const replayLogEnv = "RIALTO_TEST_REPLAY_LOG"

// replayElsewhere applies a log in another process and returns the hash of its dump.
func replayElsewhere(t *testing.T, log []state.Entry) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	writeLog(t, path, log)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), replayLogEnv+"="+path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
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

// replayLog is the other process.
func replayLog(path string) int {
	sum, err := applyLog(path)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(sum)
	return 0
}

func applyLog(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	s, err := state.Open(dataDir, state.Options{FS: vfs.NewMem()})
	if err != nil {
		return "", err
	}
	defer s.Close()
	in := bufio.NewReader(f)
	for pos := state.Pos(1); ; pos++ {
		record, err := readRecord(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		change, err := s.Apply([]state.Entry{{Pos: pos, Record: record}})
		if err == nil {
			err = s.Commit(change, false)
		}
		if err != nil {
			return "", err
		}
	}
	h := sha256.New()
	err = s.Dump(h)
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

func readRecord(in *bufio.Reader) (state.Record, error) {
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return state.Record{}, err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(in, b); err != nil {
		return state.Record{}, fmt.Errorf("half a record: %w", err)
	}
	return state.UnmarshalRecord(b)
}

// number reads a positive number from the environment.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 {
		t.Fatalf("%s=%q: want a positive number", name, text)
	}
	return n
}
