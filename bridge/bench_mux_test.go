package bridge_test

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// Round trips of echo calls over loopback, one body over every way in: multiplexed mode and native grpc-go; unary calls and
// messages of a bidi call; one stream and 64 at once on one connection. Client and server share the process, so cpu-ns/op is
// what both together cost.
//
//	go test ./bridge -run '^$' -bench Calls -count 6 | tee new.txt && benchstat -col /wire new.txt
func BenchmarkCalls(b *testing.B) {
	for _, wire := range []struct {
		name string
		dial func(testing.TB) grpc.ClientConnInterface
	}{
		{"multiplexed", func(t testing.TB) grpc.ClientConnInterface { return dialServer(t, serve(t, &echoServer{})) }},
		{"native", dialNative},
	} {
		for _, streams := range []int{1, 64} {
			for _, size := range []int{100, 64 << 10} {
				name := fmt.Sprintf("streams=%d/bytes=%d/wire=%s", streams, size, wire.name)
				b.Run("unary/"+name, func(b *testing.B) {
					client := testgrpc.NewTestServiceClient(wire.dial(b))
					benchmark(b, streams, func() func() error { return unaryEcho(b, client, size) })
				})
				b.Run("bidi/"+name, func(b *testing.B) {
					client := testgrpc.NewTestServiceClient(wire.dial(b))
					benchmark(b, streams, func() func() error { return bidiEcho(b, client, size) })
				})
			}
		}
	}
}

func unaryEcho(b *testing.B, client testgrpc.TestServiceClient, size int) func() error {
	in := &testgrpc.SimpleRequest{Payload: &testgrpc.Payload{Body: make([]byte, size)}}
	return func() error {
		_, err := client.UnaryCall(b.Context(), in)
		return err
	}
}

func bidiEcho(b *testing.B, client testgrpc.TestServiceClient, size int) func() error {
	stream, err := client.FullDuplexCall(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	in := &testgrpc.StreamingOutputCallRequest{Payload: &testgrpc.Payload{Body: make([]byte, size)}}
	return func() error {
		if err := stream.Send(in); err != nil {
			return err
		}
		_, err := stream.Recv()
		return err
	}
}

// benchmark makes b.N round trips, by so many goroutines at once.
func benchmark(b *testing.B, goroutines int, open func() func() error) {
	b.ReportAllocs()
	trips := make([]func() error, goroutines)
	for i := range trips {
		trips[i] = open()
		if err := trips[i](); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	before := cpuTime()
	var left atomic.Int64
	left.Store(int64(b.N))
	var all sync.WaitGroup
	for _, trip := range trips {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := trip(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/op")
}

// cpuTime is what the process has used of the processors.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// dialNative is a client of a grpc.Server, on one connection.
func dialNative(t testing.TB) grpc.ClientConnInterface {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	native := grpc.NewServer()
	testgrpc.RegisterTestServiceServer(native, &echoServer{})
	go native.Serve(listener)
	t.Cleanup(native.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
