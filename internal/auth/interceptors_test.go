package auth_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/rialto-rpc/rialto/internal/auth"
)

// seen is what a handler behind the interceptors found.
type seen struct {
	principal auth.Principal
	ok        bool
}

// server runs health and reflection behind the interceptors and records each call's principal.
type server struct {
	*grpc.ClientConn
	log   syncBuffer
	calls chan seen
}

func serve(t *testing.T, a auth.Authenticator) *server {
	t.Helper()
	s := &server{calls: make(chan seen, 1)}
	log := slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	record := func(ctx context.Context) {
		p, ok := auth.FromContext(ctx)
		s.calls <- seen{p, ok}
	}
	srv := grpc.NewServer(
		grpc.ChainUnaryInterceptor(auth.UnaryServerInterceptor(a, log),
			func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
				record(ctx)
				return h(ctx, req)
			}),
		grpc.ChainStreamInterceptor(auth.StreamServerInterceptor(a, log),
			func(srv any, st grpc.ServerStream, _ *grpc.StreamServerInfo, h grpc.StreamHandler) error {
				record(st.Context())
				return h(srv, st)
			}),
	)
	healthv1.RegisterHealthServer(srv, health.NewServer())
	reflection.Register(srv)
	lis := bufconn.Listen(1 << 16)
	done := make(chan struct{})
	go func() { // owned by the test, ended and awaited by its cleanup
		defer close(done)
		_ = srv.Serve(lis)
	}()
	conn, err := grpc.NewClient("passthrough:bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		srv.Stop()
		<-done
	})
	s.ClientConn = conn
	return s
}

// unary and stream make one call each.
func unary(ctx context.Context, s *server) error {
	_, err := healthv1.NewHealthClient(s).Check(ctx, &healthv1.HealthCheckRequest{})
	return err
}

func stream(ctx context.Context, s *server) error {
	st, err := reflectionv1.NewServerReflectionClient(s).ServerReflectionInfo(ctx)
	if err != nil {
		return err
	}
	if err := st.CloseSend(); err != nil {
		return err
	}
	if _, err = st.Recv(); err == io.EOF {
		return nil
	}
	return err
}

func TestInterceptors(t *testing.T) {
	t.Parallel()
	g := auth.NewGuests(auth.Key{1}, at(start))
	ana, token := issue(t, g, "ana")
	_, foreign := issue(t, auth.NewGuests(auth.Key{2}, at(start)), "ana")
	old, expired := issue(t, auth.NewGuests(auth.Key{1}, at(start.Add(-auth.GuestLifetime))), "ana")
	for name, c := range map[string]struct {
		authorization []string
		code          codes.Code
		want          seen
	}{
		"none":             {nil, codes.OK, seen{}},
		"valid":            {[]string{"Bearer " + token}, codes.OK, seen{ana, true}},
		"lower-case":       {[]string{"bearer " + token}, codes.OK, seen{ana, true}},
		"upper-case":       {[]string{"BEARER  " + token}, codes.OK, seen{ana, true}},
		"foreign":          {[]string{"Bearer " + foreign}, codes.Unauthenticated, seen{}},
		"expired":          {[]string{"Bearer " + expired}, codes.Unauthenticated, seen{}},
		"malformed":        {[]string{"Bearer x"}, codes.Unauthenticated, seen{}},
		"empty":            {[]string{""}, codes.Unauthenticated, seen{}},
		"empty token":      {[]string{"Bearer "}, codes.Unauthenticated, seen{}},
		"no scheme":        {[]string{token}, codes.Unauthenticated, seen{}},
		"other scheme":     {[]string{"Basic " + token}, codes.Unauthenticated, seen{}},
		"two":              {[]string{"Bearer " + token, "Bearer " + token}, codes.Unauthenticated, seen{}},
		"valid and a list": {[]string{"Bearer " + token + ", Bearer " + token}, codes.Unauthenticated, seen{}},
	} {
		for wire, call := range map[string]func(context.Context, *server) error{"unary": unary, "stream": stream} {
			t.Run(name+"/"+wire, func(t *testing.T) {
				t.Parallel()
				s := serve(t, g)
				ctx := t.Context()
				for _, v := range c.authorization {
					ctx = metadata.AppendToOutgoingContext(ctx, "authorization", v)
				}
				err := call(ctx, s)
				if status.Code(err) != c.code {
					t.Fatalf("error %v, want %v", err, c.code)
				}
				if c.code != codes.OK {
					if text := status.Convert(err).Message(); text != "invalid token" || len(s.calls) != 0 {
						t.Errorf("text %q, handler called %d times", text, len(s.calls))
					}
					if !strings.Contains(s.log.String(), "level=DEBUG") {
						t.Errorf("the cause is not logged: %s", s.log.String())
					}
				} else if got := <-s.calls; got != c.want {
					t.Errorf("principal %+v, want %+v", got, c.want)
				}
				for _, secret := range []string{token, foreign, expired, ana.ID, old.ID, `"ana"`} {
					if strings.Contains(s.log.String(), secret) {
						t.Errorf("the log holds %q", secret)
					}
				}
			})
		}
	}
}

// syncBuffer is a bytes.Buffer that several goroutines may use.
type syncBuffer struct {
	mu sync.Mutex // protects b
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
