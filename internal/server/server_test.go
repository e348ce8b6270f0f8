package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectiongrpc "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(failingDiskEnv); dir != "" {
		if err := serveOnFailingDisk(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// testConfig is a server on free ports of this machine, with a directory of the test's own.
func testConfig(t testing.TB) Config {
	return newTestConfig(filepath.Join(t.TempDir(), "data"))
}

func newTestConfig(dataDir string) Config {
	return Config{
		HTTP:              "localhost:0",
		GRPC:              "localhost:0",
		Admin:             "localhost:0",
		DataDir:           dataDir,
		Guests:            true,
		MaxMessageBytes:   1 << 20,
		MaxRooms:          200,
		Heartbeat:         20 * time.Second,
		FirstFrameTimeout: 10 * time.Second,
		WriteTimeout:      30 * time.Second,
		DrainTimeout:      10 * time.Second,
		Version:           "test",
	}
}

// instance is a running server.
type instance struct {
	Addresses
	shutdown context.CancelFunc
	ended    chan struct{} // closed when Run has returned
	err      error         // of Run; after ended
}

// start runs a server until the test ends or it is stopped.
func start(t testing.TB, cfg Config) *instance {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	i := &instance{shutdown: cancel, ended: make(chan struct{})}
	ready := make(chan Addresses, 1)
	cfg.OnReady = func(a Addresses) error {
		ready <- a
		return nil
	}
	go func() { // ends with Run; the clean-up waits for it
		defer close(i.ended)
		i.err = Run(ctx, cfg)
	}()
	t.Cleanup(func() {
		cancel()
		<-i.ended
	})
	select {
	case i.Addresses = <-ready:
	case <-i.ended:
		t.Fatalf("Run = %v before it was ready", i.err)
	}
	return i
}

// stop drains the server and fails the test if Run returns an error.
func (i *instance) stop(t testing.TB) {
	t.Helper()
	i.shutdown()
	i.wait(t)
}

func (i *instance) wait(t testing.TB) {
	t.Helper()
	select {
	case <-i.ended:
	case <-time.After(30 * time.Second):
		t.Fatal("Run did not return")
	}
	if i.err != nil {
		t.Fatalf("Run = %v", i.err)
	}
}

// dial connects to the gRPC port; roots nil means without TLS.
func dial(t testing.TB, address string, roots *x509.CertPool) *grpc.ClientConn {
	t.Helper()
	creds := insecure.NewCredentials()
	if roots != nil {
		creds = credentials.NewTLS(&tls.Config{RootCAs: roots})
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// get fetches a page without keeping the connection.
func get(t testing.TB, url string) (code int, header http.Header, body string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

func TestPortsAnswer(t *testing.T) {
	t.Parallel()
	i := start(t, testConfig(t))
	for _, tt := range []struct {
		url  string
		code int
		body string
	}{
		{"http://" + i.HTTP + "/healthz", 200, "ok"},
		{"http://" + i.HTTP + "/readyz", 200, "serving"},
		{"http://" + i.HTTP + "/", 200, "<!doctype html>"},
		{"http://" + i.HTTP + "/r/lobby", 200, "<!doctype html>"},
		{"http://" + i.HTTP + "/rialto.chat.v1.ChatService/Connect", 426, ""},
		{"http://" + i.HTTP + "/metrics", 200, "<!doctype html>"}, // the app's, not the operators'
		{"http://" + i.Admin + "/healthz", 200, "ok"},
		{"http://" + i.Admin + "/metrics", 200, "rialto_build_info{"},
		{"http://" + i.Admin + "/debug/pprof/", 200, "goroutine"},
		{"http://" + i.Admin + "/", 404, ""},
	} {
		code, _, body := get(t, tt.url)
		if code != tt.code || !strings.Contains(strings.ToLower(body), tt.body) {
			t.Errorf("GET %s = %d %.200q, want %d with %q", tt.url, code, body, tt.code, tt.body)
		}
	}
	if _, header, _ := get(t, "http://"+i.HTTP+"/"); !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("the app's policy is %q", header.Get("Content-Security-Policy"))
	}
}

func TestAdminDescribesTheServer(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	i := start(t, cfg)
	conn := dial(t, i.GRPC, nil)
	post(t, conn, newGuest(t, conn), "lobby", "hello")

	_, _, body := get(t, "http://"+i.Admin+"/readyz")
	var got details
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if got.Phase != "serving" || got.Addresses != i.Addresses || got.Data != cfg.DataDir || got.Version != "test" ||
		got.Epoch == "" || got.Position != 1 || got.TLS != nil {
		t.Errorf("/readyz = %+v", got)
	}
}

func TestStandardServicesOnGRPC(t *testing.T) {
	t.Parallel()
	i := start(t, testConfig(t))
	conn := dial(t, i.GRPC, nil)
	for _, service := range []string{"", "rialto.chat.v1.ChatService"} {
		resp, err := healthgrpc.NewHealthClient(conn).Check(t.Context(), &healthgrpc.HealthCheckRequest{Service: service})
		if err != nil || resp.GetStatus() != healthgrpc.HealthCheckResponse_SERVING {
			t.Errorf("health of %q = %v, %v", service, resp.GetStatus(), err)
		}
	}
	got := listServices(t, conn)
	for _, want := range []string{
		"rialto.chat.v1.ChatService", "rialto.chat.v1.RoomService", "rialto.chat.v1.MessageService",
		"rialto.chat.v1.MemberService", "grpc.health.v1.Health",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("reflection lists %q, not %s", got, want)
		}
	}
}

// reflect asks for the list of services on a stream that stays open until ctx ends.
func reflect(t testing.TB, ctx context.Context, conn *grpc.ClientConn) (reflectiongrpc.ServerReflection_ServerReflectionInfoClient, *reflectiongrpc.ServerReflectionResponse) {
	t.Helper()
	stream, err := reflectiongrpc.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectiongrpc.ServerReflectionRequest{
		MessageRequest: &reflectiongrpc.ServerReflectionRequest_ListServices{},
	}); err != nil {
		t.Fatal(err)
	}
	resp, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return stream, resp
}

func listServices(t testing.TB, conn *grpc.ClientConn) []string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, resp := reflect(t, ctx, conn)
	var names []string
	for _, s := range resp.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	return names
}

