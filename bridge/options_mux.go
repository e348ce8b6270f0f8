package bridge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
	"google.golang.org/grpc/metadata"
)

// Defaults of multiplexed mode.
const (
	DefaultBasePath             = "/rialto"
	DefaultMaxConcurrentStreams = startMaxStreams
	DefaultStreamWindow         = startStreamWindow     // bytes
	DefaultConnectionWindow     = startConnectionWindow // bytes
	DefaultMaxAssemblyBytes     = 64 << 20
	DefaultReconnectSpread      = 5 * time.Second
)

// Limits of multiplexed mode that need no setting: what an honest client does stays far below them.
const (
	maxControlFrames = 1000
)

var (
	maxResets = rate{burst: 1000, perSecond: 100}
	maxPings  = rate{burst: 100, perSecond: 10}
)

// muxConfig is the configuration of multiplexed mode.
type muxConfig struct {
	basePath         string
	maxStreams       int
	streamWindow     int
	connectionWindow int
	maxAssemblyBytes int
	resets           rate
	reconnectSpread  time.Duration
	maxAge           time.Duration // 0: none
	maxAgeGrace      time.Duration // 0: not limited
	verify           AuthFunc      // nil: takes all
}

func defaultMuxConfig() muxConfig {
	return muxConfig{
		basePath:         DefaultBasePath,
		maxStreams:       DefaultMaxConcurrentStreams,
		streamWindow:     DefaultStreamWindow,
		connectionWindow: DefaultConnectionWindow,
		maxAssemblyBytes: DefaultMaxAssemblyBytes,
		resets:           maxResets,
		reconnectSpread:  DefaultReconnectSpread,
	}
}

// sessionConfig is what sessions are made with.
func (c *handlerConfig) sessionConfig() sessionConfig {
	return sessionConfig{
		settings: &bridgev1.Settings{
			StreamWindowBytes:     uint32(c.mux.streamWindow),
			ConnectionWindowBytes: uint32(c.mux.connectionWindow),
			MaxChunkBytes:         startChunkBytes,
			MaxConcurrentStreams:  uint32(c.mux.maxStreams),
			MaxMessageBytes:       uint32(min(c.maxRecvMsgSize, maxWindowBytes)),
			MaxMetadataBytes:      uint32(min(c.maxMetadataBytes, maxControlBytes)),
			Encodings:             supportedEncodings,
			PingIntervalMs:        uint32(c.heartbeat.Milliseconds()),
		},
		maxRecvMsgSize:    c.maxRecvMsgSize,
		maxAssemblyBytes:  int64(max(c.mux.maxAssemblyBytes, c.maxRecvMsgSize)),
		maxControlFrames:  maxControlFrames,
		maxPings:          maxPings,
		heartbeat:         c.heartbeat,
		firstFrameTimeout: c.firstFrameTimeout,
	}
}

// WithBasePath sets the path where multiplexed connections are accepted. Default "/rialto".
func WithBasePath(path string) HandlerOption {
	return handlerOptionFunc(func(c *handlerConfig) error {
		if !strings.HasPrefix(path, "/") {
			return fmt.Errorf("base path %q must begin with a slash", path)
		}
		c.mux.basePath = path
		return nil
	})
}

// WithMaxConcurrentStreams limits the calls that a multiplexed connection may have at once. A call counts until its handler has
// returned. One more is refused with RESOURCE_EXHAUSTED, and the client knows that it was not begun. Default 100, which is
// also the least: a client may rely on it before it has heard of more.
func WithMaxConcurrentStreams(n int) HandlerOption {
	return atLeast("max concurrent streams", n, startMaxStreams, func(c *handlerConfig) { c.mux.maxStreams = n })
}

// WithStreamWindow sets how many bytes of messages that nobody has received yet a multiplexed call may have waiting at this end.
// More lets a single call over a long distance go faster. Default and minimum 64 KiB.
func WithStreamWindow(n int) Option {
	return bothOption{
		atLeast("stream window", n, startStreamWindow, func(c *handlerConfig) { c.mux.streamWindow = n }),
		atLeastDial("stream window", n, startStreamWindow, func(c *dialConfig) { c.streamWindow = n }),
	}
}

// WithConnectionWindow sets how many bytes of messages may be under way to this end on a multiplexed connection. Default and
// minimum 1 MiB.
func WithConnectionWindow(n int) Option {
	return bothOption{
		atLeast("connection window", n, startConnectionWindow, func(c *handlerConfig) { c.mux.connectionWindow = n }),
		atLeastDial("connection window", n, startConnectionWindow, func(c *dialConfig) { c.connectionWindow = n }),
	}
}

// WithMaxAssemblyBytes limits what the unfinished messages of a multiplexed connection, and those that are being decompressed,
// may hold in memory beyond their calls' windows. A call whose message would exceed it ends with RESOURCE_EXHAUSTED. Default 64 MiB; at least one message of the
// maximum size always fits.
func WithMaxAssemblyBytes(n int) HandlerOption {
	return positive("max assembly bytes", n, func(c *handlerConfig) { c.mux.maxAssemblyBytes = n })
}

// WithMaxConnectionAge makes clients of multiplexed connections move to a new one after age, a tenth earlier or later at random,
// so that their load spreads over servers that come and go. Running calls may finish, for grace at most if that is positive;
// then they end with UNAVAILABLE. Default: no age.
func WithMaxConnectionAge(age, grace time.Duration) HandlerOption {
	return positive("max connection age", age, func(c *handlerConfig) { c.mux.maxAge, c.mux.maxAgeGrace = age, grace })
}

// WithReconnectSpread sets the time over which clients of multiplexed connections come back after [Handler.Drain]: each waits a
// random part of it. Default 5 s.
func WithReconnectSpread(spread time.Duration) HandlerOption {
	return positive("reconnect spread", spread, func(c *handlerConfig) { c.mux.reconnectSpread = spread })
}

// AuthFunc decides whether next may take the place of current: the metadata that goes with each later call of a multiplexed
// connection, such as a token that was refreshed. ctx ends with the connection and has its peer. An error is sent as a status
// and leaves current in place; PERMISSION_DENIED is the one for another subject than the connection's.
type AuthFunc func(ctx context.Context, current, next metadata.MD) error

// WithAuth sets who decides about new connection metadata. Without it all is taken: each call is authenticated by the metadata it
// arrives with anyway, and a call that runs keeps the metadata it began with.
func WithAuth(verify AuthFunc) HandlerOption {
	return handlerOptionFunc(func(c *handlerConfig) error {
		if verify == nil {
			return errors.New("nil AuthFunc")
		}
		c.mux.verify = verify
		return nil
	})
}

func atLeast(what string, value, least int, set func(*handlerConfig)) HandlerOption {
	return handlerOptionFunc(func(c *handlerConfig) error {
		set(c)
		return checkAtLeast(what, value, least)
	})
}

func atLeastDial(what string, value, least int, set func(*dialConfig)) DialOption {
	return dialOptionFunc(func(c *dialConfig) error {
		set(c)
		return checkAtLeast(what, value, least)
	})
}

func checkAtLeast(what string, value, least int) error {
	if value < least || value > maxWindowBytes {
		return fmt.Errorf("%s must be between %d and %d, not %d", what, least, maxWindowBytes, value)
	}
	return nil
}
