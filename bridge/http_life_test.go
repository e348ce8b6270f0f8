package bridge_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
)

const emptyMessage = "\x00\x00\x00\x00\x00"

// A call outlives the server's time-outs, which are for pages: silent for hours, in both directions.
func TestHTTPCallsLiveLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, shutdown := servePipes(t, &echoServer{
			output: func(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
				for range 3 {
					time.Sleep(time.Hour)
					if err := stream.Send(&testgrpc.StreamingOutputCallResponse{}); err != nil {
						return err
					}
				}
				return nil
			},
		})
		defer shutdown()
		output := s.dial(t)
		defer output.conn.Close()
		output.post(serverPath, "application/connect+proto", emptyMessage, "")
		response, body := output.answer()
		if want := strings.Repeat(emptyMessage, 3) + envelope(2, "{}"); response.StatusCode != 200 || body != want {
			t.Errorf("server stream: %v %q", response.Status, body)
		}
		output.post(unaryPath, "application/json", "{}", "") // and the connection can be used again
		if response, body := output.answer(); response.StatusCode != 200 || body != "{}" {
			t.Errorf("after it: %v %q", response.Status, body)
		}

		input := s.dial(t)
		defer input.conn.Close()
		input.begin(clientPath, "application/connect+json")
		for range 3 {
			time.Sleep(time.Hour)
			input.chunk(envelope(0, `{"payload":{"body":"AAAA"}}`))
		}
		input.chunk("")
		if response, body := input.answer(); response.StatusCode != 200 || body != envelope(0, `{"aggregatedPayloadSize":9}`)+envelope(2, "{}") {
			t.Errorf("client stream: %v %q", response.Status, body)
		}
	})
}

// A request with one message has to come within the time-out for first frames, however slowly it drips.
func TestHTTPLateRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, shutdown := servePipes(t, &echoServer{}, bridge.WithFirstFrameTimeout(5*time.Second))
		defer shutdown()
		for _, path := range []string{unaryPath, serverPath} {
			contentType := map[string]string{unaryPath: "application/json", serverPath: "application/connect+json"}[path]
			start := time.Now()
			c := s.dial(t)
			c.write("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: 1000\r\n\r\n", path, contentType)
			dripped := make(chan struct{})
			go func() {
				defer close(dripped)
				for {
					time.Sleep(2 * time.Second)
					if _, err := c.conn.Write([]byte(" ")); err != nil {
						return
					}
				}
			}()
			_, body := c.answer()
			if took := time.Since(start); took != 5*time.Second || !strings.Contains(body, `"deadline_exceeded"`) || !strings.Contains(body, "the request did not come in time") {
				t.Errorf("%s: after %v %q", path, took, body)
			}
			c.conn.Close()
			<-dripped
		}
	})
}

// A client that takes nothing of what is written to it is cut after the write time-out; one that is slow is not.
func TestHTTPStalledClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type end struct {
			err   error
			after time.Duration
		}
		ended := make(chan end, 1)
		log := &logBuffer{}
		s, shutdown := servePipes(t, &echoServer{
			output: func(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
				start := time.Now()
				err := stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: payload(strings.Repeat("x", 1<<20))})
				ended <- end{err, time.Since(start)}
				return err
			},
		}, bridge.WithWriteTimeout(10*time.Second), log.option())
		defer shutdown()

		stalled := s.dial(t)
		defer stalled.conn.Close()
		stalled.post(serverPath, "application/connect+proto", emptyMessage, "")
		if e := <-ended; status.Code(e.err) != codes.Unavailable || e.after != 10*time.Second {
			t.Errorf("stalled: %v after %v", e.err, e.after)
		}
		synctest.Wait()
		if stats := s.handler.Stats(); stats.Stalled != 1 || stats.HTTP != 0 {
			t.Errorf("stats: %+v", stats)
		}
		if !strings.Contains(log.String(), "stalled") {
			t.Errorf("log: %s", log)
		}

		slow := s.dial(t)
		defer slow.conn.Close()
		slow.post(serverPath, "application/connect+proto", emptyMessage, "")
		response := slow.response()
		for range 1 << 20 / (8 << 10) {
			time.Sleep(2 * time.Second)
			slow.read(response, 8<<10)
		}
		if rest, err := io.ReadAll(response.Body); err != nil || len(rest) < 1 {
			t.Errorf("slow: %q, %v", rest, err)
		}
		if e := <-ended; e.err != nil || e.after < 4*time.Minute {
			t.Errorf("slow: %v after %v", e.err, e.after)
		}
		if stats := s.handler.Stats(); stats.Stalled != 1 {
			t.Errorf("stats: %+v", stats)
		}
	})
}