// newGuest returns a context that carries a fresh guest's token.
func newGuest(t testing.TB, conn *grpc.ClientConn) context.Context {
	t.Helper()
	resp, err := chatv1.NewChatServiceClient(conn).CreateGuest(t.Context(), &chatv1.CreateGuestRequest{DisplayName: "ana"})
	if err != nil {
		t.Fatal(err)
	}
	return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+resp.GetGuestToken())
}

func post(t testing.TB, conn *grpc.ClientConn, ctx context.Context, room, text string) *chatv1.PostMessageResponse {
	t.Helper()
	resp, err := chatv1.NewMessageServiceClient(conn).PostMessage(ctx, &chatv1.PostMessageRequest{
		Room: room, ClientId: "1", Body: &chatv1.PostMessageRequest_Text{Text: text},
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestDataSurvivesARestart(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	first := start(t, cfg)
	conn := dial(t, first.GRPC, nil)
	ana := newGuest(t, conn)
	posted := post(t, conn, ana, "lobby", "what news")
	first.stop(t)

	second := start(t, cfg)
	conn = dial(t, second.GRPC, nil)
	messages, err := chatv1.NewMessageServiceClient(conn).ListMessages(t.Context(), &chatv1.ListMessagesRequest{Room: "lobby"})
	if err != nil {
		t.Fatal(err)
	}
	if got := messages.GetMessages(); len(got) != 1 || got[0].GetText() != "what news" {
		t.Errorf("messages after the restart: %v", got)
	}
	// The guest's token is still good, and the same message is still the same.
	again := post(t, conn, ana, "lobby", "what news")
	if !again.GetDuplicate() || again.GetMessage().GetSeq() != posted.GetMessage().GetSeq() {
		t.Errorf("repeated after the restart: %v, want the duplicate of %v", again, posted)
	}
}

func TestGuestsOff(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	first := start(t, cfg)
	ana := newGuest(t, dial(t, first.GRPC, nil))
	first.stop(t)

	cfg.Guests = false
	conn := dial(t, start(t, cfg).GRPC, nil)
	_, err := chatv1.NewChatServiceClient(conn).CreateGuest(t.Context(), &chatv1.CreateGuestRequest{})
	if status.Code(err) != codes.PermissionDenied {
		t.Errorf("CreateGuest = %v, want PERMISSION_DENIED", err)
	}
	_, err = chatv1.NewRoomServiceClient(conn).ListRooms(ana, &chatv1.ListRoomsRequest{})
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("a call with an old guest's token = %v, want UNAUTHENTICATED", err)
	}
	if _, err := chatv1.NewRoomServiceClient(conn).ListRooms(t.Context(), &chatv1.ListRoomsRequest{}); err != nil {
		t.Errorf("reading without a token = %v", err)
	}
}

func TestMessageLimit(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.MaxMessageBytes = 1024
	conn := dial(t, start(t, cfg).GRPC, nil)
	_, err := chatv1.NewRoomServiceClient(conn).GetRoom(t.Context(), &chatv1.GetRoomRequest{Room: strings.Repeat("r", 2048)})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a request over the limit = %v, want RESOURCE_EXHAUSTED", err)
	}
}

func TestMetricsCountBothWaysIn(t *testing.T) {
	t.Parallel()
	i := start(t, testConfig(t))
	conn := dial(t, i.GRPC, nil)
	post(t, conn, newGuest(t, conn), "lobby", "hello")
	if _, err := chatv1.NewRoomServiceClient(conn).GetRoom(t.Context(), &chatv1.GetRoomRequest{Room: "nowhere"}); status.Code(err) != codes.NotFound {
		t.Fatalf("GetRoom = %v", err)
	}
	if got := checkOverWebSocket(t, i.HTTP); !strings.Contains(got, "SERVING") {
		t.Fatalf("health over WebSocket = %q", got)
	}
	connect(t, conn)
	for _, want := range []string{
		`rialto_chat_sessions 1`,
		`rialto_chat_rooms_live 0`,
		`rialto_chat_responses_sent_total `,
		`rialto_rpcs_ended_total{code="OK",method="/rialto.chat.v1.MessageService/PostMessage",wire="grpc"} 1`,
		`rialto_rpcs_ended_total{code="NotFound",method="/rialto.chat.v1.RoomService/GetRoom",wire="grpc"} 1`,
		`rialto_rpcs_ended_total{code="OK",method="/grpc.health.v1.Health/Check",wire="websocket"} 1`,
		`rialto_rpcs_active{method="/rialto.chat.v1.MessageService/PostMessage",wire="grpc"} 0`,
		`rialto_rpc_unary_seconds_count{method="/rialto.chat.v1.MessageService/PostMessage",wire="grpc"} 1`,
		`rialto_connections{port="grpc"} 1`,
		`rialto_websockets_accepted_total 1`,
		`rialto_commit_seconds_count 1`,
		`rialto_records_total{verdict="accepted"} 1`,
		`rialto_changes_total{kind="posted"} 1`,
		`go_goroutines `,
	} {
		eventually(t, "metrics with "+want, func() bool {
			_, _, body := get(t, "http://"+i.Admin+"/metrics")
			return strings.Contains(body, want)
		})
	}
}

// eventually polls what happens in another goroutine, over real sockets, and has no signal of its own.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s", what)
		}
	}
}

