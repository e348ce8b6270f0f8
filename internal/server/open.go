package server

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"

	"github.com/rialto-rpc/rialto/bridge"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer/local"
	"github.com/rialto-rpc/rialto/internal/chat/state"
	"github.com/rialto-rpc/rialto/web"
)

// What lies in the data directory.
const (
	storeDir = "store"     // Pebble's files
	keyFile  = "guest.key" // signs guests' tokens
	// AdminKeyFile is what operators prove themselves with. It is no part of a backup: each directory has its own.
	AdminKeyFile = "admin.key"
)

// open makes all parts of s, in the order in which they need one another, and starts none of them but the health
// service's answers. After an error, close frees what was opened.
func (s *server) open() error {
	s.drained, s.endDrain = context.WithCancel(context.Background())
	s.sockets = newSockets(s.cfg.Rates.AddressConnections)
	s.metrics = newMetrics(s.cfg.Version)
	s.metrics.addStore()
	var err error
	if s.proxies, err = auth.ParseProxies(s.cfg.TrustedProxies); err != nil {
		return err
	}
	if s.listeners, err = listen(s.cfg); err != nil {
		return err
	}
	if err := s.openCertificate(); err != nil {
		return err
	}
	guests, err := s.openChat()
	if err != nil {
		return err
	}
	if err := s.openWires(guests); err != nil {
		return err
	}
	s.openHTTP()
	return s.openAdmin()
}

func (s *server) openCertificate() (err error) {
	if s.cfg.TLSCertFile == "" {
		return nil
	}
	now := s.cfg.now
	if now == nil {
		now = time.Now
	}
	s.cert, err = loadCertificate(s.cfg.TLSCertFile, s.cfg.TLSKeyFile, now, s.logger)
	if err != nil {
		return err
	}
	s.metrics.gaugeFunc("tls_certificate_not_after_seconds", "When the TLS certificate ends, in Unix time.",
		func() float64 { return float64(s.cert.notAfter().Unix()) })
	return nil
}

// openChat opens the data directory and makes the chat service on it. The store's lock comes before the key, so that of
// two first starts at once only one makes a key.
func (s *server) openChat() (auth.Authenticator, error) {
	if err := refuseUnfinished(s.cfg.DataDir); err != nil {
		return nil, err
	}
	dir := filepath.Join(s.cfg.DataDir, storeDir)
	if err := os.MkdirAll(dir, 0o700); err != nil { // for its owner only: it holds what people wrote
		return nil, fmt.Errorf("%w: choose another data directory with --data", err)
	}
	hub := chat.NewHub()
	options := s.cfg.store
	options.Interval = s.cfg.SyncInterval > 0
	options.MinFreeBytes = cmp.Or(s.cfg.MinFreeBytes, -1)
	options.Logger, options.OnCommit, options.OnShutOut = s.logger, hub.OnCommit, hub.OnShutOut
	var err error
	if s.store, err = state.Open(dir, options); err != nil {
		return nil, explainInUse(s.cfg.DataDir, err)
	}
	s.ready.full = s.store.Full
	s.metrics.gaugeFunc("disk_free_bytes", "What the disk of the data directory has left; below --min-free-bytes writes are refused.",
		func() float64 { free, _ := s.store.FreeBytes(); return float64(free) })
	s.metrics.gaugeFunc("disk_erased_seconds", "When the disk was freed last of what was deleted before, in Unix time; 0: never.", s.erasedAt)
	epoch, position := s.store.Applied()
	s.epoch = epoch
	s.position.Store(uint64(position))
	key, err := auth.LoadOrCreateKey(filepath.Join(s.cfg.DataDir, keyFile))
	if err != nil {
		return nil, err
	}
	s.sequencer = local.New(local.Options{SyncInterval: s.cfg.SyncInterval})
	config := chat.Config{
		Hub: hub, Store: s.store, Sequencer: s.sequencer, Logger: s.logger, Limits: s.cfg.limits(), Rates: s.cfg.Rates, MaxRooms: s.cfg.MaxRooms,
		Delivery: s.cfg.delivery(), Retention: s.cfg.retention(), Eraser: s.store, PageKey: key.Derive("page tokens"),
	}
	var tokens auth.Authenticator = noTokens{}
	if s.cfg.Guests {
		config.Guests = auth.NewGuests(key, time.Now)
		tokens = config.Guests
	}
	s.chat, err = chat.New(config)
	return tokens, err
}

// erasedAt returns when the disk was freed last of what was deleted, in Unix time; 0: never.
func (s *server) erasedAt() float64 {
	last, err := s.store.LastErased()
	if err != nil || last.IsZero() {
		return 0
	}
	return float64(last.Unix())
}

// noTokens is a server that admits nobody: there are no other tokens than guests'.
type noTokens struct{}

func (noTokens) Authenticate(context.Context, string) (auth.Principal, error) {
	return auth.Principal{}, auth.ErrInvalidToken
}

