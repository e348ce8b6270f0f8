package chat_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/metadata"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// mind is what a client of the simulation knows, and what it was shown that it should not have been.
type mind struct {
	user auth.Principal
	ctx  context.Context // of unary calls, with its token

	mu              sync.Mutex
	rooms           map[string]uint64 // the last rev of each room it follows
	shown           map[string]uint64 // the highest rev of anything, of rooms it ever followed
	epoch           string
	replays, resets int // joins that continued, and that did not although they were to
	faults          []string
}

func (m *mind) receive(resp *chatv1.ConnectResponse) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range resp.GetEvents() {
		room := e.GetRoom()
		rev, follows := m.rooms[room]
		for _, said := range append(e.GetSnapshot().GetMessages(), e.GetPosted(), e.GetEdited(), e.GetDeleted()) {
			m.shown[room] = max(m.shown[room], said.GetRev())
		}
		m.shown[room] = max(m.shown[room], e.GetRev())
		switch {
		case e.GetShutOut() != nil:
			delete(m.rooms, room)
		case e.GetSnapshot() != nil:
			m.epoch = e.GetSnapshot().GetEpoch()
			if e.GetSnapshot().GetMore() {
				continue
			}
			m.rooms[room] = e.GetRev()
			if e.GetSnapshot().GetReason() != chatv1.SnapshotReason_SNAPSHOT_REASON_HISTORY {
				m.resets++
			}
		case e.GetRev() == 0:
		case !follows || e.GetRev() != rev+1:
			m.faults = append(m.faults, fmt.Sprintf("%s: rev %d of %s after %d (following: %v)", m.user.Name, e.GetRev(), room, rev, follows))
		default:
			m.rooms[room] = rev + 1
		}
	}
	for _, r := range resp.GetReplies() {
		if room, joined := strings.CutPrefix(r.GetRequestId(), "join "); joined && r.GetError() != nil {
			delete(m.rooms, room)
		}
		if r.GetJoin().GetResumed() {
			m.replays++
		}
	}
}

// TestSimulation lets clients talk, read, and meet networks that block, stall, resume and cut, in an order that a seed decides,
// and removes some of them from a private room. Every client sees contiguous revs, or is told to begin anew; whoever is
// connected at the end has everything; nobody is shown anything that came after their removal.
func TestSimulation(t *testing.T) {
	var mu sync.Mutex // protects all
	all := make(map[string]int)
	t.Run("seeds", func(t *testing.T) {
		for _, seed := range seeds(t, simulationsEnv, 25) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					happened := simulate(t, rand.New(rand.NewPCG(seed, 0)))
					mu.Lock()
					defer mu.Unlock()
					for what, n := range happened {
						all[what] += n
					}
				})
			})
		}
	})
	t.Log(all)
	for _, what := range []string{"posts", "edits", "deletes", "blocks", "stalls", "held", "resumes", "cuts", "replays", "resets", "removals"} {
		if all[what] == 0 {
			t.Errorf("no %s in all simulations", what)
		}
	}
}

// simulationsEnv says how many seeds TestSimulation has, removalsEnv the same for TestRemovedWhileStalled. seedEnv has
// both begin at a seed; otherwise it is random, and the names of the subtests tell which.
const (
	simulationsEnv = "RIALTO_SIMULATIONS"
	removalsEnv    = "RIALTO_REMOVALS"
	seedEnv        = "RIALTO_SEED"
)

func seeds(t *testing.T, env string, n uint64) []uint64 {
	t.Helper()
	n = number(t, env, n)
	first := number(t, seedEnv, rand.Uint64())
	all := make([]uint64, n)
	for i := range all {
		all[i] = first + uint64(i)
	}
	return all
}

// number reads a number from the environment.
func number(t *testing.T, env string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(env)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%q: want a number", env, text)
	}
	return n
}

