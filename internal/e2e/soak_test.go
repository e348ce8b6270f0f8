package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// soakVariable says for how long TestSoak runs with 10,000 connections. Without it, it runs for a moment with few.
const soakVariable = "RIALTO_SOAK"

// soakRooms is how many rooms TestSoak has: so few that their windows of the newest events are soon full, or small beside what
// counts as growth.
const soakRooms = 20

// TestSoak holds many connections to a server that is a process of its own, with gentle traffic, and people who come and go all
// the time: everybody sees every rev, memory is steady, and when all have gone so have their goroutines.
func TestSoak(t *testing.T) {
	if os.Getenv(soakVariable) == "" {
		t.Parallel()
	}
	s := soak{connections: 300, duration: 4 * time.Second}
	if text := os.Getenv(soakVariable); text != "" {
		var err error
		if s.duration, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", soakVariable, err)
		}
		s.connections = 10_000
	}
	p := buildProgram(t)
	if said, ok := p.start(t); !ok {
		t.Fatal(said)
	}
	s.address, s.admin = p.at.HTTP, p.at.Admin
	s.use(t, 1) // what a process needs once
	before := s.look(t)
	s.use(t, s.connections)
	s.steady(t)

	var after sample
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if after = s.look(t); after.goroutines <= before.goroutines || time.Now().After(deadline) {
			break
		}
	}
	t.Logf("before %v; after %v; %d deliveries, %d came and went", before, after, s.delivered.Load(), s.churned.Load())
	if after.goroutines > before.goroutines {
		t.Errorf("%.0f goroutines before, %.0f after", before.goroutines, after.goroutines)
	}
}

// soak is people in rooms of a server.
type soak struct {
	address, admin string
	connections    int
	duration       time.Duration

	samples   []sample
	delivered atomic.Int64
	churned   atomic.Int64

	mu     sync.Mutex // protects faults
	faults []error
}

// sample is what a server needs at one moment.
type sample struct {
	resident, heap float64 // MiB; heap right after a collection
	goroutines     float64
}

// String implements [fmt.Stringer].
func (s sample) String() string {
	return fmt.Sprintf("%.1f MiB resident, %.1f MiB of heap, %.0f goroutines", s.resident, s.heap, s.goroutines)
}

// use has so many people there for the soak's time, and waits until they are gone.
func (s *soak) use(t *testing.T, connections int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var people sync.WaitGroup
	var here sync.WaitGroup
	connecting := make(chan struct{}, 50) // at a time
	here.Add(connections)
	for i := range connections {
		connecting <- struct{}{}
		people.Go(func() { // ends with ctx
			first := sync.OnceFunc(func() { here.Done(); <-connecting })
			defer first()
			s.person(ctx, fmt.Sprint("soak-", i%soakRooms), first)
		})
	}
	here.Wait()
	if connections > 1 {
		s.hold(t)
	}
	cancel()
	people.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, err := range s.faults[:min(len(s.faults), 5)] {
		t.Error(err)
	}
}

// hold looks at the server again and again until the time is over.
func (s *soak) hold(t *testing.T) {
	t.Helper()
	const looks = 20
	for range looks {
		time.Sleep(s.duration / looks) // it is the time that is tested
		s.samples = append(s.samples, s.look(t))
		t.Log(s.samples[len(s.samples)-1])
	}
}

// steady compares the last quarter of the time with the second.
func (s *soak) steady(t *testing.T) {
	t.Helper()
	quarter := len(s.samples) / 4
	early, late := s.samples[quarter:2*quarter], s.samples[3*quarter:]
	for name, of := range map[string]func(sample) float64{
		"resident": func(s sample) float64 { return s.resident },
		"heap":     func(s sample) float64 { return s.heap },
	} {
		was, is := median(early, of), median(late, of)
		t.Logf("%s: %.1f MiB in the second quarter, %.1f MiB in the last", name, was, is)
		if is > was*1.05+8 {
			t.Errorf("%s memory grew from %.1f to %.1f MiB", name, was, is)
		}
	}
}

