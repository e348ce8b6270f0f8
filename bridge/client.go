package bridge

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
)

// ClientConn is the client's end of multiplexed mode: all calls to one server, many at once on one WebSocket. It is what
// generated clients want, a [grpc.ClientConnInterface], and safe for concurrent use.
//
// It connects when the first call needs it, and again, after a backoff where connecting failed, when a later call does. A call
// that finds the server unreachable fails with UNAVAILABLE; with [grpc.WaitForReady] it waits. When the server says that it is
// going away, new calls go to a new socket and those that run may finish on the old one. A call that was surely not begun by
// the server is repeated; any other that loses its socket ends with UNAVAILABLE.
type ClientConn struct {
	config dialConfig
	target *url.URL
	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	running sync.WaitGroup // the goroutine of each link

	mu       sync.Mutex // guards what follows, and every link's counts; held for no call into a session
	state    connectivity.State
	link     *link              // the one that takes new calls; nil: none
	links    map[*link]struct{} // those with a socket
	hold     *time.Timer        // no try to connect before it fires; nil: at once
	failures int                // tries in a row that came to nothing
	lastErr  error              // why the last one did
	waiting  list.List          // of *waiter: calls that wait for a link, or for room on it
}

var (
	_ grpc.ClientConnInterface = (*ClientConn)(nil)

	errClientClosing = status.Error(codes.Canceled, "bridge: the client connection is closing")
)

// Dial returns a connection to the bridge at target, a URL: "ws://localhost:8080", or "wss://" for TLS; "http" and "https" mean
// the same. A target without a path means the server's default, [DefaultBasePath]. Dial does no I/O; the first call connects.
//
// The caller closes the ClientConn. The error names the option that has a bad value, or what is wrong with the target.
func Dial(target string, opts ...DialOption) (*ClientConn, error) {
	config := defaultDialConfig()
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt.applyDial(&config); err != nil {
			return nil, fmt.Errorf("bridge: %w", err)
		}
	}
	u, err := parseTarget(target)
	if err == nil {
		err = config.check(u)
	}
	if err != nil {
		return nil, fmt.Errorf("bridge: %w", err)
	}
	cc := &ClientConn{config: config, target: u, state: connectivity.Idle, links: make(map[*link]struct{})}
	cc.ctx, cc.cancel = context.WithCancel(context.Background())
	return cc, nil
}

// parseTarget returns the WebSocket URL of a target.
func parseTarget(target string) (*url.URL, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, errors.New("malformed target: want a URL such as ws://localhost:8080") // url's error quotes it: it may hold a secret
	}
	switch u.Scheme {
	case "ws", "http":
		u.Scheme = "ws"
	case "wss", "https":
		u.Scheme = "wss"
	default:
		return nil, fmt.Errorf("target of scheme %q: want ws, wss, http or https", u.Scheme)
	}
	switch {
	case u.Host == "" || u.Hostname() == "":
		return nil, errors.New("target without a host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("target with a user, a query or a fragment: secrets belong into metadata, see WithPerRPCCredentials")
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = DefaultBasePath
	}
	return u, nil
}

// check refuses options that do not fit the target.
func (c *dialConfig) check(target *url.URL) error {
	if target.Scheme != "wss" {
		if c.tls != nil {
			return errors.New("a TLS configuration for a ws target: want wss")
		}
		for _, creds := range c.credentials {
			if creds.RequireTransportSecurity() {
				return errors.New("per-RPC credentials that need transport security for a ws target: want wss")
			}
		}
	}
	info, err := newCallInfo(c.callOptions)
	if err != nil {
		return err
	}
	if info.credentials != nil && info.credentials.RequireTransportSecurity() && target.Scheme != "wss" {
		return errors.New("per-RPC credentials that need transport security for a ws target: want wss")
	}
	return c.checkPlatform()
}

// Target returns the URL that the connection goes to.
func (cc *ClientConn) Target() string { return cc.target.String() }

// GetState returns what the connection is doing: IDLE before the first call and between sockets, CONNECTING, READY,
// TRANSIENT_FAILURE while it waits after a failed try, SHUTDOWN after Close.
func (cc *ClientConn) GetState() connectivity.State {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	return cc.state
}

// Close ends all calls with CANCELLED and closes the sockets. It returns when all goroutines of the connection have ended: at
// once if the server answers, after 5 s otherwise. Later calls fail with CANCELLED, a second Close too.
func (cc *ClientConn) Close() error {
	cc.mu.Lock()
	if cc.state == connectivity.Shutdown {
		cc.mu.Unlock()
		return errClientClosing
	}
	cc.state = connectivity.Shutdown
	cc.link = nil
	cc.stopHoldLocked()
	cc.failWaitingLocked(errClientClosing, true)
	links := make([]*link, 0, len(cc.links))
	for l := range cc.links {
		links = append(links, l)
	}
	cc.mu.Unlock()
	cc.cancel()
	for _, l := range links {
		l.session.close(errClosedByClient, closeNow)
		l.loseCalls(errClosedByClient)
	}
	cc.running.Wait()
	return nil
}

var errClosedByClient = &connError{CloseOK, "closed by the client"}