// At the deadline a call ends, also where its handler is sending to a client that takes nothing, or has not noticed.
func TestHTTPDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent := make(chan error, 1)
		s, shutdown := servePipes(t, &echoServer{
			unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
				if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) != 3*time.Second {
					t.Errorf("deadline %v %v", deadline, ok)
				}
				<-ctx.Done()
				return &testgrpc.SimpleResponse{}, nil
			},
			output: func(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
				sent <- stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: payload(strings.Repeat("x", 1<<20))})
				return nil
			},
		}, bridge.WithWriteTimeout(time.Hour))
		defer shutdown()
		c := s.dial(t)
		defer c.conn.Close()
		c.post(unaryPath, "application/json", "{}", "Connect-Timeout-Ms: 3000\r\n")
		if response, body := c.answer(); response.StatusCode != http.StatusGatewayTimeout || !strings.Contains(body, `"deadline_exceeded"`) {
			t.Errorf("Connect: %v %q", response.Status, body)
		}
		c.post(unaryPath, "application/grpc-web", emptyMessage, "Grpc-Timeout: 3S\r\n")
		if response, _ := c.answer(); response.Header.Get("Grpc-Status") != "4" {
			t.Errorf("gRPC-Web: %v %v", response.Status, response.Header)
		}
		c.post(serverPath, "application/connect+proto", emptyMessage, "Connect-Timeout-Ms: 3000\r\n")
		start := time.Now()
		if err := <-sent; err == nil || time.Since(start) > 10*time.Second {
			t.Errorf("Send: %v after %v", err, time.Since(start))
		}
	})
}

// A client that goes away cancels its call.
func TestHTTPCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := make(chan error, 1)
		wait := func(ctx context.Context) error {
			<-ctx.Done()
			seen <- ctx.Err()
			return ctx.Err()
		}
		s, shutdown := servePipes(t, &echoServer{
			unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
				return nil, wait(ctx)
			},
			output: func(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
				return wait(stream.Context())
			},
			input: func(stream testgrpc.TestService_StreamingInputCallServer) error {
				_, err := stream.Recv()
				seen <- stream.Context().Err()
				return err
			},
		})
		defer shutdown()
		for path, contentType := range map[string]string{
			unaryPath: "application/proto", serverPath: "application/connect+proto", clientPath: "application/connect+proto",
		} {
			c := s.dial(t)
			switch path {
			case unaryPath:
				c.post(path, contentType, "", "")
			case serverPath:
				c.post(path, contentType, emptyMessage, "")
			case clientPath:
				c.begin(path, contentType)
			}
			synctest.Wait()
			if stats := s.handler.Stats(); stats.HTTP != 1 || stats.Open != 0 {
				t.Errorf("%s: stats: %+v", path, stats)
			}
			c.conn.Close()
			if err := <-seen; !errors.Is(err, context.Canceled) {
				t.Errorf("%s: the handler saw %v", path, err)
			}
			synctest.Wait()
			if stats := s.handler.Stats(); stats.HTTP != 0 {
				t.Errorf("%s: stats: %+v", path, stats)
			}
		}
	})
}

// A call that ends while its request is still coming: the client, which may not read before it has sent all, learns how.
func TestHTTPEndBeforeTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, shutdown := servePipes(t, &echoServer{
			input: func(testgrpc.TestService_StreamingInputCallServer) error {
				return status.Error(codes.Aborted, "enough")
			},
		})
		defer shutdown()
		for _, finishes := range []bool{true, false} {
			start := time.Now()
			c := s.dial(t)
			c.begin(clientPath, "application/connect+proto")
			c.chunk(emptyMessage)
			time.Sleep(time.Second)
			if finishes {
				c.chunk("")
			}
			_, body := c.answer()
			if !strings.Contains(body, `"aborted"`) || time.Since(start) > 6*time.Second {
				t.Errorf("%v: %q after %v", finishes, body, time.Since(start))
			}
			c.conn.Close()
		}
	})
}

