package server

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

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

func TestMetricsCountEveryWayIn(t *testing.T) {
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
	if got := checkOverHTTP(t, i.HTTP); !strings.Contains(got, "SERVING") {
		t.Fatalf("health over HTTP = %q", got)
	}
	connect(t, conn)
	for _, want := range []string{
		`rialto_chat_sessions 1`,
		`rialto_chat_rooms_live 0`,
		`rialto_chat_responses_sent_total `,
		`rialto_rpcs_ended_total{code="OK",method="/rialto.chat.v1.MessageService/PostMessage",wire="grpc"} 1`,
		`rialto_rpcs_ended_total{code="NotFound",method="/rialto.chat.v1.RoomService/GetRoom",wire="grpc"} 1`,
		`rialto_rpcs_ended_total{code="OK",method="/grpc.health.v1.Health/Check",wire="websocket"} 1`,
		`rialto_rpcs_ended_total{code="OK",method="/grpc.health.v1.Health/Check",wire="http"} 1`,
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
