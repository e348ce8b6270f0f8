package server

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
)

const healthService = "grpc.health.v1.Health"

func testProxyConfig(upstream string) ProxyConfig {
	return ProxyConfig{
		Upstream:          upstream,
		HTTP:              "localhost:0",
		Admin:             "localhost:0",
		MaxMessageBytes:   1 << 20,
		Heartbeat:         20 * time.Second,
		FirstFrameTimeout: 10 * time.Second,
		WriteTimeout:      30 * time.Second,
		DrainTimeout:      10 * time.Second,
		Version:           "test",
	}
}

// startProxy runs a proxy until the test ends or it is stopped.
func startProxy(t testing.TB, cfg ProxyConfig) *instance {
	t.Helper()
	return startWith(t, func(ctx context.Context, onReady func(Addresses) error) error {
		cfg.OnReady = onReady
		return RunProxy(ctx, cfg)
	})
}

// The health service of a chat server, through a proxy, in JSON; operators see it.
func TestProxyInFrontOfServer(t *testing.T) {
	t.Parallel()
	behind := start(t, testConfig(t))
	cfg := testProxyConfig(behind.GRPC)
	cfg.Services = []string{healthService}
	p := startProxy(t, cfg)
	if got := checkOverWebSocket(t, p.HTTP); got != `{"status":"SERVING"}` {
		t.Errorf("the answer is %s", got)
	}
	_, _, body := get(t, "http://"+p.Admin+"/readyz")
	var details proxyDetails
	if err := json.Unmarshal([]byte(body), &details); err != nil || details.Phase != "serving" ||
		details.Upstream != behind.GRPC || details.Connected != "READY" {
		t.Errorf("/readyz = %s, %v", body, err)
	}
	eventually(t, "count of the call", func() bool {
		_, _, body := get(t, "http://"+p.Admin+"/metrics")
		return strings.Contains(body, `rialto_rpcs_ended_total{code="OK",method="/grpc.health.v1.Health/Check",wire="websocket"} 1`)
	})
	if code, _, _ := get(t, "http://"+p.HTTP+"/readyz"); code != http.StatusOK {
		t.Errorf("/readyz of the public port = %d", code)
	}
}

// By default the chat is exposed and grpc.* is not.
func TestProxyExposesWhatReflectionLists(t *testing.T) {
	t.Parallel()
	cfg := testProxyConfig(start(t, testConfig(t)).GRPC)
	exposing := make(chan string, 1)
	cfg.Logger = slog.New(slog.NewTextHandler(lineWriter(func(line string) {
		if strings.Contains(line, "msg=exposing") {
			exposing <- line
		}
	}), nil))
	p := startProxy(t, cfg)
	select {
	case line := <-exposing:
		if !strings.Contains(line, "rialto.chat.v1.ChatService") || strings.Contains(line, "grpc.") {
			t.Errorf("logged %s", line)
		}
	case <-time.After(patience):
		t.Error("the log does not say what is exposed")
	}
	conn, r, _ := upgrade(t, p.HTTP, "/rialto.chat.v1.ChatService/Connect", http.Header{})
	if _, err := conn.Write(maskedText("{}")); err != nil { // a probe
		t.Fatal(err)
	}
	if kind, answer := readFrame(t, r); kind != textFrame || !strings.HasPrefix(answer, "{") {
		t.Errorf("the answer is a frame %x %q", kind, answer)
	}
	_, r, _ = upgrade(t, p.HTTP, "/"+healthService+"/Check", http.Header{})
	if code := readClose(t, r); code != 4012 {
		t.Errorf("the health service: close %d, want 4012", code)
	}
}

// lineWriter gets one line of a log a call.
type lineWriter func(string)

func (w lineWriter) Write(p []byte) (int, error) {
	w(string(p))
	return len(p), nil
}

// The upstream's certificate is checked, against the authorities that were given.
func TestProxyUpstreamTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	behindConfig := testConfig(t)
	behindConfig.TLSCertFile, behindConfig.TLSKeyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pair := newKeyPair(t, 1, farAway)
	replaceFile(t, behindConfig.TLSCertFile, pair.cert)
	replaceFile(t, behindConfig.TLSKeyFile, pair.key)
	behind := start(t, behindConfig)

	cfg := testProxyConfig(behind.GRPC)
	cfg.Services = []string{healthService}
	cfg.UpstreamCAFile = behindConfig.TLSCertFile
	if got := checkOverWebSocket(t, startProxy(t, cfg).HTTP); got != `{"status":"SERVING"}` {
		t.Errorf("the answer is %s", got)
	}
	cfg.UpstreamAuthority = "elsewhere.example"
	if got, want := closeOfCheck(t, startProxy(t, cfg).HTTP), behind.GRPC+": its TLS certificate is not accepted"; got != want {
		t.Errorf("under another name: close %q, want %q", got, want)
	}
	cfg.UpstreamCAFile, cfg.UpstreamAuthority, cfg.UpstreamTLS = "", "", true
	if got, want := closeOfCheck(t, startProxy(t, cfg).HTTP), behind.GRPC+": its TLS certificate is not accepted"; got != want {
		t.Errorf("by the system's authorities: close %q, want %q", got, want)
	}
}

