package server

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/rialto-rpc/rialto/bridge"
)

const (
	// maxStreamsPerConnection bounds what one native client can open; a client with more waits, as HTTP/2 says.
	maxStreamsPerConnection = 1000
	// handshakeTimeout bounds the TLS and HTTP/2 handshakes.
	handshakeTimeout = 10 * time.Second
	// minClientPing is how often a client may ping; more often is abuse (ENHANCE_YOUR_CALM).
	minClientPing = 5 * time.Second
)

// newGRPCServer returns a server with the given interceptors, outermost first. admit may refuse a connection.
func newGRPCServer(cfg Config, cert *certificate, in interceptors, admit func(net.Conn) error, connections *prometheus.GaugeVec) *grpc.Server {
	transport := insecure.NewCredentials()
	if cert != nil {
		transport = credentials.NewTLS(cert.tlsConfig())
	}
	return grpc.NewServer(
		grpc.Creds(countedCredentials{transport, admit, connections.WithLabelValues("grpc")}),
		grpc.ChainUnaryInterceptor(in.unary...),
		grpc.ChainStreamInterceptor(in.stream...),
		grpc.ForceServerCodecV2(bridge.Codec()), // the chat's messages carry their own encoding
		grpc.MaxRecvMsgSize(cfg.MaxMessageBytes),
		grpc.MaxConcurrentStreams(maxStreamsPerConnection),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: cfg.Heartbeat, Timeout: cfg.Heartbeat}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minClientPing, PermitWithoutStream: true}),
		// Stop must not return while a handler still uses the store.
		grpc.WaitForHandlers(true),
	)
}

// stopGRPC ends s gracefully while ctx lasts and at once when it ends. It returns when no handler runs.
func stopGRPC(ctx context.Context, s *grpc.Server) {
	stop := context.AfterFunc(ctx, s.Stop)
	defer stop()
	s.GracefulStop()
}

// countedCredentials admits connections and keeps a gauge of those past their handshake. A wrapped listener could count too, but
// would hide the *net.TCPConn on which grpc-go sets TCP_USER_TIMEOUT; a stats.Handler would cost every message.
type countedCredentials struct {
	credentials.TransportCredentials
	admit func(net.Conn) error
	open  prometheus.Gauge
}

func (c countedCredentials) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if err := c.admit(raw); err != nil {
		return nil, nil, err // grpc-go closes it
	}
	conn, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return nil, nil, err
	}
	c.open.Inc()
	return &countedConn{Conn: conn, closed: sync.OnceFunc(c.open.Dec)}, info, nil
}

func (c countedCredentials) Clone() credentials.TransportCredentials {
	return countedCredentials{c.TransportCredentials.Clone(), c.admit, c.open}
}

type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}