// openWires registers the same service on both ways in.
func (s *server) openWires(tokens auth.Authenticator) error {
	in := s.interceptors(overGRPC, tokens)
	in.unary = append(in.unary, auth.UnaryAddressInterceptor(s.proxies))
	in.stream = append(in.stream, auth.StreamAddressInterceptor(s.proxies))
	admit := func(conn net.Conn) error { return s.sockets.admitConn(s.proxies, conn) }
	s.grpc = newGRPCServer(s.cfg, s.cert, s.admitting(in), admit, s.metrics.connections)
	var err error
	if s.bridge, err = s.newBridge(s.admitting(s.interceptors(overBridge, tokens))); err != nil {
		return err
	}
	s.metrics.watchBridge(s.bridge)
	s.metrics.watchChat(s.chat)
	s.metrics.watchDelivery(s.chat)
	s.metrics.watchLimits(s.chat, s.sockets)
	s.health = health.NewServer()
	s.chat.Register(s.grpc)
	s.chat.Register(s.bridge)
	registerStandard(s.grpc, s.health)
	registerStandard(s.bridge, s.health)
	return nil
}

// interceptors are the chains of one server, outermost first.
type interceptors struct {
	unary  []grpc.UnaryServerInterceptor
	stream []grpc.StreamServerInterceptor
}

func (s *server) interceptors(wireOf func(context.Context) wire, tokens auth.Authenticator) interceptors {
	o := &observer{wireOf: wireOf, metrics: s.metrics, logger: s.logger}
	return interceptors{
		unary:  []grpc.UnaryServerInterceptor{o.unary, auth.UnaryServerInterceptor(tokens, s.logger)},
		stream: []grpc.StreamServerInterceptor{o.stream, endWatches(s.drained), auth.StreamServerInterceptor(tokens, s.logger)},
	}
}

// admitting has in refuse, last of all, those whom the chat does not let in.
func (s *server) admitting(in interceptors) interceptors {
	in.unary = append(in.unary, s.chat.UnaryServerInterceptor())
	in.stream = append(in.stream, s.chat.StreamServerInterceptor())
	return in
}

func (s *server) newBridge(in interceptors) (*bridge.Handler, error) {
	// All our interceptors know handlers that detach.
	return bridge.NewHandler(append(s.cfg.bridgeOptions(in, s.logger), bridge.WithDetachedCalls())...)
}

// bridgeOptions are what the configuration says about a bridge.
func (c Config) bridgeOptions(in interceptors, logger *slog.Logger) []bridge.HandlerOption {
	opts := []bridge.HandlerOption{
		bridge.WithChainUnaryInterceptor(in.unary...),
		bridge.WithChainStreamInterceptor(in.stream...),
		bridge.WithMaxRecvMsgSize(c.MaxMessageBytes),
		bridge.WithAllowedOrigins(c.AllowedOrigins...),
		bridge.WithAllowedHosts(c.allowedHosts()...),
		bridge.WithHeartbeat(c.Heartbeat),
		bridge.WithFirstFrameTimeout(c.FirstFrameTimeout),
		bridge.WithWriteTimeout(c.WriteTimeout),
		bridge.WithLogger(logger),
	}
	if c.MaxConnections > 0 {
		opts = append(opts, bridge.WithMaxConnections(c.MaxConnections))
	}
	return opts
}

// allowedHosts are the names that browsers may know this server by: those given, and the one it listens on.
func (c Config) allowedHosts() []string {
	return append(nameIn(c.HTTP), c.AllowedHosts...)
}

// adminHosts are the names that browsers may know the admin port by.
func (c Config) adminHosts() []string { return append(nameIn(c.Admin), c.allowedHosts()...) }

// nameIn returns the name of a host in an address to listen on, if there is one.
func nameIn(address string) []string {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "" || net.ParseIP(host) != nil {
		return nil
	}
	return []string{host}
}

func (s *server) openHTTP() {
	front := s.sockets.door(frontDoor(s.bridge, web.Handler(), &s.ready))
	door := &clientAddress{next: front, proxies: s.proxies, logger: s.logger}
	s.http = newHTTPServer(door, s.metrics.connections, s.logger)
	if s.cert != nil {
		s.http.TLSConfig = s.cert.tlsConfig()
	}
}

func (s *server) openAdmin() error {
	if s.listeners.admin == nil {
		return nil
	}
	key, err := auth.LoadOrCreateOperatorKey(filepath.Join(s.cfg.DataDir, AdminKeyFile))
	if err != nil {
		return err
	}
	warnIfPublic(s.listeners.admin, s.logger)
	s.adminRPCs = s.newAdminRPCs(key)
	s.admin = newAdminServer(s.cfg, s.metrics, &s.ready, func() any { return s.describe() }, s.adminRPCs)
	return nil
}
