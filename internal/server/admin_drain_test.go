package server

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"

	adminv1 "github.com/rialto-rpc/rialto/gen/go/rialto/admin/v1"
)

// slowHealth answers when it is told to, whatever becomes of the call.
type slowHealth struct {
	healthgrpc.UnimplementedHealthServer
	begun, answer chan struct{}
}

func (s *slowHealth) Check(context.Context, *healthgrpc.HealthCheckRequest) (*healthgrpc.HealthCheckResponse, error) {
	close(s.begun)
	<-s.answer
	return &healthgrpc.HealthCheckResponse{}, nil
}

// TestStoreOutlivesHandlersOfTheAdminPort has one run on when the time of the drain is over and its connection is cut.
func TestStoreOutlivesHandlersOfTheAdminPort(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.DrainTimeout = 0
	s, err := newServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	slow := &slowHealth{begun: make(chan struct{}), answer: make(chan struct{})}
	healthgrpc.RegisterHealthServer(s.adminRPCs, slow)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	called := make(chan error, 1)
	client := healthgrpc.NewHealthClient(dialAdmin(t, &instance{Addresses: s.listeners.addresses()}, cfg))
	go func() {
		_, err := client.Check(t.Context(), &healthgrpc.HealthCheckRequest{})
		called <- err
	}()
	<-slow.begun
	stop()
	if err := <-called; err == nil {
		t.Error("the call went well, although its connection was cut")
	}
	select {
	case err := <-ended:
		t.Errorf("the server ended, with %v, while a handler ran", err)
		ended <- err
	case <-time.After(100 * time.Millisecond):
	}
	close(slow.answer)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

// TestDrainSaysThatABackupGoesOn has the time of the drain end while a backup is being made, which is whole all the same.
func TestDrainSaysThatABackupGoesOn(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.DrainTimeout = 0
	dir := filepath.Join(t.TempDir(), "backup")
	begun, finish := make(chan struct{}), make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun) })
	cfg.store.FS = errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if strings.HasPrefix(op.Path, dir) {
			begin()
			<-finish
		}
		return nil
	}))
	said := make(chan struct{})
	say := sync.OnceFunc(func() { close(said) })
	cfg.Logger = slog.New(slog.NewTextHandler(lineWriter(func(line string) {
		if strings.Contains(line, "a backup is being made") {
			say()
		}
	}), nil))
	i := start(t, cfg)
	admin := adminv1.NewAdminServiceClient(dialAdmin(t, i, cfg))
	called := make(chan error, 1)
	go func() {
		_, err := admin.BackUp(t.Context(), &adminv1.BackUpRequest{Directory: dir})
		called <- err
	}()
	<-begun
	i.shutdown()
	if err := <-called; err == nil {
		t.Error("the call went well, although its connection was cut")
	}
	select {
	case <-said:
	case <-time.After(patience):
		t.Error("nothing is said of the backup")
	}
	select {
	case <-i.ended:
		t.Error("the server ended before the backup")
	default:
	}
	close(finish)
	i.wait(t)
	if _, err := Restore(dir, filepath.Join(t.TempDir(), "restored")); err != nil {
		t.Error(err)
	}
}
