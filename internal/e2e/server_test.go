// Package e2e holds tests of the whole server, over every wire. Those that need browsers or kill processes are in web/e2e.
package e2e

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a server in this process, with a native connection to it.
type running struct {
	http, grpc, admin string
	conn              *grpc.ClientConn
}

func startServer(t *testing.T) *running {
	t.Helper()
	return startServerWith(t, 20*time.Second)
}

func startServerWith(t *testing.T, heartbeat time.Duration) *running {
	t.Helper()
	return startServerConfig(t, func(cfg *server.Config) { cfg.Heartbeat = heartbeat })
}

// startServerConfig starts a server that change may make another one.
func startServerConfig(t *testing.T, change func(*server.Config)) *running {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ready := make(chan server.Addresses, 1)
	ended := make(chan error, 1)
	cfg := server.Config{
		HTTP:              "127.0.0.1:0",
		GRPC:              "127.0.0.1:0",
		DataDir:           t.TempDir(),
		Guests:            true,
		MaxMessageBytes:   1 << 20,
		MaxRooms:          200,
		Heartbeat:         20 * time.Second,
		FirstFrameTimeout: 5 * time.Second,
		WriteTimeout:      20 * time.Second,
		DrainTimeout:      5 * time.Second,
		OnReady:           func(a server.Addresses) error { ready <- a; return nil },
	}
	change(&cfg)
	go func() { ended <- server.Run(ctx, cfg) }() // ends with stop, awaited by Cleanup
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	var a server.Addresses
	select {
	case a = <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatalf("the server did not start: %v", err)
	}
	conn, err := grpc.NewClient(a.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &running{http: a.HTTP, grpc: a.GRPC, admin: a.Admin, conn: conn}
}

// guest returns the token of a fresh identity.
func (s *running) guest(t *testing.T) string {
	t.Helper()
	g, err := chatv1.NewChatServiceClient(s.conn).CreateGuest(t.Context(), &chatv1.CreateGuestRequest{DisplayName: "tester"})
	if err != nil {
		t.Fatal(err)
	}
	return g.GetGuestToken()
}
