package bridge_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
)

// telemetry is what OpenTelemetry was told of a server.
type telemetry struct {
	spans   *tracetest.SpanRecorder
	metrics *metric.ManualReader
}

func newTelemetry() (*telemetry, stats.Handler) {
	o := &telemetry{tracetest.NewSpanRecorder(), metric.NewManualReader()}
	return o, otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(trace.NewTracerProvider(trace.WithSpanProcessor(o.spans))),
		otelgrpc.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(o.metrics))),
		otelgrpc.WithPropagators(propagation.TraceContext{}),
		otelgrpc.WithMessageEvents(otelgrpc.ReceivedEvents, otelgrpc.SentEvents),
	)
}

// ownAttributes are those in which two servers differ.
var ownAttributes = map[attribute.Key]bool{
	"server.address": true, "server.port": true, "client.address": true, "client.port": true,
	"network.peer.address": true, "network.peer.port": true,
}

// lines are what the spans and metrics say, without what differs between two runs.
func (o *telemetry) lines(t *testing.T) (spans, metrics []string) {
	t.Helper()
	for _, span := range o.spans.Ended() {
		line := fmt.Sprintf("%s %v trace %v parent %v status %v%v",
			span.Name(), span.SpanKind(), span.SpanContext().TraceID(), span.Parent().SpanID(), span.Status(), attributes(span.Attributes()))
		for _, event := range span.Events() {
			line += fmt.Sprintf(" [%s%v]", event.Name, attributes(event.Attributes))
		}
		spans = append(spans, line)
	}
	var all metricdata.ResourceMetrics
	if err := o.metrics.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Histogram[int64]:
				for _, p := range data.DataPoints {
					metrics = append(metrics, fmt.Sprintf("%s %s%v: %d, sum %d", m.Name, m.Unit, attributes(p.Attributes.ToSlice()), p.Count, p.Sum))
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					metrics = append(metrics, fmt.Sprintf("%s %s%v: %d", m.Name, m.Unit, attributes(p.Attributes.ToSlice()), p.Count))
				}
			default:
				t.Errorf("%s is a %T", m.Name, m.Data)
			}
		}
	}
	slices.Sort(spans)
	slices.Sort(metrics)
	return spans, metrics
}

func attributes(all []attribute.KeyValue) string {
	set := map[attribute.Key]string{}
	for _, a := range all {
		if !ownAttributes[a.Key] {
			set[a.Key] = a.Value.String()
		}
	}
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(set)) {
		fmt.Fprintf(&b, " %s=%s", key, set[key])
	}
	return b.String()
}

// OpenTelemetry's handler makes of the bridge's calls the traces and metrics that it makes of a grpc.Server's: the same names,
// kinds, parents, codes, counts and sizes.
func TestOpenTelemetry(t *testing.T) {
	t.Parallel()
	echo := &echoServer{input: func(testgrpc.TestService_StreamingInputCallServer) error {
		return status.Error(codes.NotFound, "nothing here")
	}}
	seen := map[string][2][]string{}
	for name, dial := range map[string]func(...stats.Handler) grpc.ClientConnInterface{
		"bridge": func(handlers ...stats.Handler) grpc.ClientConnInterface {
			return dialServer(t, serve(t, echo, bridge.WithStatsHandler(handlers...)))
		},
		"grpc.Server": func(handlers ...stats.Handler) grpc.ClientConnInterface {
			return dialNativeWith(t, echo, grpc.StatsHandler(handlers[0]), grpc.StatsHandler(handlers[1]))
		},
	} {
		o, handler := newTelemetry()
		log := newEventLog() // tells of the end of each call after OpenTelemetry was told
		makeEveryCall(t, log, dial(handler, log))
		spans, metrics := o.lines(t)
		seen[name] = [2][]string{spans, metrics}
	}
	for i, what := range []string{"spans", "metrics"} {
		if got, want := seen["bridge"][i], seen["grpc.Server"][i]; !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	for what, want := range map[string]string{
		"a span":        "grpc.testing.TestService/FullDuplexCall server trace " + traceID,
		"its parent":    " parent " + parentID + " status",
		"sent messages": "rpc.message.type=SENT rpc.message.uncompressed_size=9",
		"a code":        "rpc.response.status_code=NOT_FOUND",
	} {
		if !strings.Contains(strings.Join(seen["bridge"][0], "\n"), want) {
			t.Errorf("%s: no span has %q", what, want)
		}
	}
	sizes := "rpc.server.request.size By rpc.method=grpc.testing.TestService/FullDuplexCall rpc.system.name=grpc: 2, sum 18"
	if !slices.Contains(seen["bridge"][1], sizes) {
		t.Errorf("no metric is %q", sizes)
	}
}