func TestDrainTellsEverybody(t *testing.T) {
	t.Parallel()
	i := start(t, testConfig(t))
	conn := dial(t, i.GRPC, nil)
	session := connect(t, conn)
	watch, err := healthgrpc.NewHealthClient(conn).Watch(t.Context(), &healthgrpc.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := watch.Recv(); err != nil || resp.GetStatus() != healthgrpc.HealthCheckResponse_SERVING {
		t.Fatalf("first watch = %v, %v", resp, err)
	}
	// A call that nothing ends holds the server in its drain.
	ctx, endCall := context.WithCancel(t.Context())
	defer endCall()
	reflect(t, ctx, conn)

	i.shutdown()
	end := status.Convert(drainStream(session.Recv))
	if end.Code() != codes.Unavailable || !slices.ContainsFunc(end.Details(), isRetryInfo) {
		t.Errorf("the session ended with %v %v, want UNAVAILABLE with RetryInfo", end, end.Details())
	}
	if err := drainStream(watch.Recv); status.Code(err) != codes.Unavailable {
		t.Errorf("the watch ended with %v, want UNAVAILABLE", err)
	}
	for _, url := range []string{"http://" + i.HTTP + "/readyz", "http://" + i.Admin + "/readyz"} {
		if code, _, body := get(t, url); code != http.StatusServiceUnavailable || !strings.Contains(body, "draining") {
			t.Errorf("GET %s = %d %q while draining", url, code, body)
		}
	}
	if code, _, _ := get(t, "http://"+i.HTTP+"/healthz"); code != http.StatusOK {
		t.Errorf("GET /healthz = %d while draining", code)
	}
	endCall()
	i.wait(t)
}

// connect opens a session that has been welcomed.
func connect(t testing.TB, conn *grpc.ClientConn) grpc.BidiStreamingClient[chatv1.ConnectRequest, chatv1.ConnectResponse] {
	t.Helper()
	session, err := chatv1.NewChatServiceClient(conn).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Send(&chatv1.ConnectRequest{}); err != nil {
		t.Fatal(err)
	}
	if _, err := session.Recv(); err != nil {
		t.Fatal(err)
	}
	return session
}

// drainStream receives until the stream ends, and returns how.
func drainStream[M any](recv func() (M, error)) error {
	for {
		if _, err := recv(); err != nil {
			return err
		}
	}
}

func isRetryInfo(detail any) bool {
	_, ok := detail.(*errdetails.RetryInfo)
	return ok
}

func TestDrainEndsInTime(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.DrainTimeout = 10 * time.Millisecond
	i := start(t, cfg)
	stream, _ := reflect(t, t.Context(), dial(t, i.GRPC, nil))
	i.stop(t)
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the call that would not end got %v, want UNAVAILABLE", err)
	}
}

