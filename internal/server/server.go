package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"

	"github.com/rialto-rpc/rialto/bridge"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer/local"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// server is the parts of a running Rialto. Fields are set by open, before any goroutine
// starts, and read-only after.
type server struct {
	cfg     Config
	logger  *slog.Logger
	started time.Time

	listeners *listeners
	cert      *certificate // nil: no TLS
	proxies   auth.Proxies
	sockets   *sockets
	metrics   *metrics
	ready     readiness
	health    *health.Server
	drained   context.Context // ends with the drain's beginning; health watches end with it
	endDrain  context.CancelFunc

	store     *state.Store
	epoch     state.Epoch
	position  atomic.Uint64 // of the last commit; written by the sequencer's goroutine
	sequencer *local.Sequencer
	chat      *chat.Service
	bridge    *bridge.Handler
	grpc      *grpc.Server
	http      *http.Server
	admin     *http.Server // nil: none
	adminRPCs *grpc.Server // served by admin; nil with it
	backups   atomic.Int32 // that are being made
}

// Run serves until ctx ends, then drains and returns nil. An error, after which everything has been stopped too, is that
// of the first part that failed; a [*ConfigError] if cfg is wrong. It waits for every goroutine it started.
//
// Draining takes at most cfg.DrainTimeout: the server says that it is not ready, chat sessions end with UNAVAILABLE and a
// delay after which to come back, other calls may finish, then what is queued is stored and the store closed. Only a backup is
// waited for beyond that, however long it takes, and the log says so: it reads from the store and cannot be cut off.
func Run(ctx context.Context, cfg Config) error {
	s, err := newServer(cfg)
	if err != nil {
		return err
	}
	err = s.run(ctx)
	if closeErr := s.close(); err == nil { // what comes after a failure follows from it
		err = closeErr
	}
	if err == nil {
		s.logger.Info("closed")
	}
	return err
}

// newServer returns a server with all its parts, none of which runs. The caller closes it.
func newServer(cfg Config) (*server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &server{cfg: cfg, logger: cfg.Logger, started: time.Now()}
	if err := s.open(); err != nil {
		s.close()
		return nil, err
	}
	if cfg.OnOpen != nil {
		cfg.OnOpen()
	}
	return s, nil
}

// run starts what serves, waits for the end of ctx or the first failure, and ends it again.
func (s *server) run(ctx context.Context) error {
	// The parts outlive ctx: draining is their work.
	alive := context.WithoutCancel(ctx)
	sequencing, stopSequencer := context.WithCancel(alive)
	defer stopSequencer()
	keeping, stopKeeping := context.WithCancel(alive)
	defer stopKeeping()
	parts, failed := errgroup.WithContext(alive)

	parts.Go(func() error { // ends by stopSequencer, or with the store
		return wrap("store", s.sequencer.Run(sequencing, &measuredMachine{s.store, s.metrics, &s.position}))
	})
	parts.Go(func() error { // ends by stopKeeping, before the sequencer
		s.chat.Keep(keeping)
		return nil
	})
	parts.Go(func() error { // ends by drain
		return wrap("gRPC server", ignore(s.grpc.Serve(s.listeners.grpc), grpc.ErrServerStopped))
	})
	parts.Go(func() error { // ends by drain
		return wrap("HTTP server", ignore(serveHTTP(s.http, s.listeners.http), http.ErrServerClosed))
	})
	if s.admin != nil {
		parts.Go(func() error { // ends by drain
			return wrap("admin server", ignore(s.admin.Serve(s.listeners.admin), http.ErrServerClosed))
		})
	}
	parts.Go(func() error { // ends when ctx has ended or a part has failed, and all is drained
		defer stopSequencer()
		select {
		case <-ctx.Done():
		case <-failed.Done():
		}
		stopKeeping()
		s.drain(failed)
		s.chat.Wait() // nothing serves any more, but what was taken is stored
		return nil
	})
	parts.Go(func() error { return wrap("chat", s.chat.Resume()) })
	parts.Go(s.announce)
	parts.Go(func() error { // ends with the sequencer
		newTrimmer(s.logger).run(sequencing)
		return nil
	})
	return parts.Wait()
}

// announce says that the server is ready. Connections that came before waited in the listeners' queues.
func (s *server) announce() error {
	if !s.ready.open() {
		return nil // told to stop before
	}
	a := s.listeners.addresses()
	s.logger.Info("serving", "http", a.HTTP, "grpc", a.GRPC, "admin", a.Admin, "tls", s.cert != nil,
		"data", s.cfg.DataDir, "version", s.cfg.Version)
	if s.cfg.OnReady == nil {
		return nil
	}
	return s.cfg.OnReady(a)
}

// drain ends everything that serves. All are told at once: a peer that takes nothing of what its session still sends must not
// use up the time of the others. When failed ends, there is nothing left to wait for and it ends at once.
func (s *server) drain(failed context.Context) {
	ctx, cancel := context.WithTimeout(failed, s.cfg.DrainTimeout)
	defer cancel()
	s.logger.Info("draining", "timeout", s.cfg.DrainTimeout.String())
	s.ready.close()
	s.health.Shutdown()

	var parts sync.WaitGroup
	var sessions, sockets error
	parts.Go(func() { sessions = s.chat.Drain(ctx) })
	parts.Go(func() { sockets = s.bridge.Drain(ctx) })
	parts.Go(func() { stopGRPC(ctx, s.grpc) })
	s.endDrain()
	parts.Wait()
	err := errors.Join(sessions, sockets)
	for _, web := range []*http.Server{s.http, s.admin} {
		if web != nil {
			err = errors.Join(err, stopHTTP(ctx, web))
		}
	}
	if s.adminRPCs != nil {
		s.stopAdminRPCs(ctx) // admin does not wait for handlers whose connections it had to close
	}
	if ctx.Err() != nil {
		s.logger.Warn("calls were cut off", "err", err)
	}
}

// stopHTTP lets running requests finish while ctx lasts.
func stopHTTP(ctx context.Context, web *http.Server) error {
	err := web.Shutdown(ctx)
	if err != nil {
		web.Close()
	}
	return err
}

// close frees what open has opened, in the opposite order. The listeners are closed twice when they served.
func (s *server) close() error {
	if s.listeners != nil {
		s.listeners.close()
	}
	if s.endDrain != nil {
		s.endDrain()
	}
	if s.store == nil {
		return nil
	}
	return wrap("close the store", s.store.Close())
}

// wrap says which part an error is of.
func wrap(part string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", part, err)
}

// ignore returns nil for the error that means a part was told to stop.
func ignore(err, stopped error) error {
	if errors.Is(err, stopped) {
		return nil
	}
	return err
}
