package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // for UseCompressor
	"google.golang.org/grpc/health"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"github.com/rialto-rpc/rialto/bridge"
)

// One service object, registered on a grpc.Server for native clients and on a Handler for browsers. The client here does
// what `new WebSocket(url)` does.
func Example() {
	service := health.NewServer()
	native := grpc.NewServer()
	healthgrpc.RegisterHealthServer(native, service)

	h, err := bridge.NewHandler(
		bridge.WithAllowedHosts("chat.example.com"),
		bridge.WithHeartbeat(20*time.Second),
	)
	if err != nil {
		log.Fatal(err)
	}
	healthgrpc.RegisterHealthServer(h, service)
	web := httptest.NewServer(h)
	defer web.Close()

	url := "ws" + strings.TrimPrefix(web.URL, "http") + "/grpc.health.v1.Health/Check"
	socket, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer socket.Close()
	socket.WriteMessage(websocket.TextMessage, []byte(`{"service":""}`))
	for {
		_, message, err := socket.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			fmt.Println("closed with", bridge.CloseCode(closed.Code))
			break
		}
		fmt.Println(string(message))
	}
	h.Drain(context.Background())
	// Output:
	// {"status":"SERVING"}
	// closed with 1000 OK
}

// Drain lets calls end by themselves for a while, then ends what is left; http.Server.Shutdown knows nothing of sockets.
func ExampleHandler_Drain() {
	h, err := bridge.NewHandler()
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := h.Drain(ctx); err != nil {
		fmt.Println("some calls were cut short:", err)
	}
	fmt.Println(h.Stats().Open, "sockets are open")
	// Output:
	// 0 sockets are open
}

// A generated client over one WebSocket, as over HTTP/2: all calls share it, and it connects with the first.
func ExampleDial() {
	h, err := bridge.NewHandler()
	if err != nil {
		log.Fatal(err)
	}
	healthgrpc.RegisterHealthServer(h, health.NewServer())
	web := httptest.NewServer(h)
	defer web.Close()

	conn, err := bridge.Dial(web.URL, bridge.WithHeartbeat(20*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	response, err := healthgrpc.NewHealthClient(conn).Check(context.Background(), &healthgrpc.HealthCheckRequest{},
		grpc.WaitForReady(true), grpc.UseCompressor("gzip"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.GetStatus())
	// Output:
	// SERVING
}

// The bridge in front of a gRPC server in any language. Nothing is generated: protobuf goes through as bytes, and JSON is
// transcoded with what the server's reflection says.
func ExampleWithUpstream() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	behind := grpc.NewServer()
	healthgrpc.RegisterHealthServer(behind, health.NewServer())
	reflection.Register(behind)
	go behind.Serve(listener)
	defer behind.Stop()

	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	h, err := bridge.NewHandler(bridge.WithUpstream(conn, bridge.WithUpstreamServices("grpc.health.v1.Health")))
	if err != nil {
		log.Fatal(err)
	}
	web := httptest.NewServer(h)
	defer web.Close()
	response, err := web.Client().Post(web.URL+"/grpc.health.v1.Health/Check", "application/json", strings.NewReader("{}"))
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	fmt.Println(string(answer), err)
	h.Drain(context.Background())
	// Output:
	// {"status":"SERVING"} <nil>
}
