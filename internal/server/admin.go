package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/reflection"

	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat"
)

// details are what /readyz tells operators.
type details struct {
	Phase     string    `json:"phase"`
	Version   string    `json:"version"`
	Started   time.Time `json:"started"`
	Addresses Addresses `json:"addresses"`
	Data      string    `json:"data"`
	Epoch     string    `json:"epoch"`                // of the history in the data directory
	Position  uint64    `json:"position"`             // the last committed record
	Free      *uint64   `json:"free_bytes,omitempty"` // on the disk, where the system says it
	DiskFull  bool      `json:"disk_full"`            // writes are refused
	TLS       *tlsState `json:"tls,omitempty"`
}

type tlsState struct {
	NotAfter time.Time `json:"not_after"`
}

// newAdminServer returns the server for operators. rpcs has their service, over HTTP/2 without TLS, which browsers do not speak:
// no page that an operator looks at can call it. Nil: none.
func newAdminServer(cfg Config, m *metrics, ready *readiness, describe func() any, rpcs *grpc.Server) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry}))
	mux.HandleFunc("GET /healthz", serveLive)
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, ready.statusCode(), describe())
	})
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(rpcs != nil)
	return &http.Server{
		Handler:           withRPCs(rpcs, &ownPages{mux, cfg.adminHosts()}),
		Protocols:         protocols,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
}

// withRPCs sends gRPC to rpcs and the rest to pages.
func withRPCs(rpcs *grpc.Server, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rpcs != nil && r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			rpcs.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// newAdminRPCs returns the operator's service, for those who have the key. It is served through [newAdminServer] only, and stopped after that.
func (s *server) newAdminRPCs(key auth.OperatorKey) *grpc.Server {
	o := &observer{wireOf: overAdmin, metrics: s.metrics, logger: s.logger}
	unary, stream := chat.OperatorsOnly(key)
	rpcs := grpc.NewServer(
		grpc.ChainUnaryInterceptor(o.unary, unary),
		grpc.ChainStreamInterceptor(o.stream, stream),
		// Stop must not return while a handler still uses the store.
		grpc.WaitForHandlers(true),
	)
	s.chat.RegisterAdmin(rpcs, chat.Host{
		Version:   s.cfg.Version,
		Started:   s.started,
		FreeBytes: s.store.FreeBytes,
		BackUp:    s.backUp,
	})
	reflection.Register(rpcs)
	return rpcs
}

// backUp makes a backup of the running server, and counts those under way.
func (s *server) backUp(to string) (bytes uint64, err error) {
	s.backups.Add(1)
	defer s.backups.Add(-1)
	return backUp(s.store, s.cfg.DataDir, to)
}

// stopAdminRPCs ends the operator's calls while ctx lasts. It waits for those that go on after that.
func (s *server) stopAdminRPCs(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		if s.backups.Load() > 0 {
			s.logger.Warn("a backup is being made and cannot be cut off; the server ends after it")
		}
	})
	defer stop()
	stopGRPC(ctx, s.adminRPCs)
}

// LoadAdminKey reads a key for a client of the admin port. The error names the file.
func LoadAdminKey(path string) (credentials.PerRPCCredentials, error) {
	return auth.LoadOperatorKey(path)
}

// describe gathers the details at this moment.
func (s *server) describe() details {
	d := details{
		Phase:     s.ready.get().String(),
		Version:   s.cfg.Version,
		Started:   s.started,
		Addresses: s.listeners.addresses(),
		Data:      s.cfg.DataDir,
		Epoch:     string(s.epoch),
		Position:  s.position.Load(),
		DiskFull:  s.ready.diskFull(),
	}
	if free, ok := s.store.FreeBytes(); ok {
		d.Free = &free
	}
	if s.cert != nil {
		d.TLS = &tlsState{NotAfter: s.cert.notAfter()}
	}
	return d
}

// warnIfPublic says so when the admin port, whose pages ask nobody who they are, can be reached from other machines.
func warnIfPublic(l net.Listener, logger *slog.Logger) {
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		logger.Warn("the admin port is open to other machines and its pages ask nobody who they are; rialto admin answers this machine only", "admin", a.String())
	}
}
