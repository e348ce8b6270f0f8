package server

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// What an idle connection may cost, client's end (about 0.7 KB) included: what is allocated, which is less than what is
// resident. See docs/benchmarks.md.
const (
	idleSockets  = 500
	maxIdleBytes = 7000
)

// Idle sockets, each joined in a room, cost little memory and no goroutine.
func TestIdleSocketsAreCheap(t *testing.T) { // not parallel: it measures the process
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere a goroutine waits for each")
	}
	cfg := testConfig(t)
	cfg.Heartbeat = 2 * time.Second
	cfg.Admin = ""
	s := start(t, cfg)
	idleClients(t, s.HTTP, 50) // what a process needs once
	before, goroutines := memoryInUse(), runtime.NumGoroutine()
	idleClients(t, s.HTTP, idleSockets)
	for start := time.Now(); runtime.NumGoroutine() > goroutines+idleSockets/10; time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatalf("%d goroutines more for %d idle sockets", runtime.NumGoroutine()-goroutines, idleSockets)
		}
	}
	bytes := (memoryInUse() - before) / idleSockets
	t.Logf("%d bytes for each", bytes)
	if bytes > maxIdleBytes {
		t.Errorf("%d bytes for each idle socket, want at most %d", bytes, maxIdleBytes)
	}
}

func memoryInUse() int {
	runtime.GC()
	runtime.GC() // what lay in a sync.Pool
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// idleClients opens sockets, joins a room with each, and answers heartbeats until nobody waits for one of them any more. They
// are closed with the test.
func idleClients(t *testing.T, address string, n int) {
	t.Helper()
	join := maskedFrame(t, &chatv1.ConnectRequest{
		Command: &chatv1.ConnectRequest_Join{Join: &chatv1.Join{Room: fmt.Sprintf("room-%d", n)}},
	})
	conns := make([]net.Conn, n)
	for i := range conns {
		conns[i], _, _ = upgrade(t, address, "/rialto.chat.v1.ChatService/Connect?encoding=proto", http.Header{})
		if _, err := conns[i].Write(join); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // heartbeats, of which the first may come while the client is still at work
		for _, conn := range conns {
			answerPing(t, conn)
		}
	}
}

// maskedFrame is a binary frame of a client, whose mask is zero (RFC 6455, section 5.2).
func maskedFrame(t *testing.T, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte{0x82, 0x80 | byte(len(data)), 0, 0, 0, 0}, data...)
}

// answerPing reads up to a ping and answers it.
func answerPing(t *testing.T, conn net.Conn) {
	t.Helper()
	for {
		var head [2]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			t.Fatal(err)
		}
		length := int64(head[1])
		if length == 126 {
			var extended [2]byte
			if _, err := io.ReadFull(conn, extended[:]); err != nil {
				t.Fatal(err)
			}
			length = int64(binary.BigEndian.Uint16(extended[:]))
		}
		if _, err := io.CopyN(io.Discard, conn, length); err != nil {
			t.Fatal(err)
		}
		if head[0] == 0x89 {
			if _, err := conn.Write([]byte{0x8a, 0x80, 0, 0, 0, 0}); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
}
