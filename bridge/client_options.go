package bridge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
)

// DefaultMinConnectTimeout is how long [Dial]'s connection takes for one try to connect, as grpc-go.
const DefaultMinConnectTimeout = 20 * time.Second

// DialOption configures a [ClientConn]. Options come from this package only.
type DialOption interface {
	applyDial(*dialConfig) error
}

type dialConfig struct {
	tls              *tls.Config // nil: Go's defaults
	credentials      []credentials.PerRPCCredentials
	dialer           func(ctx context.Context, addr string) (net.Conn, error) // nil: TCP, or the proxy of the environment
	callOptions      []grpc.CallOption
	userAgent        string
	header           http.Header
	backoff          backoff.Config
	connectTimeout   time.Duration
	streamWindow     int
	connectionWindow int
	heartbeat        time.Duration
	writeTimeout     time.Duration
}

func defaultDialConfig() dialConfig {
	return dialConfig{
		userAgent:        defaultUserAgent,
		backoff:          backoff.DefaultConfig,
		connectTimeout:   DefaultMinConnectTimeout,
		streamWindow:     startStreamWindow,
		connectionWindow: startConnectionWindow,
		heartbeat:        DefaultHeartbeat,
		writeTimeout:     DefaultWriteTimeout,
	}
}

const defaultUserAgent = "rialto-bridge-go"

type dialOptionFunc func(*dialConfig) error

func (f dialOptionFunc) applyDial(c *dialConfig) error { return f(c) }

// WithTLSConfig sets how wss targets are verified, and a client certificate if there is one. The configuration is cloned.
// Default: the system's roots and the target's host. Browsers decide for themselves: there it is an error.
func WithTLSConfig(config *tls.Config) DialOption {
	return dialOptionFunc(func(c *dialConfig) error {
		if config == nil {
			return errors.New("nil TLS configuration")
		}
		c.tls = config.Clone()
		return nil
	})
}

// WithPerRPCCredentials adds credentials to every call, before those of [grpc.PerRPCCredentials]. Those that need transport
// security are an error for a ws target.
func WithPerRPCCredentials(creds credentials.PerRPCCredentials) DialOption {
	return dialOptionFunc(func(c *dialConfig) error {
		if creds == nil {
			return errors.New("nil per-RPC credentials")
		}
		c.credentials = append(c.credentials, creds)
		return nil
	})
}

// WithContextDialer replaces how connections are made; addr is the target's "host:port". TLS of a wss target comes on top.
// The default is TCP, through the proxy that HTTPS_PROXY and its like name ([net/http.ProxyFromEnvironment]); a dialer is not
// sent through one. Browsers dial for themselves: there it is an error.
func WithContextDialer(dial func(ctx context.Context, addr string) (net.Conn, error)) DialOption {
	return dialOptionFunc(func(c *dialConfig) error {
		if dial == nil {
			return errors.New("nil dialer")
		}
		c.dialer = dial
		return nil
	})
}

// WithConnectParams sets how long one try to connect may take (MinConnectTimeout; 0 is the default, 20 s) and how long to
// wait after failed ones. The default is [backoff.DefaultConfig].
func WithConnectParams(params grpc.ConnectParams) DialOption {
	return dialOptionFunc(func(c *dialConfig) error {
		b := params.Backoff
		if b.BaseDelay < 0 || b.MaxDelay < b.BaseDelay || b.Multiplier < 1 || b.Jitter < 0 || b.Jitter > 1 {
			return fmt.Errorf("backoff %+v: want 0 <= BaseDelay <= MaxDelay, Multiplier >= 1 and 0 <= Jitter <= 1", b)
		}
		if params.MinConnectTimeout < 0 {
			return fmt.Errorf("connect timeout must be positive, not %v", params.MinConnectTimeout)
		}
		c.backoff = b
		if params.MinConnectTimeout > 0 {
			c.connectTimeout = params.MinConnectTimeout
		}
		return nil
	})
}

// WithDefaultCallOptions sets options that go before those of each call; limits among them:
// [grpc.MaxCallRecvMsgSize] (default 4 MiB) and [grpc.MaxCallSendMsgSize] (default 2^31-1). One that no call could honour is
// an error of [Dial].
func WithDefaultCallOptions(opts ...grpc.CallOption) DialOption {
	return dialOptionFunc(func(c *dialConfig) error {
		if _, err := newCallInfo(opts); err != nil {
			return err
		}
		c.callOptions = append(c.callOptions, opts...)
		return nil
	})
}

// WithUserAgent puts a program's name in front of the bridge's in the handshake's User-Agent, which services see as
// "user-agent". Browsers set their own: there it is ignored.
func WithUserAgent(userAgent string) DialOption {
	return dialOptionFunc(func(c *dialConfig) error {
		if userAgent == "" || !isPrintable(userAgent) {
			return fmt.Errorf("user agent %q: want printable ASCII", userAgent)
		}
		c.userAgent = userAgent + " " + defaultUserAgent
		return nil
	})
}

// WithHandshakeHeader adds headers to the handshake, for what stands in front of the bridge: a gateway that wants a token, a
// cookie that chooses a server. For the service use metadata. Headers of the WebSocket handshake itself are an error, and
// so is any header in a browser, which cannot send them.
func WithHandshakeHeader(header http.Header) DialOption {
	return dialOptionFunc(func(c *dialConfig) error {
		if c.header == nil {
			c.header = http.Header{}
		}
		for name, values := range header {
			if err := checkHandshakeHeader(name, values); err != nil {
				return err
			}
			for _, value := range values {
				c.header.Add(name, value)
			}
		}
		return nil
	})
}

func checkHandshakeHeader(name string, values []string) error {
	canonical := http.CanonicalHeaderKey(name)
	switch canonical {
	case "Upgrade", "Connection", "User-Agent", "Host", "Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Extensions",
		"Sec-Websocket-Protocol", "Sec-Websocket-Accept":
		return fmt.Errorf("handshake header %s is not the caller's to set", canonical)
	}
	for i := range len(name) {
		if name[i] != '-' && name[i] != '_' && !isAlphanumeric(name[i]) {
			return fmt.Errorf("handshake header %q is no header name", name)
		}
	}
	for _, value := range values {
		if !isPrintable(value) {
			return fmt.Errorf("handshake header %s: value that is not printable ASCII", canonical)
		}
	}
	if name == "" {
		return errors.New("handshake header without a name")
	}
	return nil
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func positiveDial(what string, value time.Duration, set func(*dialConfig)) DialOption {
	return dialOptionFunc(func(c *dialConfig) error {
		if value <= 0 {
			return fmt.Errorf("%s must be positive, not %v", what, value)
		}
		set(c)
		return nil
	})
}
