package server

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	reflectiongrpc "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
	adminv1 "github.com/rialto-rpc/rialto/gen/go/rialto/admin/v1"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat"
)

// TestOperatorsServiceIsOnTheAdminPortOnly calls it on every port, over everything that each speaks.
func TestOperatorsServiceIsOnTheAdminPortOnly(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	i := start(t, cfg)
	newGuest(t, dial(t, i.GRPC, nil))
	conn := dialAdmin(t, i, cfg)
	admin := adminv1.NewAdminServiceClient(conn)
	stats, err := admin.GetStats(t.Context(), &adminv1.GetStatsRequest{})
	if err != nil || stats.GetVersion() != "test" || stats.GetFreeBytes() == 0 {
		t.Fatalf("on the admin port: %v, %v", stats, err)
	}
	_, listed := reflect(t, t.Context(), conn)
	var names []string
	for _, s := range listed.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	if !slices.Contains(names, "rialto.admin.v1.AdminService") || slices.Contains(names, "rialto.chat.v1.ChatService") {
		t.Errorf("the admin port has %v", names)
	}
	if code, _, body := get(t, "http://"+i.Admin+"/metrics"); code != http.StatusOK || !strings.Contains(body, `wire="admin"`) {
		t.Errorf("metrics on the same port: %d %s", code, body)
	}

	refusedBy(t, "the gRPC port", codes.Unimplemented, adminv1.NewAdminServiceClient(dial(t, i.GRPC, nil)))
	over, err := bridge.Dial("ws://" + i.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	defer over.Close()
	refusedBy(t, "the WebSocket", codes.Unimplemented, adminv1.NewAdminServiceClient(over))
	for port, want := range map[string]int{i.HTTP: http.StatusNotFound, i.Admin: http.StatusNotFound} {
		resp, err := http.Post("http://"+port+"/rialto.admin.v1.AdminService/GetStats", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("HTTP/1.1 on %s: %d, want %d", port, resp.StatusCode, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func refusedBy(t *testing.T, who string, code codes.Code, admin adminv1.AdminServiceClient) {
	t.Helper()
	if _, err := admin.GetStats(t.Context(), &adminv1.GetStatsRequest{}); status.Code(err) != code {
		t.Errorf("%s says %v, want %v", who, err, code)
	}
}

// TestOperatorsServiceRefusesOtherMachines is for an admin port that is open to them.
func TestOperatorsServiceRefusesOtherMachines(t *testing.T) {
	t.Parallel()
	key, err := auth.LoadOrCreateOperatorKey(filepath.Join(t.TempDir(), AdminKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	header, err := key.GetRequestMetadata(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unary, _ := chat.OperatorsOnly(key)
	for address, want := range map[string]codes.Code{"127.0.0.1": codes.OK, "::1": codes.OK, "192.0.2.1": codes.PermissionDenied} {
		ctx := peer.NewContext(t.Context(), &peer.Peer{Addr: &net.TCPAddr{IP: net.ParseIP(address)}})
		ctx = metadata.NewIncomingContext(ctx, metadata.New(header))
		_, err := unary(ctx, nil, nil, func(context.Context, any) (any, error) { return nil, nil })
		if status.Code(err) != want {
			t.Errorf("from %s: %v, want %v", address, err, want)
		}
	}
}

// TestOperatorsNeedTheKey calls unary and streaming services of the admin port without the key and with another one.
func TestOperatorsNeedTheKey(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	var log strings.Builder // its handler writes one line at a time
	cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	i := start(t, cfg)
	other, err := auth.LoadOrCreateOperatorKey(filepath.Join(t.TempDir(), AdminKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	for name, conn := range map[string]*grpc.ClientConn{
		"without a key": dial(t, i.Admin, nil), "with another key": dial(t, i.Admin, nil, grpc.WithPerRPCCredentials(other)),
	} {
		refusedBy(t, name, codes.Unauthenticated, adminv1.NewAdminServiceClient(conn))
		stream, err := reflectiongrpc.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
		if err == nil {
			_, err = stream.Recv()
		}
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("reflection %s: %v", name, err)
		}
	}
	refusedBy(t, "with the key", codes.OK, adminv1.NewAdminServiceClient(dialAdmin(t, i, cfg)))
	i.stop(t)

	path := filepath.Join(cfg.DataDir, AdminKeyFile)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", info, err)
	}
	key, err := os.ReadFile(path)
	if err != nil || strings.Contains(log.String(), strings.TrimSpace(string(key))) {
		t.Errorf("the key is in the log, or %v", err)
	}
	refusedBy(t, "after a restart", codes.OK, adminv1.NewAdminServiceClient(dialAdmin(t, start(t, cfg), cfg)))
}

// dialAdmin connects to the admin port with the key in the data directory.
func dialAdmin(t *testing.T, i *instance, cfg Config) *grpc.ClientConn {
	t.Helper()
	key, err := LoadAdminKey(filepath.Join(cfg.DataDir, AdminKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	return dial(t, i.Admin, nil, grpc.WithPerRPCCredentials(key))
}

// TestBackupOfARunningServer makes one by the admin port, and a server of it.
func TestBackupOfARunningServer(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	i := start(t, cfg)
	conn := dial(t, i.GRPC, nil)
	ana := newGuest(t, conn)
	post(t, conn, ana, "lobby", "hello")
	admin := adminv1.NewAdminServiceClient(dialAdmin(t, i, cfg))
	dir := filepath.Join(t.TempDir(), "backup")
	made, err := admin.BackUp(t.Context(), &adminv1.BackUpRequest{Directory: dir})
	if err != nil || made.GetBytes() == 0 {
		t.Fatalf("backup: %v, %v", made, err)
	}
	if _, err := admin.BackUp(t.Context(), &adminv1.BackUpRequest{Directory: dir}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("backup to a directory that is not empty: %v", err)
	}
	postAs(t, conn, ana, "lobby", "2", "after the backup")
	if _, err := os.Stat(filepath.Join(dir, AdminKeyFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the operator's key is in the backup: %v", err)
	}

	restored := filepath.Join(t.TempDir(), "restored")
	if _, err := Restore(dir, restored); err != nil {
		t.Fatal(err)
	}
	again := dial(t, start(t, newTestConfig(restored)).GRPC, nil)
	page, err := chatv1.NewMessageServiceClient(again).ListMessages(ana, &chatv1.ListMessagesRequest{Room: "lobby"})
	if err != nil || len(page.GetMessages()) != 1 || page.GetMessages()[0].GetText() != "hello" {
		t.Errorf("restored: %v, %v", page, err)
	}
}
