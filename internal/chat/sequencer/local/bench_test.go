package local_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer/local"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// publishTimeEnv is for how long BenchmarkPublish publishes, 60 s by default.
const publishTimeEnv = "RIALTO_PUBLISH_TIME"

// What BenchmarkPublish publishes, and into what: the row of the targets in docs/benchmarks.md.
const (
	publishers = 4096
	rooms      = 20_000
	stored     = 1_000_000 // messages that are there before
	bodyBytes  = 120
)

// BenchmarkPublish appends fresh messages of incompressible bytes to many rooms of a store that holds a million, from many
// publishers, each of whom waits for its answer, with an fsync before it: for a minute, which is one operation. It tells the rate
// of messages and of commits, and the rate in the worst second. Run it with -benchtime 1x.
func BenchmarkPublish(b *testing.B) {
	duration := time.Minute
	if text := os.Getenv(publishTimeEnv); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			b.Fatalf("%s: %v", publishTimeEnv, err)
		}
	}
	var commits atomic.Int64
	store, err := state.Open(b.TempDir(), state.Options{OnCommit: func(*state.Change) { commits.Add(1) }})
	if err != nil {
		b.Fatal(err)
	}
	preload(b, store)
	seq := local.New(local.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- seq.Run(ctx, store) }() // ends with ctx
	b.ReportAllocs()
	for b.Loop() {
		commits.Store(0)
		r := publishFor(b, seq, duration)
		b.ReportMetric(r.rate, "msgs/s")
		b.ReportMetric(r.worst, "msgs/s-worst-second")
		b.ReportMetric(float64(commits.Load())/duration.Seconds(), "commits/s")
	}
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	if err := store.Close(); err != nil {
		b.Fatal(err)
	}
}

// preload stores what is there before, without publishers.
func preload(b *testing.B, store *state.Store) {
	b.Helper()
	const batch = 1000
	w := newWriter(publishers)
	for pos := state.Pos(1); pos < stored; {
		var entries []state.Entry
		for range batch {
			record := w.next(b)
			record.Writer, record.N = 1<<40, uint64(pos)
			entries = append(entries, state.Entry{Pos: pos, Record: record})
			pos++
		}
		change, err := store.Apply(entries)
		if err == nil {
			err = store.Commit(change, pos > stored)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

type rates struct{ rate, worst float64 }

// publishFor has all publishers at work for so long.
func publishFor(b *testing.B, seq *local.Sequencer, duration time.Duration) rates {
	b.Helper()
	var done atomic.Int64
	var over atomic.Bool
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() { // ends when it is over
			for w := newWriter(p); !over.Load(); done.Add(1) {
				if _, err := seq.Append(context.Background(), w.next(b)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	start := time.Now()
	r := rates{}
	last, at := int64(0), start
	for end := start.Add(duration); time.Now().Before(end); {
		time.Sleep(min(time.Second, time.Until(end)))
		n, now := done.Load(), time.Now()
		if rate := float64(n-last) / now.Sub(at).Seconds(); now.Sub(at) > time.Second/2 && (r.worst == 0 || rate < r.worst) {
			r.worst = rate
		}
		last, at = n, now
	}
	r.rate = float64(done.Load()) / time.Since(start).Seconds()
	over.Store(true)
	all.Wait()
	return r
}

// writer makes the messages of one publisher.
type writer struct {
	random *rand.Rand
	actor  state.Actor
	body   []byte
}

func newWriter(n int) *writer {
	return &writer{
		random: rand.New(rand.NewPCG(rand.Uint64(), uint64(n))),
		actor:  state.Actor{ID: fmt.Sprintf("guest-%06d", n), Name: "Publisher", Guest: true},
		body:   make([]byte, bodyBytes),
	}
}

// next returns a message that there never was, in any room.
func (w *writer) next(b *testing.B) state.Record {
	for i := 0; i < len(w.body); i += 8 {
		binary.NativeEndian.PutUint64(w.body[i:], w.random.Uint64())
	}
	record, err := state.NewRecord(w.actor, time.Now().UnixMilli(), &storev1.Publish{
		Room:     fmt.Sprintf("room-%05d", w.random.IntN(rooms)),
		ClientId: fmt.Sprintf("%016x", w.random.Uint64()),
		Body:     &storev1.Body{Kind: &storev1.Body_Data{Data: &storev1.TypedBytes{Type: "b", Value: w.body}}},
	})
	if err != nil {
		b.Error(err)
	}
	return record
}
