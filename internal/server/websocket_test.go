package server

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// upgrade asks for a WebSocket on a gRPC path, with no library: the bridge is the only package that has one. The
// connection is closed when the test ends.
func upgrade(t testing.TB, address, path string, header http.Header) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	req, err := http.NewRequest(http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header.Clone()
	if host := header.Get("Host"); host != "" {
		req.Host = host
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	req.Header.Set("Sec-WebSocket-Version", "13")
	req.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	if err := req.Write(conn); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, req)
	if err != nil {
		t.Fatal(err)
	}
	return conn, r, resp
}

// checkOverWebSocket asks the health service in JSON, and returns the answer.
func checkOverWebSocket(t testing.TB, address string) string {
	t.Helper()
	conn, r, resp := upgrade(t, address, "/grpc.health.v1.Health/Check", http.Header{})
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("upgrade = %s", resp.Status)
	}
	// A final text frame "{}", masked with zeros (RFC 6455, section 5.2).
	if _, err := conn.Write([]byte{0x81, 0x82, 0, 0, 0, 0, '{', '}'}); err != nil {
		t.Fatal(err)
	}
	answer := readFrame(t, r, 0x81)
	if code := binary.BigEndian.Uint16([]byte(readFrame(t, r, 0x88))); code != 1000 {
		t.Errorf("closed with %d", code)
	}
	return answer
}

// readFrame reads one short frame that must have the given first byte.
func readFrame(t testing.TB, r *bufio.Reader, first byte) string {
	t.Helper()
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		t.Fatal(err)
	}
	if head[0] != first || head[1] > 125 {
		t.Fatalf("frame starts with %x, want %x and a short length", head, first)
	}
	payload := make([]byte, head[1])
	if _, err := io.ReadFull(r, payload); err != nil {
		t.Fatal(err)
	}
	return string(payload)
}

func TestWhoMayConnectFromAPage(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.AllowedOrigins = []string{"https://friend.example"}
	cfg.AllowedHosts = []string{"chat.example"}
	i := start(t, cfg)
	for _, tt := range []struct {
		name, host, origin string
		want               int
	}{
		{"no page", "", "", http.StatusSwitchingProtocols},
		{"own page", i.HTTP, "http://" + i.HTTP, http.StatusSwitchingProtocols},
		{"own page under an allowed name", "chat.example", "https://chat.example", http.StatusSwitchingProtocols},
		{"allowed page", i.HTTP, "https://friend.example", http.StatusSwitchingProtocols},
		{"other page", i.HTTP, "https://evil.example", http.StatusForbidden},
		{"rebound name", "evil.example", "http://evil.example", http.StatusForbidden},
	} {
		header := http.Header{}
		if tt.host != "" {
			header.Set("Host", tt.host)
		}
		if tt.origin != "" {
			header.Set("Origin", tt.origin)
		}
		_, _, resp := upgrade(t, i.HTTP, "/grpc.health.v1.Health/Check", header)
		if resp.StatusCode != tt.want {
			t.Errorf("%s: %s, want %d", tt.name, resp.Status, tt.want)
		}
	}
}

func TestMaxConnections(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.MaxConnections = 1
	i := start(t, cfg)
	for _, want := range []int{http.StatusSwitchingProtocols, http.StatusServiceUnavailable} {
		if _, _, resp := upgrade(t, i.HTTP, "/grpc.health.v1.Health/Check", http.Header{}); resp.StatusCode != want {
			t.Errorf("upgrade = %s, want %d", resp.Status, want)
		}
	}
}
