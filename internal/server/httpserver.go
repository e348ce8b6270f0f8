package server

import (
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
)

// Limits of the HTTP servers. A WebSocket leaves them with its upgrade, and the bridge has its own for calls over HTTP.
const (
	readHeaderTimeout = 10 * time.Second // a client that sends its header slower than this is not a browser
	readTimeout       = 30 * time.Second // of a whole request; none of ours has a body worth more
	writeTimeout      = 2 * time.Minute  // of a whole answer: the web app on a bad line
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
)

// newHTTPServer returns the server for browsers: handler answers everything.
func newHTTPServer(handler http.Handler, connections *prometheus.GaugeVec, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         countConnections(connections.WithLabelValues("http")),
		// Broken handshakes and the like: of interest to whoever looks for them.
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

// serveHTTP serves until web is told to stop, with TLS where it has a configuration for that.
func serveHTTP(web *http.Server, l net.Listener) error {
	if web.TLSConfig != nil {
		return web.ServeTLS(l, "", "")
	}
	return web.Serve(l)
}

// countConnections keeps a gauge of the connections that a server holds. See [http.ConnState]: each begins as new and
// ends as closed or hijacked.
func countConnections(open prometheus.Gauge) func(net.Conn, http.ConnState) {
	return func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Inc()
		case http.StateClosed, http.StateHijacked:
			open.Dec()
		}
	}
}

// rpcHandler is what [frontDoor] needs of a bridge.
type rpcHandler interface {
	http.Handler
	GetServiceInfo() map[string]grpc.ServiceInfo
}

// frontDoor sends a request where it belongs: WebSocket upgrades and the paths of RPCs, by whatever method, to rpcs, probes to
// the readiness, everything else to the web app.
func frontDoor(rpcs rpcHandler, app http.Handler, ready *readiness) http.Handler {
	services := rpcs.GetServiceInfo()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", serveLive)
	mux.Handle("GET /readyz", ready)
	mux.Handle("/", app)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service, method, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		_, known := services[service]
		// A call of a service that is not there, such as a mistyped one, is better answered by who knows services.
		mistyped := r.Method == http.MethodPost && strings.Contains(service, ".") && method != ""
		if known || mistyped || isUpgrade(r) {
			rpcs.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// isUpgrade reports whether r asks for a WebSocket (RFC 6455, section 4.1).
func isUpgrade(r *http.Request) bool {
	for _, value := range r.Header.Values("Upgrade") {
		if strings.EqualFold(strings.TrimSpace(value), "websocket") {
			return true
		}
	}
	return false
}
