//go:build !js

package bridge

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// checkPlatform refuses options that do not work here; in browsers some do not.
func (c *dialConfig) checkPlatform() error { return nil }

// openSocket connects to target within ctx. The error is for people: it goes into the status of calls.
func openSocket(ctx context.Context, target *url.URL, config *dialConfig) (messageSocket, *peer.Peer, error) {
	d := &socketDialer{config: config}
	dialer := websocket.Dialer{
		Subprotocols:    []string{SubprotocolMultiplexed},
		TLSClientConfig: config.tls,
		ReadBufferSize:  muxReadBufferBytes,
		WriteBufferSize: writeBufferBytes,
		WriteBufferPool: &writeBuffers,
		NetDialContext:  d.dial,
	}
	if config.dialer == nil {
		dialer.Proxy = http.ProxyFromEnvironment
	}
	ws, response, err := dialer.DialContext(ctx, target.String(), config.handshakeHeader())
	if !d.settle() || err != nil && isTimeout(err) {
		err = fmt.Errorf("no handshake within %v", config.connectTimeout) // or the caller has closed, and needs no reason
	}
	switch {
	case err != nil && response != nil:
		return nil, nil, refusedHandshake(response)
	case err != nil:
		return nil, nil, err
	case ws.Subprotocol() != SubprotocolMultiplexed:
		ws.Close()
		return nil, nil, fmt.Errorf("the server does not speak %s at %s", SubprotocolMultiplexed, target.Path)
	}
	sock := new(socket)
	sock.init(ws, d.conn, nil)
	return newMuxSocket(sock, true), d.peer(ws), nil
}

// socketDialer makes the connection below a WebSocket, and below its TLS: a TLS connection does not survive a write that
// timed out, and ours go on after one that was only slow.
type socketDialer struct {
	config *dialConfig
	conn   *meteredConn
	stop   func() bool // stops waiting for the end of the context
}

func (d *socketDialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var conn net.Conn
	var err error
	if d.config.dialer != nil {
		conn, err = d.config.dialer(ctx, addr)
	} else {
		conn, err = new(net.Dialer).DialContext(ctx, network, addr)
	}
	if err != nil {
		return nil, err
	}
	d.conn = &meteredConn{Conn: conn, writeTimeout: d.config.writeTimeout}
	// gorilla heeds the context's deadline, and not its end. Owner: openSocket, which stops it.
	d.stop = context.AfterFunc(ctx, func() { conn.Close() })
	return d.conn, nil
}

// settle is called when the handshake is over; false if the context has ended, and so the connection too.
func (d *socketDialer) settle() bool { return d.stop == nil || d.stop() }

func (d *socketDialer) peer(ws *websocket.Conn) *peer.Peer {
	p := &peer.Peer{Addr: d.conn.RemoteAddr(), LocalAddr: d.conn.LocalAddr()}
	if conn, ok := ws.NetConn().(*tls.Conn); ok {
		p.AuthInfo = credentials.TLSInfo{
			State:          conn.ConnectionState(),
			CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
		}
	}
	return p
}

func (c *dialConfig) handshakeHeader() http.Header {
	header := c.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("User-Agent", c.userAgent)
	return header
}

// maxRefusalBytes is how much of the answer to a refused handshake goes into the error.
const maxRefusalBytes = 256

// refusedHandshake says what a server answered instead of opening a WebSocket.
func refusedHandshake(response *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxRefusalBytes))
	line, _, _ := strings.Cut(strings.TrimSpace(strings.ToValidUTF8(string(body), "\uFFFD")), "\n")
	if line == "" || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") {
		return fmt.Errorf("the server refused the WebSocket: %s", response.Status)
	}
	return fmt.Errorf("the server refused the WebSocket: %s: %s", response.Status, line)
}
