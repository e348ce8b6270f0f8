package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/keepalive"

	"github.com/rialto-rpc/rialto/bridge"
)

const (
	// An upstream that comes back is found within maxUpstreamBackoff; grpc-go's own maximum is two minutes.
	maxUpstreamBackoff = 5 * time.Second
	minUpstreamConnect = 10 * time.Second // for one try: TCP, TLS and HTTP/2

	// upstreamPing finds a connection that died without a word. grpc-go's servers take more than one ping in five minutes
	// for abuse, unless they are told otherwise.
	upstreamPing        = 6 * time.Minute
	upstreamPingTimeout = 20 * time.Second
)

// proxy is a bridge in front of a gRPC server. Fields are set by newProxy and read-only after.
type proxy struct {
	cfg     ProxyConfig
	logger  *slog.Logger
	started time.Time

	listeners *listeners
	cert      *certificate // nil: no TLS
	metrics   *metrics
	ready     readiness
	conn      *grpc.ClientConn
	bridge    *bridge.Handler
	http      *http.Server
	admin     *http.Server // nil: none
}

// RunProxy serves until ctx ends, then drains for at most cfg.DrainTimeout and returns nil. An error, after which everything
// has been stopped too, is that of the first part that failed; a [*ConfigError] if cfg is wrong. An upstream that cannot be
// reached is no error: calls end with UNAVAILABLE until it can.
func RunProxy(ctx context.Context, cfg ProxyConfig) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	p := &proxy{cfg: cfg, logger: cfg.Logger, started: time.Now(), metrics: newMetrics(cfg.Version)}
	defer p.close()
	if err := p.open(); err != nil {
		return err
	}
	if cfg.OnOpen != nil {
		cfg.OnOpen()
	}
	if err := p.run(ctx); err != nil {
		return err
	}
	p.logger.Info("closed")
	return nil
}

// open makes all parts and starts none.
func (p *proxy) open() (err error) {
	front := p.cfg.front()
	if p.listeners, err = listen(front); err != nil {
		return err
	}
	if p.cfg.TLSCertFile != "" {
		if p.cert, err = loadCertificate(p.cfg.TLSCertFile, p.cfg.TLSKeyFile, time.Now, p.logger); err != nil {
			return err
		}
	}
	if p.conn, err = p.dial(); err != nil {
		return err
	}
	if p.bridge, err = p.newBridge(front); err != nil {
		return err
	}
	p.metrics.watchBridge(p.bridge)
	p.http = newHTTPServer(frontDoor(p.bridge, p.bridge, &p.ready), p.metrics.connections, p.logger)
	if p.cert != nil {
		p.http.TLSConfig = p.cert.tlsConfig()
	}
	if p.listeners.admin != nil {
		warnIfPublic(p.listeners.admin, p.logger)
		p.admin = newAdminServer(front, p.metrics, &p.ready, func() any { return p.describe() }, nil)
	}
	return nil
}

// dial returns a connection that is made when the first call needs it.
func (p *proxy) dial() (*grpc.ClientConn, error) {
	creds, err := p.cfg.credentials()
	if err != nil {
		return nil, err
	}
	retry := backoff.DefaultConfig
	retry.MaxDelay = maxUpstreamBackoff
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: retry, MinConnectTimeout: minUpstreamConnect}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: upstreamPing, Timeout: upstreamPingTimeout}),
		grpc.WithUserAgent("rialto/" + p.cfg.Version),
	}
	if p.cfg.UpstreamAuthority != "" {
		opts = append(opts, grpc.WithAuthority(p.cfg.UpstreamAuthority))
	}
	conn, err := grpc.NewClient(p.cfg.Upstream, opts...)
	if err != nil {
		return nil, &ConfigError{fmt.Errorf("--upstream %q: %w", p.cfg.Upstream, err)}
	}
	return conn, nil
}

func (p *proxy) newBridge(front Config) (*bridge.Handler, error) {
	upstream, err := p.cfg.upstreamOptions()
	if err != nil {
		return nil, err
	}
	observed := &observer{wireOf: overBridge, metrics: p.metrics, logger: p.logger}
	names := &methodNames{observe: observed.stream}
	opts := front.bridgeOptions(interceptors{stream: []grpc.StreamServerInterceptor{names.stream}}, p.logger)
	return bridge.NewHandler(append(opts,
		bridge.WithTrustedHeaders(p.cfg.TrustedHeaders...),
		bridge.WithUpstream(p.conn, upstream...))...)
}

