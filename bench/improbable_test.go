package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/improbable-eng/grpc-web/go/grpcweb"
	"github.com/mwitkow/grpc-proxy/proxy"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
)

// improbableReadLimit is for messages of 64 KiB, which are over improbable's default.
const improbableReadLimit = 1 << 20

// improbable is improbable-eng's library around a grpc.Server that has the service in process.
var improbable = way{
	name: "improbable",
	serve: func() (string, error) {
		s := grpc.NewServer()
		testgrpc.RegisterTestServiceServer(s, echoService{})
		return serveHTTP(overWebSockets(s))
	},
	dial: dialImprobable,
}

// grpcwebproxy is what the command of that name does with --use_websockets, without its logs and metrics: its library around
// mwitkow/grpc-proxy, and behind that a grpc-go server on a connection of its own. Proxy and server share a process.
var grpcwebproxy = way{
	name: "grpcwebproxy",
	serve: func() (string, error) {
		backend, err := serveGRPC()
		if err != nil {
			return "", err
		}
		//lint:ignore SA1019 the proxy's codec is of this kind
		conn, err := grpc.NewClient(backend, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithCodec(proxy.Codec()))
		if err != nil {
			return "", err
		}
		director := func(ctx context.Context, _ string) (context.Context, *grpc.ClientConn, error) {
			md, _ := metadata.FromIncomingContext(ctx)
			md = md.Copy()
			delete(md, "user-agent")
			delete(md, "connection")
			return metadata.NewOutgoingContext(ctx, md), conn, nil
		}
		//lint:ignore SA1019 the proxy's codec is of this kind
		s := grpc.NewServer(grpc.CustomCodec(proxy.Codec()), grpc.UnknownServiceHandler(proxy.TransparentHandler(director)))
		return serveHTTP(overWebSockets(s))
	},
	dial: dialImprobable,
}

func overWebSockets(s *grpc.Server) http.Handler {
	return grpcweb.WrapServer(s, grpcweb.WithWebsockets(true), grpcweb.WithCorsForRegisteredEndpointsOnly(false),
		grpcweb.WithWebsocketOriginFunc(func(*http.Request) bool { return true }), // ours is no page and names none
		grpcweb.WithWebsocketsMessageReadLimit(improbableReadLimit))
}

func dialImprobable(t testing.TB, addr string) echoClient {
	return perSocket(t, func(ctx context.Context, path string) (messageConn, error) {
		dialer := websocket.Dialer{Subprotocols: []string{"grpc-websockets"}}
		ws, _, err := dialer.DialContext(ctx, "ws://"+addr+path, nil)
		if err != nil {
			return nil, err
		}
		header := []byte("content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\n")
		return &improbableConn{ws: ws}, ws.WriteMessage(websocket.BinaryMessage, header)
	})
}

// improbableConn speaks the subprotocol grpc-websockets: what is sent has a byte in front that says what it is; what comes is a
// stream of gRPC-Web frames, cut into WebSocket messages anywhere.
type improbableConn struct {
	ws   *websocket.Conn
	sent bytes.Buffer
	left []byte // of the last WebSocket message
}

const (
	improbableData    = 0
	improbableEndSend = 1

	webFrameHeaderBytes = 5    // flags u8, length u32
	webFrameTrailers    = 0x80 // headers too
)

func (c *improbableConn) send(message []byte) error {
	header := [1 + webFrameHeaderBytes]byte{improbableData}
	binary.BigEndian.PutUint32(header[2:], uint32(len(message)))
	c.sent.Reset()
	c.sent.Write(header[:])
	c.sent.Write(message)
	return c.ws.WriteMessage(websocket.BinaryMessage, c.sent.Bytes())
}

func (c *improbableConn) receive() ([]byte, error) {
	for {
		flags, payload, err := c.frame()
		if err != nil {
			return nil, err
		}
		if flags&webFrameTrailers == 0 {
			return payload, nil
		}
		if bytes.Contains(bytes.ToLower(payload), []byte("grpc-status:")) {
			return nil, fmt.Errorf("the call ended with %q", payload)
		}
	}
}

func (c *improbableConn) frame() (flags byte, payload []byte, err error) {
	header, err := c.read(webFrameHeaderBytes)
	if err != nil {
		return 0, nil, err
	}
	flags = header[0]
	payload, err = c.read(int(binary.BigEndian.Uint32(header[1:])))
	return flags, payload, err
}

func (c *improbableConn) read(n int) ([]byte, error) {
	for len(c.left) < n {
		_, more, err := c.ws.ReadMessage()
		if err != nil {
			return nil, err
		}
		if len(c.left) == 0 {
			c.left = more
		} else {
			c.left = append(c.left, more...)
		}
	}
	data := c.left[:n:n]
	c.left = c.left[n:]
	return data, nil
}

func (c *improbableConn) sendOnly(message []byte) error {
	if err := c.send(message); err != nil {
		return err
	}
	return c.ws.WriteMessage(websocket.BinaryMessage, []byte{improbableEndSend})
}

// end reads the trailers, which hold the call's status.
func (c *improbableConn) end() error {
	flags, payload, err := c.frame()
	if err != nil {
		return err
	}
	if flags&webFrameTrailers == 0 || !bytes.Contains(bytes.ToLower(payload), []byte("grpc-status: 0")) {
		return fmt.Errorf("want trailers with OK, got %q", payload)
	}
	return nil
}

func (c *improbableConn) drop() { c.ws.Close() }
