package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	metricpb "github.com/prometheus/client_model/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const testMethod = "/test.Service/Method"

// fakeStream is a call without a transport.
type fakeStream struct {
	grpc.ServerStream
	ctx      context.Context
	requests int
}

func (s *fakeStream) Context() context.Context { return s.ctx }

func (s *fakeStream) RecvMsg(any) error {
	if s.requests == 0 {
		return io.EOF
	}
	s.requests--
	return nil
}

func (s *fakeStream) SendMsg(any) error { return nil }

func newObserver(log io.Writer) *observer {
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return &observer{wireOf: overGRPC, metrics: newMetrics("test"), logger: logger}
}

// valueOf reads a counter or a gauge.
func valueOf(t testing.TB, metric prometheus.Metric) float64 {
	t.Helper()
	var m metricpb.Metric
	if err := metric.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue() + m.GetGauge().GetValue()
}

func TestObserverContainsPanics(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o := newObserver(&log)
	_, err := o.unary(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: testMethod}, func(context.Context, any) (any, error) {
		panic("what somebody wrote")
	})
	streamErr := o.stream(nil, &fakeStream{ctx: t.Context()}, &grpc.StreamServerInfo{FullMethod: testMethod},
		func(any, grpc.ServerStream) error { panic("what somebody wrote") })
	for _, err := range []error{err, streamErr} {
		if status.Code(err) != codes.Internal {
			t.Errorf("a panic became %v, want INTERNAL", err)
		}
	}
	if strings.Contains(log.String(), "what somebody wrote") {
		t.Error("the panic's value is in the log")
	}
	if strings.Count(log.String(), "interceptors_test.go") == 0 {
		t.Errorf("the log does not say where it happened:\n%s", log.String())
	}
	if got := valueOf(t, o.metrics.rpcsEnded.WithLabelValues("grpc", testMethod, "Internal")); got != 2 {
		t.Errorf("%v RPCs ended with INTERNAL, want 2", got)
	}
	if got := valueOf(t, o.metrics.rpcsActive.WithLabelValues("grpc", testMethod)); got != 0 {
		t.Errorf("%v RPCs are active, want 0", got)
	}
}

func TestObserverCountsMessages(t *testing.T) {
	t.Parallel()
	o := newObserver(io.Discard)
	err := o.stream(nil, &fakeStream{ctx: t.Context(), requests: 3}, &grpc.StreamServerInfo{FullMethod: testMethod},
		func(_ any, ss grpc.ServerStream) error {
			for ss.RecvMsg(nil) == nil {
			}
			return errors.Join(ss.SendMsg(nil), ss.SendMsg(nil))
		})
	if err != nil {
		t.Fatal(err)
	}
	for direction, want := range map[string]float64{"received": 3, "sent": 2} {
		if got := valueOf(t, o.metrics.rpcMessages.WithLabelValues("grpc", testMethod, direction)); got != want {
			t.Errorf("%s = %v, want %v", direction, got, want)
		}
	}
}

func TestObserverNamesCodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want codes.Code
	}{
		{nil, codes.OK},
		{status.Error(codes.NotFound, ""), codes.NotFound},
		{context.Canceled, codes.Canceled},
		{context.DeadlineExceeded, codes.DeadlineExceeded},
		{errors.New("plain"), codes.Unknown},
	} {
		if got := codeOf(tt.err); got != tt.want {
			t.Errorf("codeOf(%v) = %v, want %v", tt.err, got, tt.want)
		}
	}
}
