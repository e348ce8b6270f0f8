package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// connectPath is the gRPC path of ChatService.Connect, and so the URL path of plain mode.
const connectPath = "/rialto.chat.v1.ChatService/Connect"

// socket is a session in plain mode.
type socket struct {
	ws   *websocket.Conn
	json bool
	buf  []byte // of Receive
}

func dialSocket(ctx context.Context, address string, wire Wire) (Session, error) {
	scheme, encoding := "ws", "proto"
	switch wire {
	case JSON:
		encoding = "json"
	case TLS:
		scheme = "wss"
	}
	url := scheme + "://" + address + connectPath + "?encoding=" + encoding
	dialer := websocket.Dialer{
		HandshakeTimeout: 30 * time.Second, ReadBufferSize: 4096, WriteBufferSize: 1024,
		TLSClientConfig: unchecked(),
	}
	ws, resp, err := dialer.DialContext(ctx, url, nil)
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			return nil, fmt.Errorf("dial: HTTP status %d", resp.StatusCode)
		}
		return nil, fmt.Errorf("dial: %w", err)
	}
	return &socket{ws: ws, json: wire == JSON}, nil
}

func (s *socket) Send(request []byte) error {
	if s.json {
		text, err := requestToJSON(request)
		if err != nil {
			return err
		}
		return s.ws.WriteMessage(websocket.TextMessage, text)
	}
	return s.ws.WriteMessage(websocket.BinaryMessage, request)
}

func (s *socket) Receive() ([]byte, error) {
	kind, r, err := s.ws.NextReader()
	if err != nil {
		return nil, err
	}
	s.buf, err = readAll(r, s.buf[:0])
	if err != nil {
		return nil, err
	}
	if kind == websocket.TextMessage {
		return responseFromJSON(s.buf)
	}
	return s.buf, nil
}

func (s *socket) Close() { s.ws.Close() }

// readAll is io.ReadAll into a buffer that is used again.
func readAll(r io.Reader, buf []byte) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}
