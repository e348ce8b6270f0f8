package bridge

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// What we write as WebSocket messages is what gorilla reads, at all lengths where the framing changes, from both ends.
func TestBinaryMessagesAreWebSocketMessages(t *testing.T) {
	t.Parallel()
	accepted := make(chan *websocket.Conn, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(websocket.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
		}
		accepted <- conn
	}))
	t.Cleanup(server.Close)
	client, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	peer := <-accepted
	t.Cleanup(func() { peer.Close() })
	for _, fromClient := range []bool{true, false} {
		from, to := peer, client
		if fromClient {
			from, to = client, peer
		}
		for _, n := range []int{0, 1, 7, 8, 9, 125, 126, 127, 65535, 65536, 70001} {
			message := bytes.Repeat([]byte("abc"), n/3+1)[:n]
			if _, err := from.NetConn().Write(appendBinaryMessage(nil, message, fromClient)); err != nil {
				t.Fatal(err)
			}
			kind, got, err := to.ReadMessage()
			if err != nil || kind != websocket.BinaryMessage || !bytes.Equal(got, message) {
				t.Fatalf("%d bytes come as type %d, %d bytes, %v", n, kind, len(got), err)
			}
		}
	}
}
