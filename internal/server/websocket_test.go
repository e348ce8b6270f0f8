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
	conn.SetDeadline(time.Now().Add(patience))
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
	if _, err := conn.Write(maskedText("{}")); err != nil {
		t.Fatal(err)
	}
	kind, answer := readFrame(t, r)
	if kind != textFrame {
		t.Fatalf("the answer is a frame %x %q", kind, answer)
	}
	kind, end := readFrame(t, r)
	if kind != closeFrame || binary.BigEndian.Uint16([]byte(end)) != 1000 {
		t.Errorf("closed with %x %q", kind, end)
	}
	return answer
}

// The first bytes of frames that are whole messages (RFC 6455, section 5.2).
const (
	textFrame  = 0x81
	closeFrame = 0x88
)

// maskedText is a short text as a client sends it, masked with zeros.
func maskedText(s string) []byte {
	return append([]byte{textFrame, 0x80 | byte(len(s)), 0, 0, 0, 0}, s...)
}

// readFrame reads one frame of less than 64 KiB.
func readFrame(t testing.TB, r io.Reader) (kind byte, payload string) {
	t.Helper()
	read := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatal(err)
		}
		return b
	}
	head := read(2)
	length := int(head[1])
	if length == 126 {
		length = int(binary.BigEndian.Uint16(read(2)))
	}
	return head[0], string(read(length))
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
