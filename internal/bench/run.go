package bench

import (
	"context"
	"fmt"
	"time"
)

// Progress is told what is being done: a line of text, often.
type Progress func(line string)

// runSlack is what a run may take beyond the times it is configured with: starting, connecting, settling.
const runSlack = 5 * time.Minute

// preloadSlack is what a message that is stored before may take.
const preloadSlack = 200 * time.Microsecond

// Run plays the scenario cfg.Runs times against each subject, in turns, each time on a fresh server. The error is that
// of a run that could not be made; faults and busy generators are in the report. Progress may be nil.
func Run(ctx context.Context, cfg Config, progress Progress) (*Report, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(string) {}
	}
	names := []string{subjectRialto}
	if cfg.VsFloor {
		names = append(names, subjectFloor)
	}
	for _, peer := range cfg.Peers {
		names = append(names, peer.Name)
	}
	report := newReport(&cfg)
	for n := range cfg.Runs {
		for i := range names {
			name := names[(i+n)%len(names)] // who goes first changes: a machine that warms up or cools favours nobody
			result, err := runOnce(ctx, &cfg, name, func(doing string) {
				progress(fmt.Sprintf("%s, run %d of %d: %s", name, n+1, cfg.Runs, doing))
			})
			if err != nil {
				return nil, fmt.Errorf("%s, run %d: %w", name, n+1, err)
			}
			result.Round = n + 1
			report.Runs = append(report.Runs, *result)
		}
	}
	report.summarize()
	return report, nil
}

func runOnce(ctx context.Context, cfg *Config, name string, tell func(string)) (*RunResult, error) {
	ctx, cancel := context.WithTimeout(ctx, runSlack+cfg.Warmup+cfg.Duration+cfg.Rest+time.Duration(cfg.Preload)*preloadSlack)
	defer cancel()
	tell("starting")
	s, err := startSubject(ctx, cfg, name)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	p := &play{ctx: ctx, cfg: cfg, subject: s, tell: tell}
	metrics, err := findScenario(cfg.Scenario).play(p)
	if err != nil {
		return nil, err
	}
	result := &RunResult{Subject: name, Faults: p.faults, Metrics: metrics}
	result.NotCounted, result.Behind = result.judge(), result.isBehind(cfg)
	return result, nil
}
