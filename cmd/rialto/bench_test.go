package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rialto-rpc/rialto/internal/bench"
)

// A benchmark that is interrupted while it measures ends with that.
func TestInterruptedBench(t *testing.T) {
	t.Parallel()
	for _, scenario := range []bench.Scenario{bench.Fanout, bench.History} {
		t.Run(string(scenario), func(t *testing.T) {
			t.Parallel()
			cfg, err := bench.Defaults(scenario)
			if err != nil {
				t.Fatal(err)
			}
			cfg.ServeCommand, cfg.TempDir = []string{"rialto", "serve"}, t.TempDir()
			cfg.Runs, cfg.Rooms, cfg.PerRoom, cfg.Preload, cfg.Warmup, cfg.Duration = 1, 4, 2, 8, 0, time.Hour
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			_, err = bench.Run(ctx, cfg, func(doing string) {
				if strings.HasSuffix(doing, ": measuring") {
					interrupt()
				}
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}
