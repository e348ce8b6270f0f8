package bridge

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// WithStatsHandler adds handlers of connection and call events, as [grpc.StatsHandler] does for a grpc.Server; OpenTelemetry's
// is one. They see the events of grpc-go in grpc-go's order. A connection is a socket: calls over HTTP belong to none here.
//
// Length is a message's own, in the encoding of the call; CompressedLength and WireLength are what it takes on the wire, without
// WebSocket's framing.
func WithStatsHandler(handlers ...stats.Handler) HandlerOption {
	return handlerOptionFunc(func(c *handlerConfig) error {
		for _, handler := range handlers {
			if handler == nil {
				return errors.New("nil stats handler")
			}
		}
		c.stats = append(c.stats, handlers...)
		return nil
	})
}

// statsHandlers are the stats.Handlers of a Handler.
type statsHandlers struct{ handlers []stats.Handler }

func newStatsHandlers(handlers []stats.Handler) *statsHandlers {
	if len(handlers) == 0 {
		return nil
	}
	return &statsHandlers{handlers}
}

func (s *statsHandlers) beginConn(ctx context.Context, p *peer.Peer) context.Context {
	for _, handler := range s.handlers {
		ctx = handler.TagConn(ctx, &stats.ConnTagInfo{RemoteAddr: p.Addr, LocalAddr: p.LocalAddr})
	}
	for _, handler := range s.handlers {
		handler.HandleConn(ctx, &stats.ConnBegin{})
	}
	return ctx
}

func (s *statsHandlers) endConn(ctx context.Context) {
	for _, handler := range s.handlers {
		handler.HandleConn(ctx, &stats.ConnEnd{})
	}
}

// callStats tells of one call. On nil all its methods do nothing.
type callStats struct {
	*statsHandlers
	ctx   context.Context // the call's, as the handlers have tagged it; not stored by anything that outlives the call
	begin time.Time
}

func (s *callStats) handle(event stats.RPCStats) {
	for _, handler := range s.handlers {
		handler.HandleRPC(s.ctx, event)
	}
}

// beginCall tags the call's context and tells of its request headers.
func (s *statsHandlers) beginCall(ctx context.Context, m *method) (context.Context, *callStats) {
	if s == nil {
		return ctx, nil
	}
	for _, handler := range s.handlers {
		ctx = handler.TagRPC(ctx, &stats.RPCTagInfo{FullMethodName: m.fullName})
	}
	call := &callStats{statsHandlers: s, ctx: ctx, begin: time.Now()}
	md, _ := metadata.FromIncomingContext(ctx)
	in := &stats.InHeader{FullMethod: m.fullName, Header: md}
	if p, ok := peer.FromContext(ctx); ok {
		in.RemoteAddr, in.LocalAddr = p.Addr, p.LocalAddr
	}
	call.handle(in)
	return ctx, call
}

// began tells that the service's handler is about to run.
func (s *callStats) began(m *method) {
	if s != nil {
		s.handle(&stats.Begin{BeginTime: s.begin, IsClientStream: m.clientStreams(), IsServerStream: m.serverStreams()})
	}
}

// wireSizes is a wire whose messages have another size than they have for the codec.
type wireSizes interface {
	// receivedBytes and sentBytes are the sizes of the last message received and sent.
	receivedBytes() int
	sentBytes() int
}

func (s *callStats) received(m any, length int, w wire) {
	if s == nil {
		return
	}
	size := length
	if sizes, ok := w.(wireSizes); ok {
		size = sizes.receivedBytes()
	}
	s.handle(&stats.InPayload{
		Payload: m, Length: length, CompressedLength: size, WireLength: size, RecvTime: time.Now(),
	})
}

func (s *callStats) sent(m any, length int, w wire) {
	if s == nil {
		return
	}
	size := length
	if sizes, ok := w.(wireSizes); ok {
		size = sizes.sentBytes()
	}
	s.handle(&stats.OutPayload{
		Payload: m, Length: length, CompressedLength: size, WireLength: size, SentTime: time.Now(),
	})
}

func (s *callStats) sentHeader(md metadata.MD) {
	if s != nil {
		s.handle(&stats.OutHeader{Header: md.Copy()})
	}
}

// ended tells of the call's end, after it was sent.
func (s *callStats) ended(st *status.Status, trailer metadata.MD) {
	if s == nil {
		return
	}
	s.handle(&stats.OutTrailer{Trailer: trailer.Copy()})
	s.handle(&stats.End{BeginTime: s.begin, EndTime: time.Now(), Error: st.Err()})
}
