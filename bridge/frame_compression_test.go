package bridge_test

import (
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/rialto-rpc/rialto/bridge"
)

// countedConn counts what travels.
type countedConn struct {
	net.Conn
	bytes *atomic.Int64
}

func (c countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

func (c countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.bytes.Add(int64(n))
	return n, err
}

// dialCompressed offers permessage-deflate, and tells whether the server has agreed.
func (s *server) dialCompressed(t *testing.T, path string, subprotocols ...string) (c *client, agreed bool, wire *atomic.Int64) {
	t.Helper()
	wire = new(atomic.Int64)
	dialer := websocket.Dialer{
		EnableCompression: true,
		Subprotocols:      subprotocols,
		NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return countedConn{conn, wire}, err
		},
	}
	conn, response, err := dialer.Dial(s.url(path), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{t, conn}, response.Header.Get("Sec-Websocket-Extensions") != "", wire
}

// Frames are compressed both ways, if both sides want it, and only where one socket is one call.
func TestFrameCompression(t *testing.T) {
	t.Parallel()
	on, off := serve(t, &echoServer{}, bridge.WithFrameCompression()), serve(t, &echoServer{})
	message := fmt.Sprintf(`{"payload":{"body":"%s"}}`, strings.Repeat("abcd", 25_000))
	for _, tt := range []struct {
		name         string
		server       *server
		path         string
		subprotocols []string
		want         bool
	}{
		{"plain", on, bidiPath, nil, true},
		{"off", off, bidiPath, nil, false},
		{"multiplexed", on, bridge.DefaultBasePath, []string{bridge.SubprotocolMultiplexed}, false},
		{"improbable", on, bidiPath, []string{bridge.SubprotocolImprobable}, false},
	} {
		c, agreed, wire := tt.server.dialCompressed(t, tt.path, tt.subprotocols...)
		if agreed != tt.want {
			t.Errorf("%s: negotiated %v", tt.name, agreed)
		}
		if tt.subprotocols != nil {
			continue
		}
		c.sendText(message)
		c.expectText(message)
		c.sendText("{}")
		c.expectText("{}")
		c.sendText("")
		c.expectClose(1000)
		if small := wire.Load() < int64(len(message)/10); small != tt.want {
			t.Errorf("%s: %d bytes on the wire for two of %d", tt.name, wire.Load(), len(message))
		}
	}
	plain := on.dial(t, bidiPath) // offers nothing
	plain.sendText(message)
	plain.expectText(message)
}

// Limits hold for what a frame holds after decompression, whatever it takes on the wire.
func TestFrameCompressionIsSafe(t *testing.T) {
	t.Parallel()
	const limit = 100_000
	s := serve(t, &echoServer{}, bridge.WithFrameCompression(), bridge.WithMaxRecvMsgSize(limit))
	// An unknown field of so many zeros that the whole has n bytes.
	zeros := func(n int) []byte {
		return append([]byte{0xfa, 0x01, byte(n-5) | 0x80, byte((n-5)>>7) | 0x80, byte((n - 5) >> 14)}, make([]byte, n-5)...)
	}
	for name, tt := range map[string]struct {
		frame []byte
		code  int
	}{
		"as large as allowed": {rawFrame(flagFin|flagRSV1|opBinary, deflated(t, zeros(limit))), 1000},
		"one byte more":       {rawFrame(flagFin|flagRSV1|opBinary, deflated(t, zeros(limit+1))), 4008},
		"bomb":                {rawFrame(flagFin|flagRSV1|opBinary, deflated(t, make([]byte, 16<<20))), 4008},
		"text bomb":           {rawFrame(flagFin|flagRSV1|opText, deflated(t, bytes.Repeat([]byte(" "), 16<<20))), 4008},
		"corrupt":             {rawFrame(flagFin|flagRSV1|opBinary, bytes.Repeat([]byte{0xff}, 20)), 1002},
		"text that is none":   {rawFrame(flagFin|flagRSV1|opText, deflated(t, []byte("{\xff}"))), 1007},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.dialDeflating(t, clientPath)
			c.send(tt.frame)
			if tt.code == 1000 {
				c.send(rawFrame(flagFin|opText, nil))
				if first, _ := c.read(); first&0x0f != opBinary {
					t.Fatalf("frame %#x", first)
				}
			}
			c.expectClose(tt.code)
		})
	}
}

// dialDeflating is dialRaw for a server that agrees to compression.
func (s *server) dialDeflating(t *testing.T, path string) *rawClient {
	t.Helper()
	c, response := s.handshakeRaw(t, path)
	if !strings.HasPrefix(response.Header.Get("Sec-Websocket-Extensions"), "permessage-deflate") {
		t.Fatalf("header %v", response.Header)
	}
	return c
}

// deflated is the payload of a compressed frame (RFC 7692, section 7.2.1).
func deflated(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff})
}