// run serves, waits for the end of ctx or the first failure, and drains.
func (p *proxy) run(ctx context.Context) error {
	parts, failed := errgroup.WithContext(context.WithoutCancel(ctx)) // draining outlives ctx
	trimming, stopTrimming := context.WithCancel(failed)
	defer stopTrimming()
	parts.Go(func() error { // ends by drain
		return wrap("HTTP server", ignore(serveHTTP(p.http, p.listeners.http), http.ErrServerClosed))
	})
	if p.admin != nil {
		parts.Go(func() error { // ends by drain
			return wrap("admin server", ignore(p.admin.Serve(p.listeners.admin), http.ErrServerClosed))
		})
	}
	parts.Go(func() error { // ends when ctx has ended or a part has failed, and all is drained
		defer stopTrimming()
		select {
		case <-ctx.Done():
		case <-failed.Done():
		}
		p.drain(failed)
		return nil
	})
	parts.Go(func() error { // ends by stopTrimming
		newTrimmer(p.logger).run(trimming)
		return nil
	})
	parts.Go(p.announce)
	parts.Go(func() error { // ends when the upstream has answered or could not, or with the proxy
		p.lookUpstream(ctx)
		return nil
	})
	return parts.Wait()
}

// announce says that the proxy is ready.
func (p *proxy) announce() error {
	if !p.ready.open() {
		return nil // told to stop before
	}
	a := p.listeners.addresses()
	p.logger.Info("serving", "http", a.HTTP, "admin", a.Admin, "tls", p.cert != nil, "upstream", p.cfg.Upstream,
		"version", p.cfg.Version)
	if p.cfg.OnReady == nil {
		return nil
	}
	return p.cfg.OnReady(a)
}

// lookUpstream says at once what clients can reach, or why nothing; the first call would find out too.
func (p *proxy) lookUpstream(ctx context.Context) {
	services, err := p.bridge.UpstreamServices(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		p.logger.Warn("the upstream does not answer yet; calls will try again", "upstream", p.cfg.Upstream)
	default:
		p.logger.Info("exposing", "upstream", p.cfg.Upstream, "services", services)
	}
}

// drain ends everything that serves; at once when failed ends.
func (p *proxy) drain(failed context.Context) {
	ctx, cancel := context.WithTimeout(failed, p.cfg.DrainTimeout)
	defer cancel()
	p.logger.Info("draining", "timeout", p.cfg.DrainTimeout.String())
	p.ready.close()
	err := p.bridge.Drain(ctx)
	for _, web := range []*http.Server{p.http, p.admin} {
		if web != nil {
			err = errors.Join(err, stopHTTP(ctx, web))
		}
	}
	if ctx.Err() != nil {
		p.logger.Warn("calls were cut off", "err", err)
	}
}

// close frees what open has opened.
func (p *proxy) close() {
	if p.listeners != nil {
		p.listeners.close()
	}
	if p.conn != nil {
		p.conn.Close()
	}
}

// proxyDetails are what /readyz tells operators of a proxy.
type proxyDetails struct {
	Phase     string    `json:"phase"`
	Version   string    `json:"version"`
	Started   time.Time `json:"started"`
	Addresses Addresses `json:"addresses"`
	Upstream  string    `json:"upstream"`
	Connected string    `json:"connection"` // grpc-go's word for the state of the connection to the upstream
	TLS       *tlsState `json:"tls,omitempty"`
}

func (p *proxy) describe() proxyDetails {
	d := proxyDetails{
		Phase:     p.ready.get().String(),
		Version:   p.cfg.Version,
		Started:   p.started,
		Addresses: p.listeners.addresses(),
		Upstream:  p.cfg.Upstream,
		Connected: p.conn.GetState().String(),
	}
	if p.cert != nil {
		d.TLS = &tlsState{NotAfter: p.cert.notAfter()}
	}
	return d
}
