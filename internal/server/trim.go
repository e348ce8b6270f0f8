package server

import (
	"context"
	"log/slog"
	"runtime"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"
)

// A trimmer gives memory back to the system when the process has become quiet. Go keeps what its heap has grown to for as long
// as the next collection is not due, which doubles what many idle connections cost; and while nothing is allocated no
// collection is due.
//
// A trim is two collections more, and pages that are faulted in again when work comes back. So it waits until connections that
// have become idle have let go of what they had (two heartbeats), until there is something to gain, and until what is gained will
// not be used again soon.
const (
	trimInterval = 10 * time.Second // between two looks
	trimPatience = 3                // so many in a row have to be quiet
	trimLeast    = 8 << 20          // bytes to gain
	trimLasting  = time.Minute      // what is gained lasts at least so long at the present pace
)

// trimmer is one process's. Its fields are what a test replaces.
type trimmer struct {
	look func() memoryUse
	free func() // returns all that is free
	log  *slog.Logger

	before memoryUse
	quiet  int // looks in a row
}

// memoryUse is what a trimmer looks at, in bytes.
type memoryUse struct {
	allocated uint64 // since the process began
	idle      uint64 // free, or left for the next collection, and not given back
}

func newTrimmer(log *slog.Logger) *trimmer {
	return &trimmer{look: lookAtMemory, free: freeMemory, log: log}
}

// freeMemory collects twice, since what lies in a sync.Pool outlives a collection.
func freeMemory() {
	runtime.GC()
	debug.FreeOSMemory()
}

// run trims until ctx ends.
func (t *trimmer) run(ctx context.Context) {
	t.before = t.look()
	for ticks := time.Tick(trimInterval); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			t.step()
		}
	}
}

// step is one look.
func (t *trimmer) step() {
	now := t.look()
	allocated := now.allocated - t.before.allocated
	t.before = now
	if now.idle < trimLeast || allocated*uint64(trimLasting/trimInterval) > now.idle {
		t.quiet = 0
		return
	}
	if t.quiet++; t.quiet < trimPatience {
		return
	}
	t.quiet = 0
	t.free()
	t.log.Debug("gave memory back", "bytes", now.idle)
}

// The metrics that lookAtMemory reads; see runtime/metrics.
const (
	allocatedMetric = "/gc/heap/allocs:bytes"
	objectsMetric   = "/memory/classes/heap/objects:bytes"
	liveMetric      = "/gc/heap/live:bytes"
	freeMetric      = "/memory/classes/heap/free:bytes"
)

func lookAtMemory() memoryUse {
	samples := []runtimemetrics.Sample{{Name: allocatedMetric}, {Name: objectsMetric}, {Name: liveMetric}, {Name: freeMetric}}
	runtimemetrics.Read(samples)
	allocated, objects, live, free := samples[0].Value.Uint64(), samples[1].Value.Uint64(), samples[2].Value.Uint64(), samples[3].Value.Uint64()
	return memoryUse{allocated: allocated, idle: free + objects - min(live, objects)}
}
