// Package bridge serves gRPC services over WebSocket and plain HTTP, to browsers and to anything else that speaks either.
//
// A [Handler] is one more transport for a service, not a hop in front of it. It is a [google.golang.org/grpc.ServiceRegistrar]
// and an [net/http.Handler]: register the same service object that is registered on a grpc.Server, mount the handler, and
// all four kinds of call arrive in process, with no HTTP/2 in between:
//
//	h, err := bridge.NewHandler()
//	...
//	echov1.RegisterEchoServiceServer(h, service)
//	http.Handle("/echo.v1.EchoService/", h)
//
// # Plain mode
//
// One socket is one call. The URL path is the gRPC path, a text frame is one message as protojson, a binary frame is one
// message as protobuf, an empty text frame is the half-close, and the call's status is the close code: 1000 for OK,
// otherwise 4000 + the gRPC code, with the status message as the reason. So a browser needs no library:
//
//	const ws = new WebSocket("ws://localhost:8080/echo.v1.EchoService/Talk");
//	ws.onopen = () => ws.send(JSON.stringify({text: "hello"}));
//	ws.onmessage = (event) => console.log(JSON.parse(event.data));
//	ws.onclose = (event) => console.log(event.code, event.reason, event.wasClean);
//
// With the subprotocol "rialto.plain.v1" calls also have request metadata, a deadline, response headers, status details
// and trailers. docs/protocol.md in the repository is the normative text.
//
// # Multiplexed mode
//
// Many calls share one socket at the handler's base path, "/rialto" by default, with the subprotocol "rialto.v1": everything
// gRPC has, with flow control by stream, so that a call which is not read never delays another. It is for SDKs. In Go that is
// [Dial], a [google.golang.org/grpc.ClientConnInterface] for generated clients; in TypeScript it is @rialto/transport.
//
//	conn, err := bridge.Dial("wss://chat.example.com")
//	client := echov1.NewEchoServiceClient(conn)
//
// # Over HTTP
//
// The same paths take calls by Connect and gRPC-Web: what curl, connect-web and grpc-web can send, which is all but
// bidirectional calls, and over HTTP/2 those too. docs/http.md in the repository says how.
//
//	curl --json '{"text": "hello"}' http://localhost:8080/echo.v1.EchoService/Say
//
// # In front of another server
//
// [WithUpstream] passes calls on to a gRPC server in any language: protobuf as bytes, JSON transcoded with the descriptors of its
// reflection service. `rialto proxy` is this as a command; docs/proxy.md shows it in five minutes.
//
// # What a service sees
//
// What it sees of grpc-go: interceptors, stats handlers, incoming metadata with ":authority" and "user-agent", the peer with its TLS state
// (its address is [http.Request.RemoteAddr], which a handler in front of this one that knows the proxies may set), deadlines, cancellation, grpc.SetHeader, SendHeader, SetTrailer and Method. A client that closes the socket before the end,
// or whose connection is lost, cancels the call's context. What is bound to grpc-go's own transport is not there:
// channelz, binary logs, tap handles and grpc.SetSendCompressor.
//
// The metadata "content-type" tells the way in: "application/grpc+json" or "+proto" over WebSocket, the request's own over HTTP.
//
// # The files
//
//   - handler.go, options.go, register.go: what a program constructs
//   - accept.go, origin.go, subprotocol.go: from an HTTP request to a socket
//   - socket.go, meter.go, heartbeat.go: the socket itself; the only files that know gorilla/websocket
//   - plain.go, plain_open.go, plain_recv.go, plain_send.go, control.go: plain mode
//   - frame.go, window.go, session.go, session_read.go, session_write.go, session_stream.go, inbound.go, session_heartbeat.go,
//     bucket.go: multiplexed mode, the same for both ends; session_socket.go, message.go, buffers.go: below it
//   - mux_accept.go, mux_server.go, mux_call.go, mux_auth.go, mux_metadata.go, options_mux.go: its server
//   - client.go and client_*.go: its client
//   - http.go and http_*.go: calls over HTTP, the only files that know connectrpc.com/connect
//   - improbable.go, improbable_metadata.go: the subprotocol grpc-websockets, for clients of improbable's
//   - upstream.go and upstream_*.go, transcode.go: another server behind the handler; trusted.go: what it may trust
//   - stream.go, invoke.go, metadata.go: the call as the service sees it
//   - codec.go, json.go, encoded.go, codec_registered.go, compression.go: messages and their encodings
//   - closecodes.go: what each close code means
//   - drain.go, stats.go, statshandler.go: running it
package bridge
