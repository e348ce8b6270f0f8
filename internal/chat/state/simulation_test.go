package state_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
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

// A new verb needs no change here: it comes with randomCommand and the model, and reached.assertWhole says so if it does not.

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
		store:   openWith(t, state.Options{FS: vfs.NewMem(), CachedRooms: int(seed % 2)}), // 1, or the default
		model:   newModel(),
		reached: newReached(),
	}
}

// next returns the entry of a command. Like step and what it calls for each command, it says nothing of who called: to ask for
// that took a twentieth of the time.
func (s *simulation) next(t *testing.T, actor state.Actor, timeMS int64, command proto.Message) state.Entry {
	record, err := state.NewRecord(actor, timeMS, command)
	if err != nil {
		t.Fatal(err)
	}
	_, applied := s.store.Applied()
	record.Writer, record.N = 1, uint64(applied)+1
	return state.Entry{Pos: applied + 1, Record: record}
}

// step commits the next command and compares its result and the room it touched with the model. Every hundredth record is
// one that no binary knows.
func (s *simulation) step(t *testing.T) *state.Change {
	actor, timeMS, command := s.choose(s.random, s.model)
	e := s.next(t, actor, timeMS, command)
	if s.random.IntN(100) == 0 {
		e.Record.Kind = state.Kind(s.random.UintN(math.MaxUint16))
		e.Record.Body = []byte{0xff}
		command = nil
	}
	s.log = append(s.log, e)
	change, err := s.store.Apply([]state.Entry{e})
	if err == nil {
		err = s.store.Commit(change, s.random.IntN(16) == 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := state.Result{Refusal: state.UnsupportedRecord}
	if c, ok := command.(*storev1.Purge); ok {
		s.model.purged(t, s.store, c, timeMS)
		want = state.Result{}
	} else if command != nil {
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
	if erase, ok := command.(*storev1.EraseUser); ok {
		return s.erase(t, actor, timeMS, erase, change)
	}
	return change
}

// erase goes on with an erasure, which the model does at once, until it has ended. It returns what all of it changed.
func (s *simulation) erase(t *testing.T, actor state.Actor, timeMS int64, command *storev1.EraseUser, first *state.Change) *state.Change {
	t.Helper()
	all := *first
	for len(erasures(t, s.store)) > 0 {
		e := next(t, s.store, actor, timeMS, command)
		s.log = append(s.log, e)
		change := commit(t, s.store, e)
		if want := (state.Result{Pos: e.Pos}); change.Results[0] != want {
			t.Fatalf("seed %d: position %d, erasing goes on: result %+v, want %+v", s.seed, e.Pos, change.Results[0], want)
		}
		all.Results = append(all.Results, change.Results...)
		all.Events = append(all.Events, change.Events...)
		all.Touches = append(all.Touches, change.Touches...)
		all.Profiles = append(all.Profiles, change.Profiles...)
		all.ShutOuts = append(all.ShutOuts, change.ShutOuts...)
	}
	s.model.takeRemovals(t, s.store)
	return &all
}

// erasures returns who is being erased.
func erasures(t *testing.T, s *state.Store) []string {
	t.Helper()
	v := s.View()
	defer v.Close()
	users, err := v.Erasures(10)
	if err != nil {
		t.Fatal(err)
	}
	return users
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

// roomyGC has a simulation collect its garbage less often, in percent as GOGC: that is a quarter of its time.
const roomyGC = 800

// TestSimulation simulates commands in segments, each with a seed and a store of its own. After each command the store is
// compared with the model in the room it touched, after the last in everything. Then another process applies the log again, in
// batches of 1, 7 and 1,000, with reopening and power cuts between: the canonical dumps are equal.
func TestSimulation(t *testing.T) {
	t.Parallel()
	total := number(t, simulationEnv, 20_000)
	if os.Getenv(simulationEnv) != "" {
		defer debug.SetGCPercent(debug.SetGCPercent(roomyGC))
	}
	first := number(t, simulationSeedEnv, 1)
	var mu sync.Mutex // protects all
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
	if refused := all.refused(); refused*2 > total {
		t.Errorf("%d of %d commands were refused: equality says little", refused, total)
	}
}

func simulateSegment(t *testing.T, seed uint64, commands int) reached {
	sim := newSimulation(t, seed, likelyCommand)
	for range commands {
		sim.step(t)
	}
	compareAll(t, sim.store, sim.model)
	want, err := dumpSum(sim.store)
	check(t, err)
	if got := replayElsewhere(t, sim.log, seed); got != want {
		t.Errorf("seed %d: replayed in another process the state differs", seed)
	}
	closeStore(t, sim.store)
	return sim.reached
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