type simulation struct {
	*calls
	t        *testing.T
	random   *rand.Rand
	minds    []*mind
	streams  []*transport // of minds; nil: not connected
	running  sync.WaitGroup
	posted   map[string]uint64 // by room
	removed  map[*mind]bool
	happened map[string]int // how often what was done
}

const den = "den" // the private room; the others are public

func simulate(t *testing.T, random *rand.Rand) (happened map[string]int) {
	delivery := tiny
	delivery.Window = []time.Duration{-1, 0, 20 * time.Millisecond}[random.IntN(3)]
	if random.IntN(4) == 0 {
		delivery.MemoryBytes = 2 << 10
	}
	if random.IntN(4) == 0 {
		delivery.SendingBytes = 1
	}
	s := &simulation{
		calls: startCalls(t, config{delivery: delivery}), t: t, random: random,
		posted: make(map[string]uint64), removed: make(map[*mind]bool), happened: make(map[string]int),
	}
	s.begin(6)
	for range 200 {
		s.step()
	}
	for i, stream := range s.streams {
		if stream != nil {
			stream.resume()
			stream.block(0)
		}
		s.connect(i)
	}
	time.Sleep(5 * time.Second)
	synctest.Wait()
	s.check()
	for i := range s.streams {
		s.lose(i)
	}
	s.running.Wait()
	for _, m := range s.minds {
		s.happened["replays"] += m.replays
		s.happened["resets"] += m.resets
	}
	return s.happened
}

// begin makes people and the rooms; the first owns them.
func (s *simulation) begin(people int) {
	for i := range people {
		p, token, err := s.guests.Issue(fmt.Sprint("p", i))
		if err != nil {
			s.t.Fatal(err)
		}
		ctx := metadata.AppendToOutgoingContext(s.t.Context(), "authorization", "Bearer "+token)
		s.minds = append(s.minds, &mind{user: p, ctx: ctx, rooms: make(map[string]uint64), shown: make(map[string]uint64)})
		s.streams = append(s.streams, nil)
	}
	owner := s.minds[0].ctx
	must(s.rooms.CreateRoom(owner, &chatv1.CreateRoomRequest{Room: den, Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE}))(s.t)
	for _, m := range s.minds[1:] {
		s.admit(den, person{owner, s.minds[0].user.ID}, person{m.ctx, m.user.ID})
	}
	for i := range s.minds {
		s.connect(i)
	}
}

