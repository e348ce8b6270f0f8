package bench

import (
	"runtime"
	"slices"
	"time"
)

// Metric names a figure; its unit is in the name, as it is in JSON.
type Metric string

// The metrics. Not every scenario has all.
const (
	MessagesPerSecond   Metric = "messages_per_s"
	DeliveriesPerSecond Metric = "deliveries_per_s"
	CPUPerDelivery      Metric = "server_cpu_us_per_delivery"
	ServerCores         Metric = "server_cores"
	ServerRSS           Metric = "server_rss_mib"
	GeneratorCores      Metric = "generator_cores"
	LatencyP50          Metric = "latency_p50_ms"
	LatencyP99          Metric = "latency_p99_ms"
	LatencyMax          Metric = "latency_max_ms"
	AcksPerSecond       Metric = "acknowledged_per_s"
	CPUPerAck           Metric = "server_cpu_us_per_acknowledged"
	FsyncP50            Metric = "fdatasync_p50_ms"
	MemoryPerClient     Metric = "server_rss_kib_per_client"
	RestRSS             Metric = "server_rss_growth_at_rest_mib"
	StormSeconds        Metric = "storm_s"
	CPUPerReconnect     Metric = "server_cpu_us_per_reconnect"
	SlowSeconds         Metric = "slow_caught_up_s"
	SlowCut             Metric = "slow_disconnected"
	SlowRSS             Metric = "server_rss_growth_mib"
	PagesPerSecond      Metric = "pages_per_s"
	PageP50             Metric = "page_p50_ms"
	PageP99             Metric = "page_p99_ms"
	ColdPageP50         Metric = "cold_page_p50_ms"
	ColdPageP99         Metric = "cold_page_p99_ms"
)

// metricTitles is the order and the words of the table.
var metricTitles = []struct {
	metric Metric
	title  string
}{
	{MessagesPerSecond, "messages/s"},
	{DeliveriesPerSecond, "deliveries/s"},
	{CPUPerDelivery, "server CPU, us a delivery"},
	{ServerCores, "server CPU, cores"},
	{ServerRSS, "server RSS, MiB"},
	{LatencyP50, "latency p50, ms"},
	{LatencyP99, "latency p99, ms"},
	{LatencyMax, "latency max, ms"},
	{AcksPerSecond, "acknowledged/s"},
	{CPUPerAck, "server CPU, us an acknowledged publish"},
	{FsyncP50, "fdatasync of 300 bytes p50, ms"},
	{MemoryPerClient, "server RSS growth, KiB a client"},
	{RestRSS, "server RSS growth at rest, MiB"},
	{StormSeconds, "until the last has all, s"},
	{CPUPerReconnect, "server CPU, us a reconnect"},
	{SlowSeconds, "until the slow have all, s"},
	{SlowCut, "slow that were disconnected"},
	{SlowRSS, "server RSS growth, MiB"},
	{PagesPerSecond, "pages/s"},
	{PageP50, "page of 50 p50, ms"},
	{PageP99, "page of 50 p99, ms"},
	{ColdPageP50, "page of 50 of a cold server p50, ms"},
	{ColdPageP99, "page of 50 of a cold server p99, ms"},
	{GeneratorCores, "generator CPU, cores"},
}

// Metrics are the figures of one run.
type Metrics map[Metric]float64

// ms is a duration in milliseconds.
func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (h *histogram) describe(m Metrics) {
	if h.total == 0 {
		return
	}
	m[LatencyP50], m[LatencyP99], m[LatencyMax] = ms(h.quantile(0.5)), ms(h.quantile(0.99)), ms(h.max)
}

// Faults counts what was not delivered once, in order, to everybody.
type Faults struct {
	Lost       uint64 `json:"lost"`
	Duplicated uint64 `json:"duplicated"`
	Reordered  uint64 `json:"reordered"`
	Refused    uint64 `json:"refused"` // publishes that the server refused
}

func (f *Faults) add(other Faults) {
	f.Lost += other.Lost
	f.Duplicated += other.Duplicated
	f.Reordered += other.Reordered
	f.Refused += other.Refused
}

// RunResult is one run of one subject.
type RunResult struct {
	Round   int    `json:"round"` // those of one round ran one after another
	Subject string `json:"subject"`
	Faults
	Metrics    Metrics `json:"metrics"`
	NotCounted string  `json:"not_counted,omitempty"` // why it is in no median
	Behind     bool    `json:"behind,omitempty"`      // delivered clearly less than the rate asks for while it was measured
}

