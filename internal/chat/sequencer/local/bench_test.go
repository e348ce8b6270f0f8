package local_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer/local"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// BenchmarkPublish appends fresh messages of 120 incompressible bytes to 20,000 rooms from 4,096 publishers.
func BenchmarkPublish(b *testing.B) {
	const publishers, rooms = 4096, 20_000
	store, err := state.Open(b.TempDir(), state.Options{})
	if err != nil {
		b.Fatal(err)
	}
	seq := local.New(local.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- seq.Run(ctx, store) }()

	var next atomic.Int64
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	start := time.Now()
	for p := range publishers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(p), 1))
			actor := state.Actor{ID: fmt.Sprintf("guest-%06d", p), Name: "Publisher", Guest: true}
			body := make([]byte, 120)
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				for j := range body {
					body[j] = byte(random.Uint32())
				}
				record, err := state.NewRecord(actor, time.Now().UnixMilli(), &storev1.Publish{
					Room:     fmt.Sprintf("room-%05d", random.IntN(rooms)),
					ClientId: fmt.Sprintf("%016x", random.Uint64()),
					Body:     &storev1.Body{Kind: &storev1.Body_Data{Data: &storev1.TypedBytes{Type: "b", Value: body}}},
				})
				if err != nil {
					b.Error(err)
					return
				}
				if _, err := seq.Append(ctx, record); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "msgs/s")
	b.StopTimer()
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	if err := store.Close(); err != nil {
		b.Fatal(err)
	}
}
