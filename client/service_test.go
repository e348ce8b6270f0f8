package client_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/rialto-rpc/rialto/bridge"
	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/server"
)

// realServer is the whole server in this process. It can be stopped and started again with its data and its address.
type realServer struct {
	dir       string
	addresses server.Addresses
	cancel    context.CancelFunc
	ended     chan error
}

func startServer(t *testing.T) *realServer {
	t.Helper()
	s := &realServer{dir: t.TempDir(), addresses: server.Addresses{HTTP: "127.0.0.1:0", GRPC: "127.0.0.1:0"}}
	s.start(t)
	t.Cleanup(func() { s.stop(t) })
	return s
}

func (s *realServer) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan server.Addresses, 1)
	s.cancel, s.ended = cancel, make(chan error, 1)
	config := server.Config{
		HTTP: s.addresses.HTTP, GRPC: s.addresses.GRPC, DataDir: s.dir, Guests: true,
		MaxMessageBytes: 1 << 20, MaxRooms: 200, Heartbeat: 20 * time.Second,
		FirstFrameTimeout: 5 * time.Second, WriteTimeout: 20 * time.Second,
		OnReady: func(a server.Addresses) error { ready <- a; return nil },
	}
	ended := s.ended
	go func() { ended <- server.Run(ctx, config) }() // ends with cancel, awaited by stop
	select {
	case s.addresses = <-ready:
	case err := <-s.ended:
		t.Fatalf("the server did not start: %v", err)
	}
}

func (s *realServer) stop(t *testing.T) {
	t.Helper()
	s.cancel()
	if err := <-s.ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

// wires are the ways to a real server.
var wires = []string{"grpc", "bridge"}

// client returns a client over a wire whose every connection breaks after a random number of bytes, if they are cut.
func (s *realServer) client(t *testing.T, over string, cut func() int, opts ...client.Option) *client.Client {
	t.Helper()
	dial := func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil || cut == nil {
			return conn, err
		}
		return &cutConn{Conn: conn, left: cut()}, nil
	}
	var conn interface {
		grpc.ClientConnInterface
		io.Closer
	}
	var err error
	if over == "bridge" {
		conn, err = bridge.Dial("ws://"+s.addresses.HTTP, bridge.WithContextDialer(dial))
	} else {
		conn, err = grpc.NewClient("passthrough:///"+s.addresses.GRPC, grpc.WithContextDialer(dial),
			grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(conn, append(opts, client.WithBackoff(time.Millisecond, 20*time.Millisecond))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); conn.Close() })
	return c
}

// cutConn breaks after left bytes in both directions together.
type cutConn struct {
	net.Conn
	mu   sync.Mutex
	left int
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.count(n)
	return n, err
}

func (c *cutConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	b = b[:max(min(len(b), c.left), 0)] // the cut goes through the middle of a frame
	c.mu.Unlock()
	n, err := c.Conn.Write(b)
	if c.count(n) {
		return n, net.ErrClosed
	}
	return n, err
}

func (c *cutConn) count(n int) (cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left -= n; c.left <= 0 {
		c.Conn.Close()
	}
	return c.left <= 0
}

// history is what a consumer holds of a room.
type history struct {
	t        *testing.T
	room     *client.Room
	position client.Position
	texts    []string
}

func follow(t *testing.T, c *client.Client, id string) *history {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	room, err := c.Join(ctx, id, client.History(100))
	if err != nil {
		t.Fatal(err)
	}
	return &history{t: t, room: room}
}

// until takes events until there are n messages. Every rev must follow the one before.
func (h *history) until(n int) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 10*time.Second)
	defer cancel()
	for len(h.texts) < n {
		event, err := h.room.Next(ctx)
		if err != nil {
			h.t.Fatalf("after %d of %d messages: %v", len(h.texts), n, err)
		}
		if event.GetRev() > 0 && event.GetSnapshot() == nil && event.GetRev() != h.position.Rev+1 {
			h.t.Fatalf("rev %d follows %d", event.GetRev(), h.position.Rev)
		}
		h.position = h.room.Position()
		switch kind := event.GetKind().(type) {
		case *chatv1.Event_Snapshot:
			h.texts = nil
			for _, m := range kind.Snapshot.GetMessages() {
				h.texts = append(h.texts, m.GetText())
			}
		case *chatv1.Event_Posted:
			h.texts = append(h.texts, kind.Posted.GetText())
		}
	}
}

func TestEverybodySeesTheSameAcrossARestart(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	const clients, each = 4, 20
	var histories []*history
	var posting sync.WaitGroup
	restart := make(chan struct{})
	for i := range clients {
		c := s.client(t, wires[i%len(wires)], nil)
		histories = append(histories, follow(t, c, "lobby"))
		posting.Go(func() {
			for j := range each {
				if i == 0 && j == each/2 {
					close(restart)
				}
				if _, err := c.Publish(t.Context(), "lobby", fmt.Sprintf("%d of %d", j, i)); err != nil {
					t.Errorf("publish: %v", err)
				}
			}
		})
	}
	<-restart
	s.stop(t)
	s.start(t)
	posting.Wait()
	for _, h := range histories {
		h.until(clients * each)
		if !slices.Equal(h.texts, histories[0].texts) {
			t.Errorf("one sees %q\nanother %q", h.texts, histories[0].texts)
		}
	}
	for i := range clients { // what one posted is there once, in order
		var seen []string
		for _, text := range histories[0].texts {
			var j, of int
			if fmt.Sscanf(text, "%d of %d", &j, &of); of == i {
				seen = append(seen, text)
			}
		}
		for j := range each {
			if len(seen) != each || seen[j] != fmt.Sprintf("%d of %d", j, i) {
				t.Fatalf("of client %d there is %q", i, seen)
			}
		}
	}
}

func TestExactlyOnceWhileTheConnectionIsCut(t *testing.T) {
	t.Parallel()
	for _, over := range wires {
		t.Run(over, func(t *testing.T) {
			t.Parallel()
			testExactlyOnce(t, over)
		})
	}
}

func testExactlyOnce(t *testing.T, over string) {
	s := startServer(t)
	random := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex
	cuts := 0
	c := s.client(t, over, func() int {
		mu.Lock()
		defer mu.Unlock()
		cuts++
		return 300 + random.IntN(6000)
	})
	// A guest whose first session broke before its welcome is nobody yet: only then is there somebody to be.
	if _, err := c.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	own := follow(t, c, "lobby")
	other := follow(t, s.client(t, "grpc", nil), "lobby")
	const messages = 500
	var want []string
	var publications []*client.Publication
	for i := range messages {
		text := fmt.Sprint("message ", i)
		p, err := c.PublishAsync(t.Context(), "lobby", text)
		if err != nil {
			t.Fatal(err)
		}
		want, publications = append(want, text), append(publications, p)
	}
	for i, p := range publications {
		if result, err := p.Wait(t.Context()); err != nil || result.GetSeq() != uint64(i+1) {
			t.Fatalf("message %d: %v, %v", i, result, err)
		}
	}
	other.until(messages)
	if !slices.Equal(other.texts, want) {
		t.Errorf("another sees %q", other.texts)
	}
	own.until(messages)
	if !slices.Equal(own.texts, want) {
		t.Errorf("the sender sees %q", own.texts)
	}
	mu.Lock()
	defer mu.Unlock()
	if cuts < 10 {
		t.Errorf("only %d connections", cuts)
	}
	t.Logf("%d connections", cuts)
}
