package bench

import (
	"strings"
	"testing"
)

// TestOnlySoundRunsCount feeds runs of which some lost messages or had a busy generator.
func TestOnlySoundRunsCount(t *testing.T) {
	t.Parallel()
	round := 0
	run := func(subject string, cpu, generator float64, f Faults) RunResult {
		round++
		r := RunResult{Round: (round + 1) / 2, Subject: subject, Faults: f, Metrics: Metrics{CPUPerDelivery: cpu, GeneratorCores: generator}}
		r.NotCounted = r.judge()
		return r
	}
	r := newReport(&Config{Scenario: Fanout})
	r.Runs = []RunResult{
		run("rialto", 6, 0.5, Faults{}), run("floor", 10, 0.5, Faults{}),
		run("floor", 8, 0.5, Faults{}), run("rialto", 5, 0.5, Faults{}),
		run("rialto", 7, 0.5, Faults{}), run("floor", 99, 0.95, Faults{}),
		run("floor", 12, 0.5, Faults{}), run("rialto", 0.1, 0.5, Faults{Lost: 1}),
		run("rialto", 0.1, 0.5, Faults{Duplicated: 1}), run("rialto", 0.1, 0.5, Faults{Reordered: 1}),
	}
	r.summarize()
	if got := r.Medians["rialto"][CPUPerDelivery]; got != (Spread{6, 5, 7}) {
		t.Errorf("rialto %+v", got)
	}
	if got := r.Medians["floor"][CPUPerDelivery]; got != (Spread{10, 8, 12}) {
		t.Errorf("floor %+v", got)
	}
	if r.CPURatio == nil || *r.CPURatio != 0.6 {
		t.Errorf("ratio %v", r.CPURatio)
	}
	if got := *r.CPURatioSpread; got != (Spread{(0.6 + 0.625) / 2, 0.6, 0.625}) {
		t.Errorf("spread of the ratio %+v", got)
	}
	var table strings.Builder
	if err := r.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"x floor: 0.60", "6.00  [5.00 to 7.00]", "run 6 (floor) does not count: generator above 0.9 cores",
		"run 8 (rialto) does not count: faults; lost 1",
	} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, table.String())
		}
	}
}

func TestNoRatioWithoutTwoSides(t *testing.T) {
	t.Parallel()
	r := newReport(&Config{Scenario: Fanout})
	r.Runs = []RunResult{
		{Subject: "rialto", Metrics: Metrics{CPUPerDelivery: 6}},
		{Subject: "floor", Metrics: Metrics{CPUPerDelivery: 6}, NotCounted: "faults"},
	}
	r.summarize()
	if r.CPURatio != nil {
		t.Errorf("ratio %v", *r.CPURatio)
	}
}

func TestARunThatIsBehindSaysSo(t *testing.T) {
	t.Parallel()
	c := &Config{Scenario: Fanout, PerRoom: 1000, Rate: 50}
	for deliveries, want := range map[float64]bool{50_000: false, 48_000: false, 47_000: true} {
		r := RunResult{Subject: "floor", Metrics: Metrics{DeliveriesPerSecond: deliveries}}
		if got := r.isBehind(c); got != want {
			t.Errorf("%v of 50000 deliveries/s: behind %t", deliveries, got)
		}
	}
	c.Rate = 0
	if r := (RunResult{Metrics: Metrics{DeliveriesPerSecond: 1}}); r.isBehind(c) {
		t.Error("behind without a rate")
	}
}
