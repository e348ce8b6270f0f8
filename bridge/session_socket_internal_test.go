package bridge

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// What is left of a message that was refused is no message, although it looks like one.
func TestMuxSocketSkipsWhatItRefused(t *testing.T) {
	t.Parallel()
	const limit = 16
	disguised := bytes.Repeat(rawFrame(websocket.BinaryMessage, []byte("disguised")), 4)
	for name, refused := range map[string][]byte{
		"a text message":             rawFrame(websocket.TextMessage, disguised),
		"a message that is too long": rawFrame(websocket.BinaryMessage, append(make([]byte, limit+1), disguised...)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sock := socketThatReads(t, append(refused, rawFrame(websocket.BinaryMessage, []byte("the next"))...))
			var breach *connError
			if _, err := sock.read(make([]byte, 0, limit+1), limit); !errors.As(err, &breach) {
				t.Fatalf("the first read: %v, want a breach", err)
			}
			if got, err := sock.read(nil, limit); err != nil || string(got) != "the next" {
				t.Errorf("the second read: %q, %v", got, err)
			}
			var closed *websocket.CloseError
			if _, err := sock.read(nil, limit); !errors.As(err, &closed) {
				t.Errorf("the third read: %v, want the end", err)
			}
		})
	}
}

// rawFrame is a client's frame with a mask of zeros, so that its payload travels as it is.
func rawFrame(kind byte, payload []byte) []byte {
	frame := clientFrame(0x80|kind, payload)
	masked := len(frame) - len(payload)
	copy(frame[masked-4:masked], make([]byte, 4))
	copy(frame[masked:], payload)
	return frame
}

// socketThatReads is a server's socket to which a client has sent these bytes and then a close frame.
func socketThatReads(t *testing.T, sent []byte) *muxSocket {
	t.Helper()
	handler, err := NewHandler()
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan *muxSocket, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sock := new(serverSocket)
		if err := handler.upgrade(w, r, plainRequest{}, sock); err != nil {
			t.Error(err)
		}
		accepted <- newMuxSocket(&sock.socket, false)
	}))
	t.Cleanup(server.Close)
	client, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if _, err := client.NetConn().Write(append(sent, rawFrame(websocket.CloseMessage, nil)...)); err != nil {
		t.Fatal(err)
	}
	sock := <-accepted
	t.Cleanup(func() { sock.ws.Close() })
	return sock
}
