package bridge

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// Defaults of a [Handler].
const (
	DefaultMaxRecvMsgSize    = 4 << 20          // bytes, as grpc-go
	DefaultMaxSendMsgSize    = math.MaxInt32    // bytes, as grpc-go
	DefaultMaxMetadataBytes  = 16 << 10         // of a call's @open metadata
	DefaultHeartbeat         = 20 * time.Second // between two pings
	DefaultFirstFrameTimeout = 10 * time.Second
	DefaultWriteTimeout      = 30 * time.Second // without progress
)

// maxMessageLimit is the largest limit of a message, in bytes, that makes sense: gRPC's own. A larger one means this one, so that
// who adds to a limit need not fear an overflow.
const maxMessageLimit = math.MaxInt32

// HandlerOption configures a [Handler]. Options come from this package only.
type HandlerOption interface {
	apply(*handlerConfig) error
}

type handlerConfig struct {
	unaryInterceptors  []grpc.UnaryServerInterceptor
	streamInterceptors []grpc.StreamServerInterceptor
	maxRecvMsgSize     int
	maxSendMsgSize     int
	maxMetadataBytes   int
	maxConnections     int // 0: no limit
	origins            originPolicy
	heartbeat          time.Duration
	firstFrameTimeout  time.Duration
	writeTimeout       time.Duration
	logger             *slog.Logger
	upstream           *upstream // nil: none
	mux                muxConfig
	stats              []stats.Handler
	trusted            trustedHeaders
	frameCompression   bool
	detachedCalls      bool
}

func defaultHandlerConfig() handlerConfig {
	return handlerConfig{
		maxRecvMsgSize:    DefaultMaxRecvMsgSize,
		maxSendMsgSize:    DefaultMaxSendMsgSize,
		maxMetadataBytes:  DefaultMaxMetadataBytes,
		heartbeat:         DefaultHeartbeat,
		firstFrameTimeout: DefaultFirstFrameTimeout,
		writeTimeout:      DefaultWriteTimeout,
		logger:            slog.New(slog.DiscardHandler),
		mux:               defaultMuxConfig(),
	}
}

// Option is an option of both ends: of a [Handler] and of [Dial].
type Option interface {
	HandlerOption
	DialOption
}

// bothOption is an option of both ends.
type bothOption struct {
	HandlerOption
	DialOption
}

type handlerOptionFunc func(*handlerConfig) error

func (f handlerOptionFunc) apply(c *handlerConfig) error { return f(c) }

// WithChainUnaryInterceptor adds interceptors for unary calls. The first is the outermost, as with
// [grpc.ChainUnaryInterceptor]; further uses of the option add to the end of the chain.
func WithChainUnaryInterceptor(interceptors ...grpc.UnaryServerInterceptor) HandlerOption {
	return handlerOptionFunc(func(c *handlerConfig) error {
		for _, interceptor := range interceptors {
			if interceptor == nil {
				return errors.New("nil unary interceptor")
			}
		}
		c.unaryInterceptors = append(c.unaryInterceptors, interceptors...)
		return nil
	})
}

// WithChainStreamInterceptor adds interceptors for streaming calls, in the order of [grpc.ChainStreamInterceptor].
func WithChainStreamInterceptor(interceptors ...grpc.StreamServerInterceptor) HandlerOption {
	return handlerOptionFunc(func(c *handlerConfig) error {
		for _, interceptor := range interceptors {
			if interceptor == nil {
				return errors.New("nil stream interceptor")
			}
		}
		c.streamInterceptors = append(c.streamInterceptors, interceptors...)
		return nil
	})
}

// WithMaxRecvMsgSize limits a received message to n bytes as it is on the wire, in whichever encoding. A larger one ends
// the call with RESOURCE_EXHAUSTED, and no more than n bytes of it are held in memory. Default 4 MiB, at least 1; more than 2^31-1
// is 2^31-1.
func WithMaxRecvMsgSize(n int) HandlerOption {
	return positive("max receive message size", n, func(c *handlerConfig) { c.maxRecvMsgSize = min(n, maxMessageLimit) })
}

// WithMaxSendMsgSize limits a sent message to n bytes as it is on the wire. SendMsg refuses a larger one, which ends the
// call with RESOURCE_EXHAUSTED. Default 2^31-1, which is also the most; at least 1.
func WithMaxSendMsgSize(n int) HandlerOption {
	return positive("max send message size", n, func(c *handlerConfig) { c.maxSendMsgSize = min(n, maxMessageLimit) })
}