func median(samples []sample, of func(sample) float64) float64 {
	var values []float64
	for _, s := range samples {
		values = append(values, of(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// person is in a room until ctx ends: over one connection after another, each for a while, from where the last one was.
func (s *soak) person(ctx context.Context, room string, joined func()) {
	var at chatv1.Resume
	for ctx.Err() == nil {
		// Half of all leave within a soak's time.
		stay := time.Duration(rand.ExpFloat64() * float64(s.duration) * 1.4)
		err := s.visit(ctx, room, stay, &at, joined)
		if err != nil && ctx.Err() == nil {
			s.mu.Lock()
			s.faults = append(s.faults, fmt.Errorf("%s: %w", room, err))
			s.mu.Unlock()
			return
		}
		s.churned.Add(1)
	}
}

// speakEvery is how often somebody speaks in a room.
const speakEvery = 2 * time.Second

// visit is one connection: it joins, speaks when it is its turn, and takes what comes, in order.
func (s *soak) visit(ctx context.Context, room string, stay time.Duration, at *chatv1.Resume, joined func()) error {
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+s.address+"/rialto.chat.v1.ChatService/Connect?encoding=proto", nil)
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	defer ws.Close()
	join := &chatv1.Join{Room: room}
	if at.GetEpoch() != "" {
		join.Start = &chatv1.Join_Resume{Resume: at}
	}
	if err := sendTo(ws, &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Join{Join: join}}); err != nil {
		return err
	}
	over := context.AfterFunc(ctx, func() { ws.Close() })
	defer over()
	var left atomic.Bool
	leave := time.AfterFunc(stay, func() { left.Store(true); ws.Close() })
	defer leave.Stop()
	stopTalking := s.talk(ws, room)
	defer stopTalking()
	for {
		_, b, err := ws.ReadMessage()
		if err != nil {
			if left.Load() {
				return nil
			}
			return fmt.Errorf("receive: %w", err)
		}
		if err := s.take(b, at, joined); err != nil {
			return err
		}
	}
}

// talk has somebody speak now and then, so that on the whole each room hears something every [speakEvery].
func (s *soak) talk(ws *websocket.Conn, room string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	mean := float64(speakEvery) * float64(s.connections) / soakRooms
	var mu sync.Mutex // one writer at a time, and none after stop
	var timer *time.Timer
	mu.Lock()
	defer mu.Unlock()
	timer = time.AfterFunc(time.Duration(rand.ExpFloat64()*mean), func() {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() != nil {
			return
		}
		_ = sendTo(ws, &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Publish{Publish: &chatv1.Publish{
			Room: room, ClientId: fmt.Sprint(rand.Uint64()), Body: &chatv1.Publish_Text{Text: strings.Repeat("news ", 20)},
		}}}) // a connection that is gone is seen by its reader
		timer.Reset(time.Duration(rand.ExpFloat64() * mean))
	})
	return func() {
		cancel()
		mu.Lock()
		defer mu.Unlock()
		timer.Stop()
	}
}

// take looks at a response: revs are contiguous.
func (s *soak) take(b []byte, at *chatv1.Resume, joined func()) error {
	resp := new(chatv1.ConnectResponse)
	if err := proto.Unmarshal(b, resp); err != nil {
		return err
	}
	for _, r := range resp.GetReplies() {
		if r.GetError() != nil {
			return errors.New(r.GetError().GetMessage())
		}
	}
	for _, e := range resp.GetEvents() {
		switch {
		case e.GetSnapshot() != nil:
			at.Epoch, at.Rev = e.GetSnapshot().GetEpoch(), e.GetRev()
			joined()
		case e.GetRev() == 0 || e.GetRoom() == "":
		case e.GetRev() != at.GetRev()+1:
			return fmt.Errorf("rev %d after %d", e.GetRev(), at.GetRev())
		default:
			at.Rev = e.GetRev()
			s.delivered.Add(1)
		}
	}
	return nil
}

func sendTo(ws *websocket.Conn, req *chatv1.ConnectRequest) error {
	b, err := proto.Marshal(req)
	if err != nil {
		return err
	}
	return ws.WriteMessage(websocket.BinaryMessage, b)
}

// look asks the server's admin port, after it has collected its garbage.
func (s *soak) look(t *testing.T) sample {
	t.Helper()
	s.get(t, "/debug/pprof/heap?gc=1", func(string) {})
	var now sample
	s.get(t, "/metrics", func(line string) {
		name, text, _ := strings.Cut(line, " ")
		value, _ := strconv.ParseFloat(text, 64)
		switch name {
		case "process_resident_memory_bytes":
			now.resident = value / (1 << 20)
		case "go_memstats_heap_alloc_bytes":
			now.heap = value / (1 << 20)
		case "go_goroutines":
			now.goroutines = value
		}
	})
	if now.resident == 0 || now.heap == 0 || now.goroutines == 0 {
		t.Fatalf("the metrics lack something: %v", now)
	}
	return now
}

func (s *soak) get(t *testing.T, path string, line func(string)) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + s.admin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if path != "/metrics" {
		_, _ = io.Copy(io.Discard, resp.Body)
		return
	}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		line(lines.Text())
	}
}
