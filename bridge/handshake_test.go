package bridge_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"

	"github.com/rialto-rpc/rialto/bridge"
)

// logBuffer collects what a handler logs.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *logBuffer) option() bridge.HandlerOption {
	return bridge.WithLogger(slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug})))
}

func TestOriginMatrix(t *testing.T) {
	t.Parallel()
	origins := bridge.WithAllowedOrigins("https://app.example.com", "http://dev.example.com:3000/")
	hosts := bridge.WithAllowedHosts("Chat.Example.com")
	tests := []struct {
		name, host, origin string
		opts               []bridge.HandlerOption
		want               int
		flag               string // that the log names
	}{
		{"no origin", "anything.example", "", nil, 101, ""},
		{"same origin on localhost", "localhost:8080", "http://localhost:8080", nil, 101, ""},
		{"same origin below localhost", "app.localhost:8080", "http://app.localhost:8080", nil, 101, ""},
		{"same origin on IPv4", "127.0.0.1:8080", "http://127.0.0.1:8080", nil, 101, ""},
		{"same origin on IPv6", "[::1]:8080", "http://[::1]:8080", nil, 101, ""},
		{"upper case", "LOCALHOST:8080", "http://localhost:8080", nil, 101, ""},
		{"scheme's own port", "localhost", "https://localhost:443", nil, 101, ""},
		{"another port", "localhost:8080", "http://localhost:3000", nil, 403, "--allowed-origins"},
		{"another host", "localhost:8080", "http://evil.example", nil, 403, "--allowed-origins"},
		{"host as a prefix", "localhost:8080", "http://localhost:8080.evil.example", nil, 403, "--allowed-origins"},
		{"host as user info", "localhost:8080", "http://localhost:8080@evil.example", nil, 403, "--allowed-origins"},
		{"DNS rebinding", "evil.example:8080", "http://evil.example:8080", nil, 403, "--allowed-hosts"},
		{"name that looks like localhost", "localhost.evil.example", "http://localhost.evil.example", nil, 403, "--allowed-hosts"},
		{"name that looks like an address", "127.0.0.1.evil.example", "http://127.0.0.1.evil.example", nil, 403, "--allowed-hosts"},
		{"file", "localhost:8080", "null", nil, 403, "--allowed-origins"},
		{"malformed origin", "localhost:8080", "http//localhost:8080", nil, 403, "--allowed-origins"},
		{"listed host", "chat.example.com", "https://chat.example.com", []bridge.HandlerOption{hosts}, 101, ""},
		{"listed host with a dot", "chat.example.com.", "https://chat.example.com.", []bridge.HandlerOption{hosts}, 101, ""},
		{"listed host, other origin", "chat.example.com", "https://app.example.com", []bridge.HandlerOption{hosts}, 403, "--allowed-origins"},
		{"listed origin", "localhost:8080", "https://app.example.com", []bridge.HandlerOption{origins}, 101, ""},
		{"listed origin, any host", "backend.internal", "https://app.example.com", []bridge.HandlerOption{origins}, 101, ""},
		{"listed origin with a port", "localhost:8080", "http://dev.example.com:3000", []bridge.HandlerOption{origins}, 101, ""},
		{"listed origin, other scheme", "localhost:8080", "http://app.example.com", []bridge.HandlerOption{origins}, 403, "--allowed-origins"},
		{"listed origin, other port", "localhost:8080", "https://app.example.com:444", []bridge.HandlerOption{origins}, 403, "--allowed-origins"},
		{"any origin", "localhost:8080", "https://evil.example", []bridge.HandlerOption{bridge.WithAllowedOrigins("*")}, 101, ""},
		{"any host", "evil.example", "https://evil.example", []bridge.HandlerOption{bridge.WithAllowedHosts("*")}, 101, ""},
		{"file, listed", "localhost:8080", "null", []bridge.HandlerOption{bridge.WithAllowedOrigins("null")}, 101, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			log := &logBuffer{}
			s := serve(t, &echoServer{}, append(test.opts, log.option())...)
			header := http.Header{"Host": {test.host}}
			if test.origin != "" {
				header.Set("Origin", test.origin)
			}
			conn, response, err := websocket.DefaultDialer.Dial(s.url(bidiPath), header)
			if conn != nil {
				conn.Close()
			}
			if response == nil || response.StatusCode != test.want {
				t.Fatalf("%v, %v; want %d", response, err, test.want)
			}
			if test.flag != "" && !strings.Contains(log.String(), test.flag) {
				t.Errorf("the log does not name %s: %s", test.flag, log)
			}
			if test.want == 403 && s.handler.Stats().Refused != 1 {
				t.Errorf("stats: %+v", s.handler.Stats())
			}
			s.checkPage(t, test.host, test.origin, test.want == 101)
		})
	}
}

