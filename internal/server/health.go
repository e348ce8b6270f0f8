package server

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
)

// registerStandard registers health and reflection and says SERVING for every service that target has by then, and for
// the server as a whole.
func registerStandard(target reflection.GRPCServer, h *health.Server) {
	healthgrpc.RegisterHealthServer(target, h)
	reflection.Register(target)
	h.SetServingStatus("", healthgrpc.HealthCheckResponse_SERVING)
	for service := range target.GetServiceInfo() {
		h.SetServingStatus(service, healthgrpc.HealthCheckResponse_SERVING)
	}
}

// endWatches returns an interceptor that ends health watches with UNAVAILABLE when drained ends. Their clients would
// otherwise hold a server that wants to stop until its deadline.
func endWatches(drained context.Context) grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if info.FullMethod != healthgrpc.Health_Watch_FullMethodName {
			return handler(srv, ss)
		}
		ctx, cancel := context.WithCancel(ss.Context())
		defer cancel()
		defer context.AfterFunc(drained, cancel)()
		err := handler(srv, &watchStream{ss, ctx})
		if drained.Err() != nil {
			return status.Error(codes.Unavailable, "the server is going away")
		}
		return err
	}
}

// watchStream is a stream that ends early. It is a per-RPC object, hence the stored context.
type watchStream struct {
	grpc.ServerStream
	ctx context.Context
}

// Context returns the stream's context, which also ends when the server drains.
func (s *watchStream) Context() context.Context { return s.ctx }
