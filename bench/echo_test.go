package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// trip is a message to the server and back. One goroutine at a time calls it.
type trip func() error

// way is a way to reach an echo service. What a client keeps is released through b.Cleanup.
type way struct {
	name string
	// serve starts a server on loopback, in the server's process, and returns its address.
	serve func() (addr string, err error)
	// dial returns a client of that server. It may connect later.
	dial func(t testing.TB, addr string) echoClient
	// unaryOnly says that there are no bidi calls.
	unaryOnly bool
}

// echoClient makes trips. Every trip encodes its message anew and decodes the answer, as generated code does.
type echoClient struct {
	unary func(ctx context.Context, in *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error)
	// bidi opens a stream. Send and receive are what one trip does.
	bidi func(ctx context.Context) (bidiStream, error)
}

type bidiStream interface {
	Send(*testgrpc.StreamingOutputCallRequest) error
	Recv() (*testgrpc.StreamingOutputCallResponse, error)
}

var ways = []way{native, multiplexed, largerWindow, plain, proxied, improbable, grpcwebproxy, connectHTTP1, connectH2C}

// calls are the kinds of call that are measured.
var calls = []struct {
	name string
	// open returns the trips of one stream.
	open func(ctx context.Context, c echoClient, bytes int) (trip, error)
}{
	{"unary", openUnary},
	{"bidi", openBidi},
}

func openUnary(ctx context.Context, c echoClient, bytes int) (trip, error) {
	in := &testgrpc.SimpleRequest{Payload: newPayload(bytes)}
	return func() error {
		out, err := c.unary(ctx, in)
		return check(out.GetPayload(), err, bytes)
	}, nil
}

func openBidi(ctx context.Context, c echoClient, bytes int) (trip, error) {
	stream, err := c.bidi(ctx)
	if err != nil {
		return nil, err
	}
	in := &testgrpc.StreamingOutputCallRequest{Payload: newPayload(bytes)}
	return func() error {
		if err := stream.Send(in); err != nil {
			return err
		}
		out, err := stream.Recv()
		return check(out.GetPayload(), err, bytes)
	}, nil
}

func newPayload(bytes int) *testgrpc.Payload {
	body := make([]byte, bytes)
	for i := range body {
		body[i] = byte(i)
	}
	return &testgrpc.Payload{Body: body}
}

func check(got *testgrpc.Payload, err error, bytes int) error {
	if err == nil && len(got.GetBody()) != bytes {
		return fmt.Errorf("got %d bytes back, want %d", len(got.GetBody()), bytes)
	}
	return err
}

// BenchmarkEcho makes round trips over every way in: unary calls and messages of bidi calls; on one stream and on 64 at once. A
// way that has connections has one for all streams; one whose calls are sockets has a socket for each.
//
// Times, allocations and bytes are those of client and server together unless their name says otherwise.
func BenchmarkEcho(b *testing.B) {
	for _, call := range calls {
		for _, streams := range []int{1, 64} {
			for _, bytes := range []int{100, 64 << 10} {
				for _, w := range ways {
					if call.name == "bidi" && w.unaryOnly {
						continue
					}
					b.Run(fmt.Sprintf("call=%s/streams=%d/bytes=%d/way=%s", call.name, streams, bytes, w.name), func(b *testing.B) {
						server := startServer(b, w.name)
						client := w.dial(b, server.addr)
						trips := make([]trip, streams)
						for i := range trips {
							var err error
							if trips[i], err = call.open(b.Context(), client, bytes); err != nil {
								b.Fatal(err)
							}
						}
						measure(b, server, trips)
					})
				}
			}
		}
	}
}

// measure makes round trips on all streams at once, for as long as b.Loop goes on with the first, and reports what one cost.
func measure(b *testing.B, server *server, trips []trip) {
	b.ReportAllocs() // what is reported below takes the place of the client's own
	for _, trip := range trips {
		if err := trip(); err != nil { // connections are made, buffers have grown
			b.Fatal(err)
		}
	}
	var stop atomic.Bool
	var total atomic.Int64
	var others sync.WaitGroup
	start, client0, server0 := time.Now(), usageNow(), server.usage(b)
	for _, trip := range trips[1:] {
		others.Go(func() {
			made := int64(0)
			for ; !stop.Load(); made++ {
				if err := trip(); err != nil {
					b.Error(err)
					break
				}
			}
			total.Add(made)
		})
	}
	made := int64(0)
	for b.Loop() {
		if err := trips[0](); err != nil {
			b.Error(err)
			break
		}
		made++
	}
	stop.Store(true)
	others.Wait()
	elapsed, client, server1 := time.Since(start), usageNow().minus(client0), server.usage(b).minus(server0)

	n := float64(total.Add(made))
	both := client.plus(server1)
	b.ReportMetric(float64(elapsed)/n, "ns/op")
	b.ReportMetric(n/elapsed.Seconds(), "trips/s")
	b.ReportMetric(float64(both.CPU)/n, "cpu-ns/op")
	b.ReportMetric(float64(server1.CPU)/n, "server-cpu-ns/op")
	b.ReportMetric(float64(both.Allocs)/n, "allocs/op")
	b.ReportMetric(float64(both.Bytes)/n, "B/op")
}

// Every way in makes every kind of call it has: what is measured works.
func TestEveryWayEchoes(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			client := w.dial(t, startServer(t, w.name).addr)
			for _, call := range calls {
				if call.name == "bidi" && w.unaryOnly {
					continue
				}
				for _, bytes := range []int{0, 100, 64 << 10} {
					trip, err := call.open(t.Context(), client, bytes)
					if err != nil {
						t.Fatal(err)
					}
					for range 3 {
						if err := trip(); err != nil {
							t.Errorf("%s of %d bytes: %v", call.name, bytes, err)
						}
					}
				}
			}
		})
	}
}