func TestBadOptionsAreErrors(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]bridge.HandlerOption{
		"unary interceptor":   bridge.WithChainUnaryInterceptor(nil),
		"stream interceptor":  bridge.WithChainStreamInterceptor(nil),
		"receive size":        bridge.WithMaxRecvMsgSize(0),
		"send size":           bridge.WithMaxSendMsgSize(-1),
		"metadata":            bridge.WithMaxMetadataBytes(0),
		"connections":         bridge.WithMaxConnections(0),
		"heartbeat":           bridge.WithHeartbeat(0),
		"first frame timeout": bridge.WithFirstFrameTimeout(-1),
		"write timeout":       bridge.WithWriteTimeout(0),
		"logger":              bridge.WithLogger(nil),
		"origin host only":    bridge.WithAllowedOrigins("example.com"),
		"origin with a path":  bridge.WithAllowedOrigins("https://example.com/chat"),
		"origin with a query": bridge.WithAllowedOrigins("https://example.com?x"),
		"origin wildcard":     bridge.WithAllowedOrigins("https://*.example.com"),
		"host with a scheme":  bridge.WithAllowedHosts("https://example.com"),
		"host with a port":    bridge.WithAllowedHosts("example.com:80"),
		"empty host":          bridge.WithAllowedHosts(""),
	} {
		if _, err := bridge.NewHandler(opt); err == nil || !strings.HasPrefix(err.Error(), "bridge: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestRequestsThatAreNoHandshake(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		request, _ := http.NewRequest(method, s.http.URL+unaryPath, nil)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusUpgradeRequired || response.Header.Get("Upgrade") != "websocket" {
			t.Errorf("%s: %v", method, response.Status)
		}
		if method == http.MethodGet && !strings.Contains(string(body), "WebSocket") {
			t.Errorf("%s: the answer does not say what this is: %q", method, body)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestUnknownEncodingIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	for _, encoding := range []string{"xml", "", "JSON", strings.Repeat("x", 1000)} {
		_, response, err := websocket.DefaultDialer.Dial(s.url(bidiPath+"?encoding="+encoding), nil)
		if err == nil || response == nil || response.StatusCode != http.StatusBadRequest {
			t.Fatalf("%q: %v, %v", encoding, response, err)
		}
		body, _ := io.ReadAll(response.Body)
		if want := fmt.Sprintf("%q", encoding[:min(32, len(encoding))]); !strings.Contains(string(body), want) {
			t.Errorf("the answer %q does not name %s", body, want)
		}
	}
}

// gorilla answers what else is wrong with a handshake; the handler's count of sockets must not keep it.
func TestMalformedHandshakeLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{}, bridge.WithMaxConnections(1))
	for range 3 {
		request, _ := http.NewRequest(http.MethodGet, s.http.URL+unaryPath, nil)
		request.Header = http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"short"},
		}
		response, err := s.http.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusBadRequest {
			t.Fatalf("%v", response.Status)
		}
	}
	s.dial(t, bidiPath)
}

func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{}, bridge.WithMaxConnections(1))
	first := s.dial(t, bidiPath)
	first.sendText("{}")
	first.expectText("{}")
	_, response, err := websocket.DefaultDialer.Dial(s.url(bidiPath), nil)
	if err == nil || response == nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("%v, %v", response, err)
	}
	if stats := s.handler.Stats(); stats.Open != 1 || stats.Accepted != 1 || stats.Refused != 1 {
		t.Errorf("stats: %+v", stats)
	}
	first.sendText("")
	first.expectClose(1000)
	first.conn.Close()
}

// With a hijackable writer below a middleware's own, the handshake works; without one it is an error, not a panic.
func TestHandshakeBelowMiddleware(t *testing.T) {
	t.Parallel()
	h, err := bridge.NewHandler()
	if err != nil {
		t.Fatal(err)
	}
	testgrpc.RegisterTestServiceServer(h, &echoServer{})
	outer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(&wrappedWriter{w}, r)
	}))
	t.Cleanup(func() { h.Drain(context.Background()); outer.Close() })
	s := &server{handler: h, http: outer}
	c := s.dial(t, bidiPath)
	c.sendText("")
	c.expectClose(1000)

	recorder := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodGet, unaryPath, nil)
	request.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	h.ServeHTTP(recorder, request)
	if recorder.Code != http.StatusInternalServerError {
		t.Errorf("without a hijacker: %d", recorder.Code)
	}
}

type wrappedWriter struct{ http.ResponseWriter }

func (w *wrappedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func bearer(token string) string {
	return bridge.SubprotocolBearerPrefix + base64.RawURLEncoding.EncodeToString([]byte(token))
}

// metadataServer hands the incoming metadata of each unary call to the test.
func metadataServer(t *testing.T, opts ...bridge.HandlerOption) (*server, <-chan metadata.MD) {
	seen := make(chan metadata.MD, 16)
	return serve(t, &echoServer{unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		seen <- md
		return &testgrpc.SimpleResponse{}, nil
	}}, opts...), seen
}

