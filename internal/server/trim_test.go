package server

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Memory is given back once it has been quiet for a while, and only if there is enough to gain for long enough.
func TestTrimmer(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for _, tt := range []struct {
		name  string
		idle  uint64                     // after nothing was given back
		pace  func(time.Duration) uint64 // bytes allocated in the interval that ends then
		trims []time.Duration
	}{
		{
			name: "heartbeats only", idle: 70 * mib, pace: func(time.Duration) uint64 { return mib },
			trims: []time.Duration{30 * time.Second},
		},
		{
			name: "after a load", idle: 70 * mib, pace: func(at time.Duration) uint64 {
				if at <= 50*time.Second {
					return 100 * mib
				}
				return mib
			},
			trims: []time.Duration{80 * time.Second},
		},
		{name: "always some load", idle: 70 * mib, pace: func(time.Duration) uint64 { return 12 * mib }},
		{name: "little to gain", idle: 7 * mib, pace: func(time.Duration) uint64 { return 0 }},
		{
			name: "a load now and then", idle: 70 * mib, pace: func(at time.Duration) uint64 {
				if at%(30*time.Second) == 0 {
					return 100 * mib
				}
				return 0
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start, use := time.Now(), memoryUse{idle: tt.idle}
				var trims []time.Duration
				trimmer := &trimmer{
					log: slog.New(slog.DiscardHandler),
					look: func() memoryUse {
						use.allocated += tt.pace(time.Since(start))
						return use
					},
					free: func() {
						trims = append(trims, time.Since(start))
						use.idle = 0
					},
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				trimmer.run(ctx)
				if !slices.Equal(trims, tt.trims) {
					t.Errorf("trimmed after %v, want %v", trims, tt.trims)
				}
			})
		})
	}
}

// What a trimmer looks at is what it thinks it is: garbage counts as idle, and what is in use does not.
func TestLookAtMemory(t *testing.T) {
	const size = 64 << 20
	before := lookAtMemory()
	used := make([]byte, size)
	runtime.GC()
	held := lookAtMemory()
	if grown := held.allocated - before.allocated; grown < size {
		t.Errorf("%d bytes allocated, want %d", grown, size)
	}
	runtime.KeepAlive(used)
	runtime.GC()
	if dropped := lookAtMemory(); dropped.idle < held.idle+size/2 {
		t.Errorf("%d bytes are idle, want %d more than %d", dropped.idle, size, held.idle)
	}
}
