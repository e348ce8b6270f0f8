package server

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// call makes a call over HTTP as curl does, and returns the answer.
func call(t testing.TB, address, method, path, body string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// checkOverHTTP asks the health service in JSON, and returns the answer.
func checkOverHTTP(t testing.TB, address string) string {
	t.Helper()
	resp, body := call(t, address, http.MethodPost, "/grpc.health.v1.Health/Check", "{}", http.Header{"Content-Type": {"application/json"}})
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("Check = %s %q", resp.Status, body)
	}
	return body
}

// Calls over HTTP, preflights among them, reach the bridge on the paths of the services; other paths stay the app's.
func TestCallsOverHTTP(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.AllowedOrigins = []string{"https://friend.example"}
	i := start(t, cfg)
	json := "application/json"
	for _, tt := range []struct {
		name, method, path, origin string
		code                       int
		body                       string
	}{
		{"call", http.MethodPost, "/grpc.health.v1.Health/Check", "", 200, "SERVING"},
		{"own page", http.MethodPost, "/grpc.health.v1.Health/Check", "http://" + i.HTTP, 200, "SERVING"},
		{"other page", http.MethodPost, "/rialto.chat.v1.MessageService/ListMessages", "https://evil.example", 403, ""},
		{"preflight", http.MethodOptions, "/rialto.chat.v1.MessageService/ListMessages", "https://friend.example", 204, ""},
		{"preflight of another page", http.MethodOptions, "/rialto.chat.v1.MessageService/ListMessages", "https://evil.example", 403, ""},
		{"unknown method", http.MethodPost, "/rialto.chat.v1.MessageService/No", "", 404, `"unimplemented"`},
		{"unknown service", http.MethodPost, "/rialto.chat.v1.MesageService/ListMessages", "", 404, "rialto.chat.v1.MesageService"},
		{"a page's path", http.MethodPost, "/r/lobby", "", 405, ""},
		{"a browser's look", http.MethodGet, "/rialto.chat.v1.MessageService/ListMessages", "", 426, "curl"},
	} {
		header := http.Header{"Content-Type": {json}}
		if tt.origin != "" {
			header.Set("Origin", tt.origin)
		}
		if tt.method == http.MethodOptions {
			header = http.Header{"Origin": {tt.origin}, "Access-Control-Request-Method": {"POST"}}
		}
		resp, body := call(t, i.HTTP, tt.method, tt.path, "{}", header)
		if resp.StatusCode != tt.code || !strings.Contains(body, tt.body) {
			t.Errorf("%s: %s %q, want %d with %q", tt.name, resp.Status, body, tt.code, tt.body)
		}
	}
}

// onePipe is a listener with one connection, for a test with a fake clock.
type onePipe struct{ conns chan net.Conn }

func (p onePipe) Accept() (net.Conn, error) {
	conn, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p onePipe) Close() error {
	close(p.conns)
	return nil
}

func (onePipe) Addr() net.Addr { return &net.TCPAddr{} }

// A client that drips its request's header, to hold a connection for next to nothing, is cut.
func TestDrippingHeaderIsCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		web := newHTTPServer(http.NotFoundHandler(), newMetrics("test").connections, slog.New(slog.DiscardHandler))
		pipe := onePipe{make(chan net.Conn, 1)}
		served := make(chan struct{})
		go func() { // ends with Close
			defer close(served)
			web.Serve(pipe)
		}()
		client, server := net.Pipe()
		pipe.conns <- server
		start := time.Now()
		go io.Copy(io.Discard, client) // what the server may say about it; ends with the connection
		for line := "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: "; ; line = "a" {
			if _, err := io.WriteString(client, line); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(start); took < readHeaderTimeout || took > readHeaderTimeout+2*time.Second {
			t.Errorf("cut after %v", took)
		}
		client.Close()
		web.Close()
		<-served
	})
}
