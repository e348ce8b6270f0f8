package chat_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/rialto-rpc/rialto/bridge"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
)

// transport is the server's side of a Connect whose network a test rules: it stalls, goes on, or is cut.
type transport struct {
	chatv1.ChatService_ConnectServer
	ctx      context.Context
	cut      context.CancelFunc
	requests chan *chatv1.ConnectRequest
	received func(*chatv1.ConnectResponse)

	mu    sync.Mutex
	flows chan struct{} // closed while it does
}

func newTransport(ctx context.Context, received func(*chatv1.ConnectResponse)) *transport {
	t := &transport{requests: make(chan *chatv1.ConnectRequest, 100), received: received, flows: make(chan struct{})}
	t.ctx, t.cut = context.WithCancel(ctx)
	close(t.flows)
	return t
}

func (t *transport) Context() context.Context { return t.ctx }

func (t *transport) Recv() (*chatv1.ConnectRequest, error) {
	select {
	case req := <-t.requests:
		return req, nil
	case <-t.ctx.Done():
		return nil, t.ctx.Err()
	}
}

func (t *transport) SendMsg(m any) error {
	t.mu.Lock()
	flows := t.flows
	t.mu.Unlock()
	select {
	case <-flows:
	case <-t.ctx.Done():
	}
	if t.ctx.Err() != nil {
		return io.ErrClosedPipe
	}
	parts, err := m.(bridge.Encoded).EncodedProto()
	if err != nil {
		return err
	}
	resp := new(chatv1.ConnectResponse)
	if err := proto.Unmarshal(slices.Concat(parts...), resp); err != nil {
		return err
	}
	t.received(resp)
	return nil
}

// stall changes whether the network stalls.
func (t *transport) stall(stalls bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.flows:
		if stalls {
			t.flows = make(chan struct{})
		}
	default:
		if !stalls {
			close(t.flows)
		}
	}
}

// mind is what a client of the simulation knows, and what it was shown that it should not have been.
type mind struct {
	user auth.Principal
	ctx  context.Context // of unary calls, with its token

	mu     sync.Mutex
	rooms  map[string]uint64 // the last rev of each room it follows
	shown  map[string]uint64 // the highest rev of anything, of rooms it ever followed
	epoch  string
	faults []string
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
			if !e.GetSnapshot().GetMore() {
				m.rooms[room] = e.GetRev()
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
	}
}

// TestSimulation lets clients talk, read, stall, lose their connections and come back, in an order that a seed decides, and
// removes some of them from a private room. Every client sees contiguous revs, or is told to begin anew; whoever is connected
// at the end has everything; nobody is shown anything that came after their removal.
func TestSimulation(t *testing.T) {
	seeds := 60
	if testing.Short() {
		seeds = 10
	}
	for range seeds {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { simulate(t, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

type simulation struct {
	*calls
	t       *testing.T
	random  *rand.Rand
	minds   []*mind
	streams []*transport // of minds; nil: not connected
	running sync.WaitGroup
	posted  map[string]uint64 // by room
	removed map[*mind]bool
}

const den = "den" // the private room; the others are public

func simulate(t *testing.T, random *rand.Rand) {
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
		posted: make(map[string]uint64), removed: make(map[*mind]bool),
	}
	s.begin(6)
	for range 200 {
		s.step()
	}
	for i, stream := range s.streams {
		if stream != nil {
			stream.stall(false)
		}
		s.connect(i)
	}
	time.Sleep(5 * time.Second)
	synctest.Wait()
	s.check()
	for _, stream := range s.streams {
		stream.cut()
	}
	s.running.Wait()
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
	stream := newTransport(auth.WithPrincipal(context.Background(), m.user), m.receive)
	s.streams[i] = stream
	s.running.Go(func() { _ = s.service.Connect(stream) }) // ends with the transport
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

func (s *simulation) join(i int, j *chatv1.Join) {
	req := joinRequest(j)
	req.RequestId = "join " + j.GetRoom()
	s.streams[i].requests <- req
}

// step is one thing that happens.
func (s *simulation) step() {
	i := s.random.IntN(len(s.minds))
	room := []string{"a", "b", den}[s.random.IntN(3)]
	author := s.minds[0].ctx
	switch s.random.IntN(12) {
	case 0, 1, 2, 3:
		for range 1 + s.random.IntN(8) {
			s.posted[room]++
			s.post(author, room, strings.Repeat("x", s.random.IntN(300)+1))
		}
	case 4:
		if n := s.posted[room]; n > 0 {
			seq := 1 + s.random.Uint64N(n)
			_, _ = s.messages.EditMessage(author, &chatv1.EditMessageRequest{Room: room, Seq: seq, Text: "new"}) // perhaps deleted
		}
	case 5:
		if n := s.posted[room]; n > 0 {
			must(s.messages.DeleteMessage(author, &chatv1.DeleteMessageRequest{Room: room, Seq: 1 + s.random.Uint64N(n)}))(s.t)
		}
	case 6, 7:
		s.streams[i].stall(s.random.IntN(2) == 0)
	case 8:
		s.streams[i].cut()
		synctest.Wait()
	case 9:
		s.connect(i)
	case 10:
		time.Sleep(time.Duration(s.random.IntN(300)) * time.Millisecond)
	case 11:
		if s.random.IntN(4) == 0 && i > 0 && !s.removed[s.minds[i]] {
			s.removed[s.minds[i]] = true
			must(s.members.RemoveMember(author, &chatv1.RemoveMemberRequest{Room: den, UserId: s.minds[i].user.ID}))(s.t)
		}
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

// removals returns at which rev who was removed, from a reader that begins at the beginning.
func (s *simulation) removals() map[string]uint64 {
	owner := s.live.connect(s.minds[0].ctx)
	defer owner.cancel()
	removals := make(map[string]uint64)
	for _, e := range owner.from(resume(den, s.minds[0].epoch, 0), s.headOf(den)) {
		if u := e.GetMemberRemoved().GetUser(); u != nil {
			removals[u.GetId()] = e.GetRev()
		}
	}
	if len(removals) != len(s.removed) {
		s.t.Errorf("%d removals are in the history, of %d", len(removals), len(s.removed))
	}
	return removals
}
