package bridge

import (
	"fmt"
	"net/http"
	"sync"

	"google.golang.org/grpc"
)

// Handler serves gRPC services over WebSocket, in process. It is safe for concurrent use, except that services are
// registered before the first request.
type Handler struct {
	config    handlerConfig
	unaryInt  grpc.UnaryServerInterceptor  // nil: none
	streamInt grpc.StreamServerInterceptor // nil: none
	http      *httpHandlers
	stats     *statsHandlers // nil: none

	counters counters
	parking  parking

	mu       sync.Mutex            // guards what follows
	services map[string]*service   // written before serving only
	serving  bool                  // a request has been seen: services are fixed
	draining bool                  // no further sockets
	open     int                   // sockets, from before the upgrade until their goroutines have ended, and calls over HTTP
	overHTTP int                   // those of open that are calls over HTTP
	calls    map[openCall]struct{} // those that Drain has to end
	sessions map[*muxServer]struct{}
	active   sync.WaitGroup // one for each open; nothing is added while draining
}

var (
	_ grpc.ServiceRegistrar = (*Handler)(nil)
	_ http.Handler          = (*Handler)(nil)
)

// NewHandler returns a handler without services. Without options it is safe to expose: same-origin pages only, with limits
// on sizes and times. The error names the option that has a bad value.
func NewHandler(opts ...HandlerOption) (*Handler, error) {
	config := defaultHandlerConfig()
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt.apply(&config); err != nil {
			return nil, fmt.Errorf("bridge: %w", err)
		}
	}
	config.upstream.configure(&config)
	return &Handler{
		config:    config,
		unaryInt:  chainUnary(config.unaryInterceptors),
		streamInt: chainStream(config.streamInterceptors),
		http:      newHTTPHandlers(&config),
		services:  make(map[string]*service),
		calls:     make(map[openCall]struct{}),
		sessions:  make(map[*muxServer]struct{}),
		stats:     newStatsHandlers(config.stats),
	}, nil
}

// admit counts a socket that is about to be opened; the caller calls leave when its goroutines have ended. A refusal, when
// there can be no further socket now, says why and is otherwise empty.
func (h *Handler) admit() (refusal string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.serving = true
	switch {
	case h.draining:
		return "the server is going away"
	case h.config.maxConnections > 0 && h.open >= h.config.maxConnections:
		return "too many connections"
	}
	h.open++
	h.active.Add(1)
	return ""
}

func (h *Handler) leave() {
	h.mu.Lock()
	h.open--
	h.mu.Unlock()
	h.active.Done()
}

// track makes c one of the calls that Drain ends; false while draining, when c has to end at once.
func (h *Handler) track(c openCall) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls[c] = struct{}{}
	return !h.draining
}

// begin notes that the service's handler is about to run for c. False while draining: c has to end instead.
func (h *Handler) begin(c *plainCall) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.begun = !h.draining
	return c.begun
}

func (h *Handler) untrack(c openCall) {
	h.mu.Lock()
	delete(h.calls, c)
	h.mu.Unlock()
}
