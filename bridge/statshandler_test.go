package bridge_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
)

// eventLog is a stats.Handler that writes down what it is told, by call and for connections.
type eventLog struct {
	mu    sync.Mutex
	calls map[string][]string // by method
	conns []string
	ended chan string // methods
}

func newEventLog() *eventLog {
	return &eventLog{calls: make(map[string][]string), ended: make(chan string, 100)}
}

type eventKey struct{}

func (l *eventLog) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	l.add(info.FullMethodName, "Tag")
	return context.WithValue(ctx, eventKey{}, info.FullMethodName)
}

func (l *eventLog) HandleRPC(ctx context.Context, event stats.RPCStats) {
	method := ctx.Value(eventKey{}).(string)
	switch event := event.(type) {
	case *stats.InHeader:
		l.add(method, fmt.Sprintf("InHeader %s x=%s peer=%v", event.FullMethod, event.Header.Get("x"), event.RemoteAddr != nil))
	case *stats.Begin:
		l.add(method, fmt.Sprintf("Begin client=%v server=%v", event.IsClientStream, event.IsServerStream))
	case *stats.InPayload:
		l.add(method, fmt.Sprintf("InPayload %T %d", event.Payload, event.Length))
	case *stats.OutHeader:
		l.add(method, fmt.Sprintf("OutHeader h=%s", event.Header.Get("h")))
	case *stats.OutPayload:
		l.add(method, fmt.Sprintf("OutPayload %T %d", event.Payload, event.Length))
	case *stats.OutTrailer:
		l.add(method, fmt.Sprintf("OutTrailer t=%s", event.Trailer.Get("t")))
	case *stats.End:
		l.add(method, fmt.Sprintf("End %v begin<=end %v", status.Code(event.Error), !event.EndTime.Before(event.BeginTime)))
		l.ended <- method
	default:
		l.add(method, fmt.Sprintf("%T", event))
	}
}

func (l *eventLog) TagConn(ctx context.Context, info *stats.ConnTagInfo) context.Context {
	return context.WithValue(ctx, eventKey{}, fmt.Sprintf("%v %v", info.RemoteAddr != nil, info.LocalAddr != nil))
}

func (l *eventLog) HandleConn(ctx context.Context, event stats.ConnStats) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, fmt.Sprintf("%T %v", event, ctx.Value(eventKey{})))
}

func (l *eventLog) add(method, event string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls[method] = append(l.calls[method], event)
}

// A stats handler is told of the bridge what it is told of a grpc.Server, in the same order.
func TestStatsHandlerSeesWhatGRPCServerShows(t *testing.T) {
	t.Parallel()
	echo := &echoServer{unary: func(ctx context.Context, in *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
		grpc.SetHeader(ctx, metadata.Pairs("h", "1"))
		grpc.SetTrailer(ctx, metadata.Pairs("t", "2"))
		return &testgrpc.SimpleResponse{Payload: in.GetPayload()}, nil
	}, input: func(testgrpc.TestService_StreamingInputCallServer) error {
		return status.Error(codes.NotFound, "nothing here")
	}}
	ours, native := newEventLog(), newEventLog()
	makeEveryCall(t, ours, dialServer(t, serve(t, echo, bridge.WithStatsHandler(ours))))
	makeEveryCall(t, native, dialNativeWith(t, echo, grpc.StatsHandler(native)))
	for _, method := range []string{unaryPath, clientPath, serverPath, bidiPath} {
		if got, want := ours.calls[method], native.calls[method]; !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", method, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// The trace that calls belong to (https://www.w3.org/TR/trace-context).
const (
	traceID  = "0af7651916cd43dd8448eb211c80319c"
	parentID = "b7ad6b7169203331"
)

func makeEveryCall(t *testing.T, log *eventLog, conn grpc.ClientConnInterface) {
	t.Helper()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x", "y", "traceparent", "00-"+traceID+"-"+parentID+"-01")
	client := testgrpc.NewTestServiceClient(conn)
	if _, err := client.UnaryCall(ctx, &testgrpc.SimpleRequest{Payload: payload("hello")}); err != nil {
		t.Fatal(err)
	}
	receive(t, log.ended)
	input, err := client.StreamingInputCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := input.CloseAndRecv(); status.Code(err) != codes.NotFound {
		t.Fatal(err)
	}
	receive(t, log.ended)
	output, err := client.StreamingOutputCall(ctx, &testgrpc.StreamingOutputCallRequest{
		Payload: payload("hello"), ResponseParameters: make([]*testgrpc.ResponseParameters, 3),
	})
	if err != nil {
		t.Fatal(err)
	}
	receiveUntilEOF(t, output.Recv)
	receive(t, log.ended)
	bidi, err := client.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := bidi.Send(echoOf("hello")); err != nil {
			t.Fatal(err)
		}
		if _, err := bidi.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	bidi.CloseSend()
	receiveUntilEOF(t, bidi.Recv)
	receive(t, log.ended)
}

func receiveUntilEOF(t *testing.T, recv func() (*testgrpc.StreamingOutputCallResponse, error)) {
	t.Helper()
	for {
		if _, err := recv(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func dialNativeWith(t *testing.T, echo *echoServer, opts ...grpc.ServerOption) grpc.ClientConnInterface {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	native := grpc.NewServer(opts...)
	testgrpc.RegisterTestServiceServer(native, echo)
	go native.Serve(listener)
	t.Cleanup(native.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// Each socket, of either mode, begins and ends once.
func TestStatsHandlerSeesConnections(t *testing.T) {
	t.Parallel()
	log := newEventLog()
	s := serve(t, &echoServer{}, bridge.WithStatsHandler(log))
	plain := s.dial(t, bidiPath+"?encoding=json")
	plain.sendText("")
	plain.expectClose(1000)
	p := s.dialMux(t)
	p.checkAlive(1)
	p.conn.Close()
	plain.conn.Close()
	s.idle(t)
	log.mu.Lock()
	defer log.mu.Unlock()
	slices.Sort(log.conns)
	want := []string{"*stats.ConnBegin true true", "*stats.ConnBegin true true", "*stats.ConnEnd true true", "*stats.ConnEnd true true"}
	if !slices.Equal(log.conns, want) {
		t.Errorf("connections: %q", log.conns)
	}
}

// Compressed messages have another size on the wire.
func TestStatsHandlerSeesCompression(t *testing.T) {
	t.Parallel()
	sizes := make(chan [2]int, 2)
	s := serve(t, &echoServer{}, bridge.WithStatsHandler(sizeLog{sizes}))
	p := s.dialMux(t)
	p.openEncoded(1, "gzip", strings.Repeat("again and ", 1000))
	for range 2 {
		if size := receive(t, sizes); size[0] < 10_000 || size[1] > 1000 {
			t.Errorf("length %d, compressed %d", size[0], size[1])
		}
	}
}

type sizeLog struct{ sizes chan [2]int }

func (l sizeLog) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (l sizeLog) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (l sizeLog) HandleConn(context.Context, stats.ConnStats)                       {}
func (l sizeLog) HandleRPC(_ context.Context, event stats.RPCStats) {
	switch event := event.(type) {
	case *stats.InPayload:
		l.sizes <- [2]int{event.Length, event.CompressedLength}
	case *stats.OutPayload:
		l.sizes <- [2]int{event.Length, event.CompressedLength}
	}
}
