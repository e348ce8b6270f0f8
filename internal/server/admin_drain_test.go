package server

import (
	"context"
	"testing"
	"time"

	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
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