func TestTokenInSubprotocol(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	s, seen := metadataServer(t, log.option())
	c := s.dialHeader(t, unaryPath, http.Header{"Authorization": {"Bearer from-header"}}, bridge.SubprotocolPlain, bearer("s3cret~token"))
	if got := c.conn.Subprotocol(); got != bridge.SubprotocolPlain {
		t.Errorf("the server selected %q", got)
	}
	c.sendText("{}")
	if got := receive(t, seen).Get("authorization"); !slices.Equal(got, []string{"Bearer s3cret~token"}) {
		t.Errorf("authorization %q", got)
	}
	c.skipToClose(1000)

	c = s.dial(t, unaryPath, bridge.SubprotocolPlain, bearer("s3cret~token"))
	c.sendText(`{"@open":{"metadata":{"Authorization":"Bearer s3cret-open"}}}`)
	c.sendText("{}")
	if got := receive(t, seen).Get("authorization"); !slices.Equal(got, []string{"Bearer s3cret-open"}) {
		t.Errorf("authorization %q: @open comes first", got)
	}
	c.skipToClose(1000)
	s.handler.Drain(context.Background())
	if strings.Contains(log.String(), "s3cret") || strings.Contains(log.String(), bearer("s3cret~token")) {
		t.Errorf("a token is in the log: %s", log)
	}
}

func TestBadTokensInSubprotocol(t *testing.T) {
	t.Parallel()
	s, _ := metadataServer(t)
	_, response, err := (&websocket.Dialer{Subprotocols: []string{bearer("alone")}}).Dial(s.url(unaryPath), nil)
	if err == nil || response == nil || response.StatusCode != http.StatusBadRequest {
		t.Fatalf("token alone: %v, %v", response, err)
	}
	for name, subprotocols := range map[string][]string{
		"not base64url": {bridge.SubprotocolPlain, "rialto.bearer.a+b"},
		"padded":        {bridge.SubprotocolPlain, "rialto.bearer.YQ=="},
		"empty":         {bridge.SubprotocolPlain, "rialto.bearer."},
		"line break":    {bridge.SubprotocolPlain, bearer("a\r\nx: y")},
		"two":           {bridge.SubprotocolPlain, bearer("a"), bearer("b")},
	} {
		c := s.dial(t, unaryPath, subprotocols...)
		reason := c.skipToClose(4016)
		if !strings.Contains(reason, "token") {
			t.Errorf("%s: reason %q", name, reason)
		}
	}
}

// A header may come in several lines (RFC 9110, section 5.3).
func TestSubprotocolInSecondHeaderLine(t *testing.T) {
	t.Parallel()
	header := http.Header{"Sec-Websocket-Protocol": {bearer("a") + ", other", bridge.SubprotocolPlain}}
	c := serve(t, &echoServer{}).dialHeader(t, emptyPath, header)
	if got := c.conn.Subprotocol(); got != bridge.SubprotocolPlain {
		t.Errorf("the server selected %q", got)
	}
	c.sendText("{}")
	c.expectText(`{"@headers":{}}`)
	c.skipToClose(1000)
}

func TestOtherSubprotocolsAreIgnored(t *testing.T) {
	t.Parallel()
	c := serve(t, &echoServer{}).dial(t, bidiPath, "graphql-ws")
	if got := c.conn.Subprotocol(); got != "" {
		t.Errorf("the server selected %q", got)
	}
	c.sendText("")
	c.expectClose(1000)
}

// Only listed headers of the handshake become metadata.
func TestMetadataFromHandshake(t *testing.T) {
	t.Parallel()
	s, seen := metadataServer(t)
	c := s.dialHeader(t, unaryPath, http.Header{
		"Host": {"localhost:99"}, "Authorization": {"Bearer x"}, "User-Agent": {"test/1"}, "Traceparent": {"00-1-2-01"},
		"X-Request-Id": {"r1"}, "Cookie": {"a=b"}, "X-Forwarded-For": {"1.2.3.4"}, "X-Real-Ip": {"1.2.3.4"},
		"Forwarded": {"for=1.2.3.4"}, "X-Custom": {"y"}, "Grpc-Timeout": {"1S"}, "Via": {"z"},
	})
	c.sendText("{}")
	got := receive(t, seen)
	want := metadata.MD{
		":authority": {"localhost:99"}, "authorization": {"Bearer x"}, "user-agent": {"test/1"}, "traceparent": {"00-1-2-01"},
		"x-request-id": {"r1"}, "content-type": {"application/grpc+json"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("metadata %v, want %v", got, want)
	}
	c.skipToClose(1000)
}