// closeOfCheck asks the health service and returns the reason of the close frame, which must be that of UNAVAILABLE.
func closeOfCheck(t testing.TB, address string) string {
	t.Helper()
	conn, r, _ := upgrade(t, address, "/"+healthService+"/Check", http.Header{})
	if _, err := conn.Write(maskedText("{}")); err != nil {
		t.Fatal(err)
	}
	kind, payload := readFrame(t, r)
	if kind != closeFrame || len(payload) < 2 || binary.BigEndian.Uint16([]byte(payload)) != 4014 {
		t.Fatalf("frame %x %q, want close 4014", kind, payload)
	}
	return payload[2:]
}

func readClose(t testing.TB, r interface{ Read([]byte) (int, error) }) int {
	t.Helper()
	kind, payload := readFrame(t, r)
	if kind != closeFrame || len(payload) < 2 {
		t.Fatalf("frame %x %q, want a close frame", kind, payload)
	}
	return int(binary.BigEndian.Uint16([]byte(payload)))
}

// A descriptor set is enough for JSON; the upstream is not asked.
func TestProxyDescriptorFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "health.binpb")
	data, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{
		protodesc.ToFileDescriptorProto(healthgrpc.File_grpc_health_v1_health_proto),
	}})
	if err != nil {
		t.Fatal(err)
	}
	replaceFile(t, file, data)
	cfg := testProxyConfig(start(t, testConfig(t)).GRPC)
	cfg.Services, cfg.DescriptorFile = []string{healthService}, file
	if got := checkOverWebSocket(t, startProxy(t, cfg).HTTP); got != `{"status":"SERVING"}` {
		t.Errorf("the answer is %s", got)
	}
	for name, want := range map[string]string{file + ".none": "--descriptors", os.DevNull: ""} {
		cfg.DescriptorFile = name
		ctx, cancel := context.WithCancel(t.Context())
		cfg.OnReady = func(Addresses) error { cancel(); return nil }
		if err := RunProxy(ctx, cfg); (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		cancel()
	}
}

// A proxy that is told to stop ends calls that do not end by themselves.
func TestProxyDrains(t *testing.T) {
	t.Parallel()
	cfg := testProxyConfig(start(t, testConfig(t)).GRPC)
	cfg.DrainTimeout = 50 * time.Millisecond
	p := startProxy(t, cfg)
	conn, r, _ := upgrade(t, p.HTTP, "/rialto.chat.v1.ChatService/Connect", http.Header{})
	if _, err := conn.Write(maskedText("{}")); err != nil {
		t.Fatal(err)
	}
	readFrame(t, r)
	p.shutdown()
	for {
		kind, payload := readFrame(t, r)
		if kind == textFrame {
			continue
		}
		if kind != closeFrame || binary.BigEndian.Uint16([]byte(payload)) != 4014 {
			t.Errorf("frame %x %q, want close 4014", kind, payload)
		}
		break
	}
	conn.Close()
	p.wait(t)
}

func TestProxyConfigErrorsNameTheFlag(t *testing.T) {
	t.Parallel()
	for flag, spoil := range map[string]func(*ProxyConfig){
		"--upstream":          func(c *ProxyConfig) { c.Upstream = "nowhere" },
		"--http":              func(c *ProxyConfig) { c.HTTP = "nowhere" },
		"--admin":             func(c *ProxyConfig) { c.Admin = "nowhere" },
		"--services":          func(c *ProxyConfig) { c.Services = []string{"shop.*"} },
		"--trusted-headers":   func(c *ProxyConfig) { c.TrustedHeaders = []string{"grpc-timeout"} },
		"--allowed-origins":   func(c *ProxyConfig) { c.AllowedOrigins = []string{"app.example"} },
		"--allowed-hosts":     func(c *ProxyConfig) { c.AllowedHosts = []string{"a b"} },
		"--tls-cert":          func(c *ProxyConfig) { c.TLSCertFile = "cert.pem" },
		"--heartbeat":         func(c *ProxyConfig) { c.Heartbeat = 0 },
		"--max-message-bytes": func(c *ProxyConfig) { c.MaxMessageBytes = 1 },
	} {
		cfg := testProxyConfig("localhost:9090")
		spoil(&cfg)
		if err := RunProxy(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%v, want an error about %s", err, flag)
		}
	}
	for _, target := range []string{"localhost:9090", "[::1]:9090", "dns:///shop:443", "unix:///tmp/shop.sock", "unix:shop.sock"} {
		if err := testProxyConfig(target).Validate(); err != nil {
			t.Errorf("--upstream %s: %v", target, err)
		}
	}
}

func TestMethodNamesAreBounded(t *testing.T) {
	t.Parallel()
	var seen string
	names := &methodNames{observe: func(_ any, _ grpc.ServerStream, info *grpc.StreamServerInfo, _ grpc.StreamHandler) error {
		seen = info.FullMethod
		return nil
	}}
	for i := range maxMethodNames + 1 {
		method := fmt.Sprintf("/s/%d", i)
		names.stream(nil, nil, &grpc.StreamServerInfo{FullMethod: method}, nil)
		if want := method; i < maxMethodNames && seen != want {
			t.Fatalf("%s is seen as %s", want, seen)
		}
	}
	if seen != otherMethods {
		t.Errorf("one more is seen as %s", seen)
	}
	if names.stream(nil, nil, &grpc.StreamServerInfo{FullMethod: "/s/0"}, nil); seen != "/s/0" {
		t.Errorf("a known one is then seen as %s", seen)
	}
}