// WithFrameCompression lets clients of plain mode that offer it, as browsers do, compress frames: permessage-deflate without context
// takeover (RFC 7692). All limits still count a message after decompression. Default: off, since deflating short messages costs
// more than it saves, and a compressed frame tells by its length how much a secret in it resembles what an attacker could put beside it
// (CRIME). Multiplexed connections never compress frames: there a call's messages can be, one by one.
func WithFrameCompression() HandlerOption {
	return handlerOptionFunc(func(c *handlerConfig) error {
		c.frameCompression = true
		return nil
	})
}

// WithMaxMetadataBytes limits the metadata a client may send with a call, counted as HTTP/2 counts a header list: the
// length of key and value plus 32 for each entry (RFC 9113, section 6.5.2). More ends the call with RESOURCE_EXHAUSTED.
// Default 16 KiB, at least 1.
func WithMaxMetadataBytes(n int) HandlerOption {
	return positive("max metadata bytes", n, func(c *handlerConfig) { c.maxMetadataBytes = n })
}

// WithMaxConnections limits how many sockets are open, and calls over HTTP running, at once. A request for one more socket is
// answered with HTTP 503 before the upgrade, a call with UNAVAILABLE. Default: no limit but the process's; at least 1.
func WithMaxConnections(n int) HandlerOption {
	return positive("max connections", n, func(c *handlerConfig) { c.maxConnections = n })
}

// WithAllowedOrigins admits pages of other origins, to sockets and to calls over HTTP (CORS, without credentials), each given as
// a browser sends it: "https://chat.example.com", with a port unless it is the scheme's own. "*" admits every page; "null" admits pages without an origin, such as files.
//
// The default is same-origin: a request that has an Origin header needs one whose host and port are those of the request's
// Host, and that host must be one of [WithAllowedHosts]. A listed origin is admitted whatever the Host. A request without an
// Origin does not come from a page and is admitted.
func WithAllowedOrigins(origins ...string) HandlerOption {
	return handlerOptionFunc(func(c *handlerConfig) error {
		for _, origin := range origins {
			if err := c.origins.allowOrigin(origin); err != nil {
				return err
			}
		}
		return nil
	})
}

// WithAllowedHosts names the hosts under which this server may be the same origin as a page: names without scheme and
// port; "*" for any. "localhost", names below it and IP literals always are.
//
// Without this an attacker's page could point its own name at this server (DNS rebinding): its Origin then equals its Host.
func WithAllowedHosts(hosts ...string) HandlerOption {
	return handlerOptionFunc(func(c *handlerConfig) error {
		for _, host := range hosts {
			if err := c.origins.allowHost(host); err != nil {
				return err
			}
		}
		return nil
	})
}

// WithHeartbeat sets the time between two pings. A peer from which nothing came during two of them, although the bridge
// was listening, and which took nothing that waited to be written to it either, is taken for lost. Default 20 s, which
// stays below the idle time-outs of common proxies.
func WithHeartbeat(interval time.Duration) Option {
	return bothOption{
		positive("heartbeat", interval, func(c *handlerConfig) { c.heartbeat = interval }),
		positiveDial("heartbeat", interval, func(c *dialConfig) { c.heartbeat = interval }),
	}
}

// WithFirstFrameTimeout sets how long a socket may take to send the frame that starts its call; then it is closed with
// [CloseFirstFrameTimeout]. It is also the time for the message of a call over HTTP that takes one. It does not apply where the call starts without a frame. Default 10 s.
func WithFirstFrameTimeout(timeout time.Duration) HandlerOption {
	return positive("first frame timeout", timeout, func(c *handlerConfig) { c.firstFrameTimeout = timeout })
}

// WithWriteTimeout sets how long a peer may take nothing of what is being written to it, before it is disconnected. Slow
// is not stalled: any progress starts the time anew. A server sees progress over TLS only by records, so there a peer has to take
// 16 KiB in that time. Default 30 s.
func WithWriteTimeout(timeout time.Duration) Option {
	return bothOption{
		positive("write timeout", timeout, func(c *handlerConfig) { c.writeTimeout = timeout }),
		positiveDial("write timeout", timeout, func(c *dialConfig) { c.writeTimeout = timeout }),
	}
}

// WithLogger makes the handler log. It never logs messages, metadata or tokens. Default: silent.
//
// Error: a service panicked. Warn: a request was refused for its origin, or a peer was disconnected because it stalled.
// Debug: how each call ended.
func WithLogger(logger *slog.Logger) HandlerOption {
	return handlerOptionFunc(func(c *handlerConfig) error {
		if logger == nil {
			return errors.New("nil logger")
		}
		c.logger = logger
		return nil
	})
}

func positive[T int | time.Duration](what string, value T, set func(*handlerConfig)) HandlerOption {
	return handlerOptionFunc(func(c *handlerConfig) error {
		if value <= 0 {
			return fmt.Errorf("%s must be positive, not %v", what, value)
		}
		set(c)
		return nil
	})
}