// Spread is the median of the runs that count, and the least and the greatest of them.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// Report is what a benchmark found.
type Report struct {
	Scenario     Scenario `json:"scenario"`
	Wire         Wire     `json:"wire"`
	Rooms        int      `json:"rooms"`
	PerRoom      int      `json:"clients_per_room"`
	Rate         float64  `json:"rate_per_s"`
	InFlight     int      `json:"in_flight,omitempty"`
	RestSeconds  float64  `json:"rest_s,omitempty"`
	Offline      int      `json:"offline_messages,omitempty"`
	Preload      int      `json:"preloaded_messages,omitempty"`
	MessageBytes int      `json:"message_bytes"`
	Machine      Machine  `json:"machine"`

	Runs    []RunResult                  `json:"runs"` // in the order in which they ran
	Medians map[string]map[Metric]Spread `json:"medians"`
	// CPURatio is the median server CPU a delivery over the floor's; absent without a floor or without runs that count.
	CPURatio *float64 `json:"cpu_ratio,omitempty"`
	// CPURatioSpread has the ratios of runs of one round.
	CPURatioSpread *Spread `json:"cpu_ratio_spread,omitempty"`
	// PeerCPURatios are the same of each peer.
	PeerCPURatios map[string]Ratio `json:"peer_cpu_ratios,omitempty"`
}

// Ratio is a peer's CPU a delivery over the floor's.
type Ratio struct {
	OfMedians float64 `json:"of_medians"`
	Spread
}

// Machine is where it ran.
type Machine struct {
	CPUs   int    `json:"cpus"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Arch   string `json:"arch"`
}

func newReport(c *Config) *Report {
	r := &Report{
		Scenario: c.Scenario, Wire: c.Wire, Rooms: c.Rooms, PerRoom: c.PerRoom, Rate: c.Rate, MessageBytes: c.MessageBytes,
		Machine:     Machine{CPUs: runtime.NumCPU(), Kernel: kernelVersion(), Go: runtime.Version(), Arch: runtime.GOARCH},
		RestSeconds: c.Rest.Seconds(), Offline: c.Offline, Preload: c.Preload,
		Medians: make(map[string]map[Metric]Spread),
	}
	if c.Rate == 0 {
		r.InFlight = c.InFlight
	}
	return r
}

// maxGeneratorCores is above which a generator may have been what was measured.
const maxGeneratorCores = 0.9

// judge says why a run does not count; empty if it does.
func (r *RunResult) judge() string {
	switch {
	case r.Lost > 0 || r.Duplicated > 0 || r.Reordered > 0:
		return "faults"
	case r.Refused > 0:
		return "refused publishes"
	case r.Metrics[GeneratorCores] > maxGeneratorCores:
		return "generator above 0.9 cores"
	}
	return ""
}

// keptRate is the part of the deliveries that a rate asks for below which a run is behind. Its figures are those of a busy
// machine: whoever joins waiting messages looks better than it is, and everybody's latency worse.
const keptRate = 0.95

// isBehind says whether a run of the configured rate did not keep it.
func (r *RunResult) isBehind(c *Config) bool {
	deliveries, ok := r.Metrics[DeliveriesPerSecond]
	return ok && c.Rate > 0 && (c.Scenario == Fanout || c.Scenario == Rooms) && deliveries < keptRate*c.Rate*float64(c.PerRoom)
}

// summarize fills in the medians and ratios.
func (r *Report) summarize() {
	values := make(map[string]map[Metric][]float64)
	for _, run := range r.Runs {
		if run.NotCounted != "" {
			continue
		}
		if values[run.Subject] == nil {
			values[run.Subject] = make(map[Metric][]float64)
		}
		for metric, v := range run.Metrics {
			values[run.Subject][metric] = append(values[run.Subject][metric], v)
		}
	}
	for name, metrics := range values {
		r.Medians[name] = make(map[Metric]Spread)
		for metric, v := range metrics {
			r.Medians[name][metric] = spreadOf(v)
		}
	}
	for name := range values {
		ratio, ok := r.ratio(name)
		switch {
		case !ok || name == subjectFloor:
		case name == subjectRialto:
			r.CPURatio, r.CPURatioSpread = &ratio.OfMedians, &ratio.Spread
		default:
			if r.PeerCPURatios == nil {
				r.PeerCPURatios = make(map[string]Ratio)
			}
			r.PeerCPURatios[name] = ratio
		}
	}
}

// ratio compares a subject with the floor: the medians, and each counted run with the floor's of the same round.
func (r *Report) ratio(name string) (Ratio, bool) {
	of, floor := r.Medians[name][CPUPerDelivery].Median, r.Medians[subjectFloor][CPUPerDelivery].Median
	if of == 0 || floor == 0 {
		return Ratio{}, false
	}
	floors := make(map[int]float64)
	for _, run := range r.Runs {
		if run.Subject == subjectFloor && run.NotCounted == "" {
			floors[run.Round] = run.Metrics[CPUPerDelivery]
		}
	}
	var rounds []float64
	for _, run := range r.Runs {
		if run.Subject == name && run.NotCounted == "" && floors[run.Round] > 0 {
			rounds = append(rounds, run.Metrics[CPUPerDelivery]/floors[run.Round])
		}
	}
	return Ratio{of / floor, spreadOf(rounds)}, true
}

func spreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return Spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1]}
}
