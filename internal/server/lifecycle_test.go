package server

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

func TestDataSurvivesARestart(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	first := start(t, cfg)
	conn := dial(t, first.GRPC, nil)
	ana := newGuest(t, conn)
	posted := post(t, conn, ana, "lobby", "what news")
	post(t, conn, ana, "market", "what prices")
	page, err := chatv1.NewRoomServiceClient(conn).ListRooms(t.Context(), &chatv1.ListRoomsRequest{PageSize: 1})
	if err != nil || page.GetNextPageToken() == "" {
		t.Fatalf("first page: %v, %v", page, err)
	}
	first.stop(t)

	second := start(t, cfg)
	conn = dial(t, second.GRPC, nil)
	page, err = chatv1.NewRoomServiceClient(conn).ListRooms(t.Context(), &chatv1.ListRoomsRequest{PageToken: page.GetNextPageToken()})
	if err != nil || len(page.GetRooms()) != 1 || page.GetRooms()[0].GetId() != "market" {
		t.Errorf("the next page after the restart: %v, %v", page, err)
	}
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

func isRetryInfo(detail any) bool {
	_, ok := detail.(*errdetails.RetryInfo)
	return ok
}

// A peer that takes nothing of what its session, which it has half-closed, still has to send does not keep others from being
// told, nor Run from ending once it is gone.
func TestDrainWithAStalledPeer(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.DrainTimeout = 10 * time.Minute
	i := start(t, cfg)
	stalledConn := dial(t, i.GRPC, nil, grpc.WithStaticStreamWindowSize(64<<10))
	stalled := connect(t, stalledConn)
	join := &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Join{Join: &chatv1.Join{Room: "lobby"}}}
	if err := stalled.Send(join); err != nil {
		t.Fatal(err)
	}
	for joined := false; !joined; {
		resp, err := stalled.Recv()
		if err != nil {
			t.Fatal(err)
		}
		joined = slices.ContainsFunc(resp.GetEvents(), func(e *chatv1.Event) bool { return e.GetSnapshot() != nil })
	}
	native := dial(t, i.GRPC, nil)
	ana := newGuest(t, native)
	for n := range 20 {
		postAs(t, native, ana, "lobby", fmt.Sprint(n), strings.Repeat("x", 16<<10))
	}
	if err := stalled.CloseSend(); err != nil {
		t.Fatal(err)
	}
	newGuest(t, stalledConn) // by now the server has read the half-close
	over, err := bridge.Dial("http://" + i.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { over.Close() })
	if _, err := chatv1.NewChatServiceClient(over).CreateGuest(t.Context(), &chatv1.CreateGuestRequest{DisplayName: "ben"}); err != nil {
		t.Fatal(err)
	}
	i.shutdown()
	eventually(t, "GOAWAY on an idle gRPC connection", func() bool { return native.GetState() != connectivity.Ready })
	eventually(t, "GOAWAY on an idle WebSocket", func() bool { return over.GetState() != connectivity.Ready })
	select {
	case <-i.ended:
		t.Error("the server has ended without the stalled session")
	default:
	}
	stalledConn.Close()
	i.wait(t)
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
