package terminal

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/rialto-rpc/rialto/bridge"
	"github.com/rialto-rpc/rialto/client"
)

// Who takes one of the server's ports for the other is told so, without the bytes that came.
func TestReasonOfAConnectionToTheWrongPort(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	native := grpc.NewServer()
	go native.Serve(listener) // ends with Stop
	t.Cleanup(native.Stop)
	browsers := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(browsers.Close)

	overWebSocket, err := bridge.Dial("ws://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { overWebSocket.Close() })
	overGRPC, err := grpc.NewClient(browsers.Listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { overGRPC.Close() })

	for _, c := range []struct {
		name string
		conn grpc.ClientConnInterface
		want string
	}{
		{"a WebSocket to the port for gRPC", overWebSocket, "(is this the server's port for browsers, and does it ask for TLS?)"},
		{"gRPC to the port for browsers", overGRPC, "(is this the server's gRPC port, and does it ask for TLS?)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			chat, err := client.New(c.conn, client.WithDisplayName("ana"))
			if err != nil {
				t.Fatal(err)
			}
			defer chat.Close()
			for state := range chat.States(t.Context()) {
				if state.Err == nil {
					continue
				}
				if got := reason(state.Err); !strings.HasSuffix(got, c.want) || strings.Contains(got, `\x00`) {
					t.Errorf("%q, want … %q", got, c.want)
				}
				return
			}
			t.Error("the client ended without an error")
		})
	}
}
