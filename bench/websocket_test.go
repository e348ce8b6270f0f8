package bench

import (
	"context"
	"fmt"
	"testing"

	"github.com/gorilla/websocket"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"
)

// messageConn carries the messages of one call on one socket.
type messageConn interface {
	send(message []byte) error
	// sendOnly sends the only message of a unary call.
	sendOnly(message []byte) error
	receive() ([]byte, error)
	// end waits for the status of a unary call; the error is that it is not OK.
	end() error
	// drop closes the socket.
	drop()
}

// perSocket is a client whose every call is a socket of its own.
func perSocket(t testing.TB, open func(ctx context.Context, path string) (messageConn, error)) echoClient {
	return echoClient{
		unary: func(ctx context.Context, in *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
			conn, err := open(ctx, unaryPath)
			if err != nil {
				return nil, err
			}
			defer conn.drop()
			if err := send(conn.sendOnly, in); err != nil {
				return nil, err
			}
			out := new(testgrpc.SimpleResponse)
			if err := receive(conn, out); err != nil {
				return nil, err
			}
			return out, conn.end()
		},
		bidi: func(ctx context.Context) (bidiStream, error) {
			conn, err := open(ctx, bidiPath)
			if err != nil {
				return nil, err
			}
			t.Cleanup(conn.drop)
			return socketStream{conn}, nil
		},
	}
}

type socketStream struct{ conn messageConn }

func (s socketStream) Send(in *testgrpc.StreamingOutputCallRequest) error {
	return send(s.conn.send, in)
}

func (s socketStream) Recv() (*testgrpc.StreamingOutputCallResponse, error) {
	out := new(testgrpc.StreamingOutputCallResponse)
	return out, receive(s.conn, out)
}

func send(write func([]byte) error, m proto.Message) error {
	data, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	return write(data)
}

func receive(conn messageConn, m proto.Message) error {
	data, err := conn.receive()
	if err != nil {
		return err
	}
	return proto.Unmarshal(data, m)
}

// plain is the bridge's plain mode, the service in process, and gorilla/websocket as the client.
var plain = way{
	name:  "bridge-plain",
	serve: func() (string, error) { return serveBridge() },
	dial: func(t testing.TB, addr string) echoClient {
		return perSocket(t, func(ctx context.Context, path string) (messageConn, error) {
			ws, _, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+addr+path+"?encoding=proto", nil)
			return plainConn{ws}, err
		})
	},
}

type plainConn struct{ ws *websocket.Conn }

func (c plainConn) send(message []byte) error {
	return c.ws.WriteMessage(websocket.BinaryMessage, message)
}

func (c plainConn) receive() ([]byte, error) {
	_, message, err := c.ws.ReadMessage()
	return message, err
}

// sendOnly sends no half-close: the method implies it.
func (c plainConn) sendOnly(message []byte) error { return c.send(message) }

// end reads the call's status, which is the close code.
func (c plainConn) end() error {
	if _, _, err := c.ws.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		return fmt.Errorf("want a close frame with 1000, got %v", err)
	}
	return nil
}

func (c plainConn) drop() { c.ws.Close() }