// connect gives somebody a connection, if there is none, and resumes the rooms they follow; others they join anew.
func (s *simulation) connect(i int) {
	if s.streams[i] != nil && s.streams[i].ctx.Err() == nil {
		return
	}
	m := s.minds[i]
	s.lose(i)
	stream := newTransport(auth.WithPrincipal(context.Background(), m.user), m.receive)
	s.streams[i] = stream
	s.running.Go(func() { // ends with the transport, or because it stalls for long
		_ = s.service.Connect(stream)
		stream.cut()
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, room := range []string{"a", "b", den} {
		if rev, follows := m.rooms[room]; follows {
			s.join(i, resume(room, m.epoch, rev))
		} else if room != den || !s.removed[m] {
			s.join(i, history(room, s.random.Uint32N(5)))
		}
	}
}

// lose cuts somebody's connection for good.
func (s *simulation) lose(i int) {
	if stream := s.streams[i]; stream != nil {
		stream.cut()
		s.happened["held"] += stream.holds()
		s.streams[i] = nil
	}
}

func (s *simulation) join(i int, j *chatv1.Join) {
	req := joinRequest(j)
	req.RequestId = "join " + j.GetRoom()
	s.streams[i].requests <- req
}

// step is one thing that happens.
func (s *simulation) step() {
	i := s.random.IntN(len(s.minds))
	room := []string{"a", "b", den}[s.random.IntN(3)]
	switch s.random.IntN(12) {
	case 0, 1, 2, 3:
		n := 1 + s.random.IntN(8)
		if s.random.IntN(100) == 0 {
			n = 520 // more than a resume replays
		}
		for range n {
			s.posted[room]++
			s.happened["posts"]++
			s.post(s.minds[0].ctx, room, strings.Repeat("x", s.random.IntN(300)+1))
		}
	case 4, 5:
		if n := s.posted[room]; n > 0 {
			s.change(room, 1+s.random.Uint64N(n))
		}
	case 6, 7, 8:
		s.disturb(i)
	case 9:
		s.connect(i)
	case 10:
		pause := time.Duration(s.random.IntN(300)) * time.Millisecond
		if s.random.IntN(20) == 0 {
			pause = time.Minute // who is stalled so long is given up
		}
		time.Sleep(pause)
	case 11:
		if s.random.IntN(4) == 0 && i > 0 && !s.removed[s.minds[i]] {
			s.removed[s.minds[i]] = true
			s.happened["removals"]++
			must(s.members.RemoveMember(s.minds[0].ctx, &chatv1.RemoveMemberRequest{Room: den, UserId: s.minds[i].user.ID}))(s.t)
		}
	}
}

// change edits a message, which is perhaps deleted, or deletes it.
func (s *simulation) change(room string, seq uint64) {
	author := s.minds[0].ctx
	if s.random.IntN(2) == 0 {
		s.happened["deletes"]++
		must(s.messages.DeleteMessage(author, &chatv1.DeleteMessageRequest{Room: room, Seq: seq}))(s.t)
		return
	}
	s.happened["edits"]++
	_, _ = s.messages.EditMessage(author, &chatv1.EditMessageRequest{Room: room, Seq: seq, Text: "new"})
}

// disturb does something to somebody's network.
func (s *simulation) disturb(i int) {
	stream := s.streams[i]
	if stream == nil {
		return
	}
	switch s.random.IntN(4) {
	case 0:
		s.happened["stalls"]++
		stream.stall()
	case 1:
		s.happened["resumes"]++
		stream.resume()
	case 2:
		s.happened["blocks"]++
		stream.block(time.Duration(s.random.IntN(100)) * time.Millisecond)
	case 3:
		s.happened["cuts"]++
		s.lose(i)
		synctest.Wait()
	}
}

// check looks at what everybody knows at the end.
func (s *simulation) check() {
	removals := s.removals()
	for _, m := range s.minds {
		m.mu.Lock()
		for _, fault := range m.faults {
			s.t.Error(fault)
		}
		for _, room := range []string{"a", "b", den} {
			if rev, follows := m.rooms[room]; s.removed[m] && room == den {
				if follows {
					s.t.Errorf("%s still follows the private room, at rev %d", m.user.Name, rev)
				}
			} else if head := s.headOf(room); rev != head {
				s.t.Errorf("%s is at rev %d of %s, whose head is %d", m.user.Name, rev, room, head)
			}
		}
		if last, ok := removals[m.user.ID]; ok && m.shown[den] > last {
			s.t.Errorf("%s was removed at rev %d and shown rev %d", m.user.Name, last, m.shown[den])
		}
		m.mu.Unlock()
	}
}

// headOf returns a room's head, as its owner sees it; 0 for one that is not there.
func (s *simulation) headOf(room string) uint64 {
	resp, err := s.rooms.GetRoom(s.minds[0].ctx, &chatv1.GetRoomRequest{Room: room})
	if err != nil {
		return 0
	}
	return resp.GetRoom().GetHeadRev()
}

// removals returns at which rev who was removed, as the store has it.
func (s *simulation) removals() map[string]uint64 {
	v := s.store.View()
	defer v.Close()
	events, err := v.Events(den, 0, math.MaxInt, math.MaxInt)
	if err != nil {
		s.t.Fatal(err)
	}
	removals := make(map[string]uint64)
	for _, e := range events {
		if e.Kind == state.MemberRemoved {
			removals[e.Member.User.ID] = e.Rev
		}
	}
	if len(removals) != len(s.removed) {
		s.t.Errorf("%d removals are in the history, of %d", len(removals), len(s.removed))
	}
	return removals
}
