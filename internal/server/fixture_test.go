package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	reflectiongrpc "google.golang.org/grpc/reflection/grpc_reflection_v1"

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
	return startWith(t, func(ctx context.Context, onReady func(Addresses) error) error {
		cfg.OnReady = onReady
		return Run(ctx, cfg)
	})
}

// startWith runs what says when it is ready.
func startWith(t testing.TB, run func(context.Context, func(Addresses) error) error) *instance {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	i := &instance{shutdown: cancel, ended: make(chan struct{})}
	ready := make(chan Addresses, 1)
	onReady := func(a Addresses) error {
		ready <- a
		return nil
	}
	go func() { // ends with run; the clean-up waits for it
		defer close(i.ended)
		i.err = run(ctx, onReady)
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
	case <-time.After(patience):
		t.Fatal("Run did not return")
	}
	if i.err != nil {
		t.Fatalf("Run = %v", i.err)
	}
}

// dial connects to the gRPC port; roots nil means without TLS.
func dial(t testing.TB, address string, roots *x509.CertPool, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	creds := insecure.NewCredentials()
	if roots != nil {
		creds = credentials.NewTLS(&tls.Config{RootCAs: roots})
	}
	conn, err := grpc.NewClient(address, append(opts, grpc.WithTransportCredentials(creds))...)
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
	return postAs(t, conn, ctx, room, "1", text)
}

func postAs(t testing.TB, conn *grpc.ClientConn, ctx context.Context, room, clientID, text string) *chatv1.PostMessageResponse {
	t.Helper()
	resp, err := chatv1.NewMessageServiceClient(conn).PostMessage(ctx, &chatv1.PostMessageRequest{
		Room: room, ClientId: clientID, Body: &chatv1.PostMessageRequest_Text{Text: text},
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// patience is how long a test waits for what must happen; never reached when all is well, however busy the machine is.
const patience = time.Minute

// eventually polls what happens in another goroutine, over real sockets, and has no signal of its own.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s", what)
		}
	}
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