// While draining no call begins, and those that run may end. When the time is over they are ended and their clients told.
func TestHTTPDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		finish := make(chan struct{})
		s, shutdown := servePipes(t, &echoServer{
			unary: func(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
				<-finish
				return &testgrpc.SimpleResponse{}, nil
			},
			output: func(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
				<-stream.Context().Done()
				return stream.Context().Err()
			},
		})
		defer shutdown()
		unary, server, input, late := s.dial(t), s.dial(t), s.dial(t), s.dial(t)
		unary.post(unaryPath, "application/json", "{}", "")
		server.post(serverPath, "application/grpc-web", emptyMessage, "")
		input.begin(clientPath, "application/connect+proto")
		late.write("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n", unaryPath)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		drained := make(chan error, 1)
		go func() { drained <- s.handler.Drain(ctx) }()
		synctest.Wait()

		refused := s.dial(t)
		refused.post(unaryPath, "application/json", "{}", "")
		if response, body := refused.answer(); response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" ||
			!strings.Contains(body, `"unavailable"`) {
			t.Errorf("while draining: %v %q", response.Status, body)
		}
		close(finish)
		if response, body := unary.answer(); response.StatusCode != 200 || body != "{}" {
			t.Errorf("unary: %v %q", response.Status, body)
		}
		if response, _ := server.answer(); response.Header.Get("Grpc-Status") != "14" || response.Header.Get("Grpc-Message") != "the server is going away" {
			t.Errorf("server stream: %v", response.Header)
		}
		for _, c := range []*pipeClient{input, late} {
			if _, body := c.answer(); !strings.Contains(body, `"unavailable"`) || !strings.Contains(body, "the server is going away") {
				t.Errorf("%q", body)
			}
		}
		if err := <-drained; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain: %v", err)
		}
		for _, c := range []*pipeClient{unary, server, input, late, refused} {
			c.conn.Close()
		}
	})
}

func TestHTTPConnectionLimit(t *testing.T) {
	t.Parallel()
	finish := make(chan struct{})
	entered := make(chan struct{})
	s := serve(t, &echoServer{unary: func(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		entered <- struct{}{}
		<-finish
		return &testgrpc.SimpleResponse{}, nil
	}}, bridge.WithMaxConnections(2))
	s.dial(t, bidiPath)
	first := make(chan error, 1)
	go func() {
		_, err := unaryOver(s, connect.WithGRPCWeb()).CallUnary(context.Background(), connect.NewRequest(&testgrpc.SimpleRequest{}))
		first <- err
	}()
	receive(t, entered)
	_, err := unaryOver(s, connect.WithGRPCWeb()).CallUnary(t.Context(), connect.NewRequest(&testgrpc.SimpleRequest{}))
	if connect.CodeOf(err) != connect.CodeUnavailable {
		t.Errorf("one more: %v", err)
	}
	if stats := s.handler.Stats(); stats.Open != 1 || stats.HTTP != 1 || stats.Refused != 1 {
		t.Errorf("stats: %+v", stats)
	}
	close(finish)
	if err := receive(t, first); err != nil {
		t.Error(err)
	}
}

func TestHTTPPanicIsContained(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	s := serve(t, &echoServer{
		unary: func(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) { panic("secret text") },
		output: func(*testgrpc.StreamingOutputCallRequest, testgrpc.TestService_StreamingOutputCallServer) error {
			_ = []int{}[len(os.Args)]
			return nil
		},
	}, log.option())
	for _, protocol := range httpProtocols {
		_, err := unaryOver(s, protocol.options).CallUnary(t.Context(), connect.NewRequest(&testgrpc.SimpleRequest{}))
		if connect.CodeOf(err) != connect.CodeInternal || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s, unary: %v", protocol.name, err)
		}
		output, err := outputOver(s, serverPath, protocol.options).CallServerStream(t.Context(), connect.NewRequest(&testgrpc.StreamingOutputCallRequest{}))
		if err != nil {
			t.Fatal(err)
		}
		if output.Receive() || connect.CodeOf(output.Err()) != connect.CodeInternal {
			t.Errorf("%s, server stream: %v", protocol.name, output.Err())
		}
		output.Close()
	}
	if !strings.Contains(log.String(), "http_life_test.go") || strings.Contains(log.String(), "secret") {
		t.Errorf("log: %s", log)
	}
}

