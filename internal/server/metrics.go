package server

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/rialto-rpc/rialto/bridge"
	"github.com/rialto-rpc/rialto/internal/chat"
)

// metrics are what a server counts, in a registry of its own. Safe for concurrent use.
type metrics struct {
	registry *prometheus.Registry

	rpcsStarted  *prometheus.CounterVec   // wire, method
	rpcsEnded    *prometheus.CounterVec   // wire, method, code
	rpcsActive   *prometheus.GaugeVec     // wire, method
	rpcMessages  *prometheus.CounterVec   // wire, method, direction
	unarySeconds *prometheus.HistogramVec // wire, method

	connections *prometheus.GaugeVec // port

	// Of a store; set by addStore.
	applySeconds  prometheus.Histogram
	commitSeconds prometheus.Histogram
	commitRecords prometheus.Histogram
	records       *prometheus.CounterVec // verdict
	changes       *prometheus.CounterVec // kind
}

// newMetrics returns what any server counts.
func newMetrics(version string) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),

		rpcsStarted: counters("rpcs_started_total", "RPCs that began.", "wire", "method"),
		rpcsEnded:   counters("rpcs_ended_total", "RPCs that ended, by status code.", "wire", "method", "code"),
		rpcsActive:  gauges("rpcs_active", "RPCs running now: for Connect, the sessions.", "wire", "method"),
		rpcMessages: counters("rpc_messages_total", "Messages of streaming RPCs.", "wire", "method", "direction"),
		unarySeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "rpc_unary_seconds", Help: "Duration of unary RPCs.", Buckets: secondsBuckets(),
		}, []string{"wire", "method"}),

		connections: gauges("connections", "Connections open now; a WebSocket is counted in websockets_open instead.", "port"),
	}
	build := gauges("build_info", "What this binary was built from.", "version", "go_version")
	build.WithLabelValues(version, runtime.Version()).Set(1)
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build,
		m.rpcsStarted, m.rpcsEnded, m.rpcsActive, m.rpcMessages, m.unarySeconds, m.connections,
	)
	return m
}

// addStore adds what a server with a store counts.
func (m *metrics) addStore() {
	// Commits are grouped in powers of two up to the local sequencer's largest batch.
	batchBuckets := prometheus.ExponentialBuckets(1, 2, 10)
	m.applySeconds = histogram("apply_seconds", "Time to decide one batch of records.", secondsBuckets())
	m.commitSeconds = histogram("commit_seconds", "Time to make one batch durable and visible.", secondsBuckets())
	m.commitRecords = histogram("commit_records", "Records in one batch.", batchBuckets)
	m.records = counters("records_total", "Records decided, by verdict.", "verdict")
	m.changes = counters("changes_total", "Visible changes of rooms, by kind.", "kind")
	m.registry.MustRegister(m.applySeconds, m.commitSeconds, m.commitRecords, m.records, m.changes)
}

// secondsBuckets go from 50 us, less than an fsync, to 3 s in steps of about two.
func secondsBuckets() []float64 { return prometheus.ExponentialBuckets(50e-6, 2, 17) }

const namespace = "rialto"

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
}

// watchChat shows what the chat service counts.
func (m *metrics) watchChat(c *chat.Service) {
	m.gaugeFunc("chat_sessions", "Streams of Connect and Subscribe now.",
		func() float64 { return float64(c.Stats().Sessions) })
	m.gaugeFunc("chat_rooms_live", "Rooms that somebody follows now.",
		func() float64 { return float64(c.Stats().Rooms) })
	m.counterFunc("chat_responses_sent_total", "Responses written to sessions.",
		func() float64 { return float64(c.Stats().Responses) })
	m.counterFunc("chat_replies_sent_total", "Replies in them.",
		func() float64 { return float64(c.Stats().Replies) })
	m.counterFunc("chat_events_sent_total", "Events in them: one for each receiver.",
		func() float64 { return float64(c.Stats().Events) })
}

// watchDelivery shows what keeps slow clients apart from the others.
func (m *metrics) watchDelivery(c *chat.Service) {
	m.counterFunc("chat_sessions_stalled_total", "Streams of Connect and Subscribe ended because their client took nothing for --write-timeout.",
		func() float64 { return float64(c.Stats().Stalled) })
	m.gaugeFunc("chat_memory_bytes", "What rooms keep of their newest events, and of older ones for sessions that lag.",
		func() float64 { return float64(c.Stats().Memory) })
}

// watchLimits shows what was refused because there was too much of it.
func (m *metrics) watchLimits(c *chat.Service, s *sockets) {
	for l := range c.Limits() {
		refused := func() float64 { return float64(c.Refused(l)) }
		if l == chat.AddressConnections {
			refused = func() float64 { return float64(c.Refused(l) + s.refused.Load()) }
		}
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: namespace, Name: "limits_refused_total", Help: "What was refused because a limit was reached.",
			ConstLabels: prometheus.Labels{"limit": l.String()},
		}, refused))
	}
}

// watchBridge shows what the bridge counts.
func (m *metrics) watchBridge(b *bridge.Handler) {
	m.gaugeFunc("websockets_open", "WebSockets open now.",
		func() float64 { return float64(b.Stats().Open) })
	m.counterFunc("websockets_accepted_total", "WebSockets opened.",
		func() float64 { return float64(b.Stats().Accepted) })
	m.counterFunc("websockets_refused_total", "Upgrades, and calls over HTTP, refused: origin, host, drain or --max-connections.",
		func() float64 { return float64(b.Stats().Refused) })
	m.counterFunc("websockets_stalled_total", "WebSockets, and calls over HTTP, cut because their peer took nothing for --write-timeout.",
		func() float64 { return float64(b.Stats().Stalled) })
	m.counterFunc("websockets_silent_total", "WebSockets cut because their peer did not answer the heartbeat.",
		func() float64 { return float64(b.Stats().Silent) })
}

// gaugeFunc and counterFunc register numbers that another part keeps, read when somebody asks.
func (m *metrics) gaugeFunc(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, value))
}

func (m *metrics) counterFunc(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(
		prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, value))
}