func TestDrainClosesWebSockets(t *testing.T) {
	t.Parallel()
	i := start(t, testConfig(t))
	conn, r, resp := upgrade(t, i.HTTP, "/rialto.chat.v1.ChatService/Connect?encoding=json", http.Header{})
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("upgrade = %s", resp.Status)
	}
	if _, err := conn.Write(maskedText(`{"hello":{}}`)); err != nil {
		t.Fatal(err)
	}
	for welcome := ""; !strings.Contains(welcome, `"welcome"`); {
		_, welcome = readFrame(t, r)
	}
	i.shutdown()
	kind, payload := readFrame(t, r)
	for kind == textFrame {
		kind, payload = readFrame(t, r)
	}
	if kind != closeFrame || binary.BigEndian.Uint16([]byte(payload)) != 4000+uint16(codes.Unavailable) {
		t.Errorf("drain ended the socket with %x %q, want close code 4014", kind, payload)
	}
	conn.Close()
	i.wait(t)
}

func TestFailureOfAPartEndsRun(t *testing.T) {
	t.Parallel()
	s, err := newServer(testConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	s.listeners.grpc.Close()
	if err := s.run(t.Context()); err == nil || !strings.Contains(err.Error(), "gRPC server: ") || !errors.Is(err, net.ErrClosed) {
		t.Errorf("run = %v, want the error of the gRPC listener", err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

func TestErrorOfOnReadyEndsRun(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	want := errors.New("nobody to tell")
	cfg.OnReady = func(Addresses) error { return want }
	if err := Run(t.Context(), cfg); !errors.Is(err, want) {
		t.Errorf("Run = %v", err)
	}
}

func TestStopBeforeReady(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, testConfig(t)); err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestTLSOnBothPorts(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	dir := t.TempDir()
	cfg.TLSCertFile, cfg.TLSKeyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	clock := newTestClock()
	cfg.now = clock.now
	first, second := newKeyPair(t, 1, farAway), newKeyPair(t, 2, farAway)
	replaceFile(t, cfg.TLSCertFile, first.cert)
	replaceFile(t, cfg.TLSKeyFile, first.key)
	roots := x509.NewCertPool()
	roots.AddCert(first.leaf)
	roots.AddCert(second.leaf)

	i := start(t, cfg)
	old := dial(t, i.GRPC, roots)
	session := connect(t, old)
	replaceFile(t, cfg.TLSCertFile, second.cert)
	replaceFile(t, cfg.TLSKeyFile, second.key)
	clock.advance(certificateCheckInterval)

	for _, address := range []string{i.HTTP, i.GRPC} {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != 2 {
			t.Errorf("%s presents certificate %d, want the new one", address, got)
		}
		conn.Close()
	}
	// Nothing was dropped: the session of before goes on.
	if err := session.Send(&chatv1.ConnectRequest{}); err != nil {
		t.Error(err)
	}
	if _, err := session.Recv(); err != nil {
		t.Errorf("the open session ended with %v", err)
	}
	_, _, body := get(t, "http://"+i.Admin+"/metrics")
	if want := fmt.Sprintf("rialto_tls_certificate_not_after_seconds %v", float64(farAway.Unix())); !strings.Contains(body, want) {
		t.Errorf("no %q in the metrics", want)
	}
}
