package main

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

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

// faulty is a benchmark's output where something was not delivered once, in order, to everybody, or was refused.
var faulty = regexp.MustCompile(`does not count: (faults|refused)|"(lost|duplicated|reordered|refused)": [1-9]`)

// measures PATTERN COMMAND... runs a benchmark until a line of what it says matches: on a busy machine a short run may not count, or be
// over before a tick of the server's CPU has passed. Faults it does not forgive.
func measures(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile("(?m)" + args[0])
	for deadline := time.Now().Add(2 * time.Minute); ; {
		ts.Check(ts.Exec(args[1], args[2:]...))
		switch said := ts.ReadFile("stdout"); {
		case faulty.MatchString(said):
			ts.Fatalf("%s: faults", strings.Join(args[1:], " "))
		case want.MatchString(said):
			return
		case time.Now().After(deadline):
			ts.Fatalf("%s: nothing in it matches %s", strings.Join(args[1:], " "), args[0])
		}
	}
}