// Interceptors see the calls, and what they refuse is refused in each protocol.
func TestHTTPInterceptors(t *testing.T) {
	t.Parallel()
	check := func(ctx context.Context) error {
		if md, _ := metadata.FromIncomingContext(ctx); len(md.Get("authorization")) == 0 {
			return status.Error(codes.Unauthenticated, "who are you?")
		}
		return nil
	}
	s := serve(t, &echoServer{},
		bridge.WithChainUnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if err := check(ctx); err != nil || info.FullMethod != unaryPath {
				return nil, err
			}
			return next(ctx, req)
		}),
		bridge.WithChainStreamInterceptor(func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if err := check(ss.Context()); err != nil || info.FullMethod != serverPath || info.IsClientStream {
				return err
			}
			return next(srv, ss)
		}))
	for _, protocol := range httpProtocols {
		for _, token := range []string{"", "Bearer t"} {
			want := map[string]error{"": status.Error(codes.Unauthenticated, "")}[token]
			unary := connect.NewRequest(&testgrpc.SimpleRequest{})
			stream := connect.NewRequest(&testgrpc.StreamingOutputCallRequest{})
			if token != "" {
				unary.Header().Set("Authorization", token)
				stream.Header().Set("Authorization", token)
			}
			_, err := unaryOver(s, protocol.options).CallUnary(t.Context(), unary)
			if (err != nil) != (want != nil) || err != nil && connect.CodeOf(err) != connect.CodeUnauthenticated {
				t.Errorf("%s, unary, token %q: %v", protocol.name, token, err)
			}
			output, err := outputOver(s, serverPath, protocol.options).CallServerStream(t.Context(), stream)
			if err != nil {
				t.Fatal(err)
			}
			output.Receive()
			if err := output.Err(); (err != nil) != (want != nil) || err != nil && connect.CodeOf(err) != connect.CodeUnauthenticated {
				t.Errorf("%s, server stream, token %q: %v", protocol.name, token, err)
			}
			output.Close()
		}
	}
}

// Whatever a call ends with first counts, and wakes a handler that still waits for a message.
func TestHTTPEndWakesReceiver(t *testing.T) {
	t.Parallel()
	received := make(chan error, 1)
	s := serveTLS(t, &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		go func() {
			_, err := stream.Recv()
			received <- err
		}()
		if err := stream.SendMsg("no message"); err == nil {
			t.Error("SendMsg takes a string")
		}
		return <-received
	}})
	for _, protocol := range httpProtocols {
		stream := outputOver(s, bidiPath, protocol.options).CallBidiStream(t.Context())
		stream.Send(nil)
		if _, err := stream.Receive(); connect.CodeOf(err) != connect.CodeInternal || !strings.Contains(err.Error(), "error while marshaling") {
			t.Errorf("%s: %v", protocol.name, err)
		}
		stream.CloseRequest()
		stream.CloseResponse()
	}
}

// The message of a call that takes one is followed by the half-close.
func TestHTTPHalfCloseIsImplied(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{output: func(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
		if err := stream.RecvMsg(new(testgrpc.StreamingOutputCallRequest)); err != io.EOF {
			t.Errorf("RecvMsg: %v", err)
		}
		return nil
	}})
	if _, body := s.post(t, serverPath, "application/connect+json", envelope(0, "{}"), nil); body != envelope(2, "{}") {
		t.Errorf("%q", body)
	}
}

// A service that breaks the rule of one response is told so, and the client too.
func TestHTTPCountOfResponses(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{input: func(stream testgrpc.TestService_StreamingInputCallServer) error {
		in, err := stream.Recv()
		if err != nil {
			return nil // without a response
		}
		for range len(in.GetPayload().GetBody()) {
			err = stream.SendMsg(&testgrpc.StreamingInputCallResponse{})
		}
		return err
	}})
	for body, want := range map[string]string{
		"": "the service sent no response", envelope(0, `{"payload":{"body":"AA=="}}`): envelope(0, "{}"),
		envelope(0, `{"payload":{"body":"AAA="}}`): "the service sent a second response",
	} {
		if _, got := s.post(t, clientPath, "application/connect+json", body, nil); !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}

// A silent call over HTTP/2 has no write deadline, which there would end the stream without a write.
func TestHTTP2CallsLiveLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, shutdown := servePipes(t, &echoServer{})
		defer shutdown()
		transport := s.http2()
		defer transport.CloseIdleConnections()
		stream := connect.NewClient[testgrpc.StreamingOutputCallRequest, testgrpc.StreamingOutputCallResponse](
			&http.Client{Transport: transport}, "http://localhost"+bidiPath).CallBidiStream(t.Context())
		for range 3 {
			if err := stream.Send(&testgrpc.StreamingOutputCallRequest{Payload: payload("x")}); err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Receive(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		stream.CloseRequest()
		if _, err := stream.Receive(); !errors.Is(err, io.EOF) {
			t.Errorf("the end: %v", err)
		}
		stream.CloseResponse()
	})
}
