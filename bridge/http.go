package bridge

import (
	"context"
	"net/http"

	"connectrpc.com/connect"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const helpText = `This is a bridge to gRPC services. A method, whose path is /package.Service/Method, is called over WebSocket
(one socket is one call, a text frame is one JSON message):
    new WebSocket(url)
and, as HTTP POST, by the Connect and gRPC-Web protocols:
    curl --json '{}' url
`

// httpHandlers speak Connect and gRPC-Web, one for each kind of call: which method is called they learn from the request's
// context. They carry bytes; the call's own codec makes messages of them, the same as in plain mode.
type httpHandlers struct {
	unary, client, server, bidi *connect.Handler
	errors                      *connect.ErrorWriter
}

// httpCompressMinBytes is from which size on a message is compressed, for clients that take gzip: below it, compressed is
// hardly smaller.
const httpCompressMinBytes = 1 << 10

func newHTTPHandlers(config *handlerConfig) *httpHandlers {
	options := connect.WithHandlerOptions(
		connect.WithCodec(bytesCodec("proto")),
		connect.WithCodec(bytesCodec("json")),
		connect.WithReadMaxBytes(config.maxRecvMsgSize),
		connect.WithCompressMinBytes(httpCompressMinBytes),
	)
	return &httpHandlers{
		unary:  connect.NewUnaryHandler("", serveHTTPUnary, options),
		client: connect.NewClientStreamHandler("", serveHTTPClientStream, options),
		server: connect.NewServerStreamHandler("", serveHTTPServerStream, options),
		bidi:   connect.NewBidiStreamHandler("", serveHTTPBidiStream, options),
		errors: connect.NewErrorWriter(options),
	}
}

// of returns the handler for calls of m.
func (h *httpHandlers) of(m *method) *connect.Handler {
	switch {
	case m.clientStreams() && m.serverStreams():
		return h.bidi
	case m.clientStreams():
		return h.client
	case m.serverStreams():
		return h.server
	}
	return h.unary
}

// serveHTTP answers a request that is no WebSocket handshake: a call if it is a POST.
//
// There is no GET, although Connect has one for methods without side effects: browsers send no Origin with it, so that a page
// which has pointed its own name at this server could read the answer.
func (h *Handler) serveHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		h.servePost(w, r)
	case http.MethodOptions:
		h.serveOptions(w, r)
	case http.MethodGet, http.MethodHead:
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		http.Error(w, helpText, http.StatusUpgradeRequired)
	default:
		w.Header().Set("Allow", httpMethods)
		http.Error(w, "a call is a POST", http.StatusMethodNotAllowed)
	}
}

// servePost serves one call and returns when its handler has returned.
func (h *Handler) servePost(w http.ResponseWriter, r *http.Request) {
	if !h.admitsPage(w, r) {
		return
	}
	showToPage(w.Header(), r)
	paced := newPacedWriter(w, h.config.writeTimeout, func(err error) { h.stalled(r.URL.Path, peerOfRequest(r), err) })
	defer paced.finish()
	w = paced
	format, ok := parseHTTPFormat(r.Header.Get("Content-Type"))
	if !ok {
		refuseMediaType(w, "The Content-Type has to be that of Connect or of gRPC-Web.\n"+helpText)
		return
	}
	if format.base64 {
		text := &webTextWriter{ResponseWriter: paced}
		defer text.finish()
		w, r.Body = text, newWebTextBody(r.Body)
	}
	r.Header.Set("Content-Type", format.contentType)
	if refused := h.admit(); refused != "" {
		h.counters.refused.Add(1)
		h.config.logger.Debug("bridge: refused a call", "reason", refused, "peer", r.RemoteAddr)
		w.Header().Set("Retry-After", "1")
		h.writeHTTPStatus(w, r, status.New(codes.Unavailable, refused))
		return
	}
	defer h.leave()
	h.countHTTP(1)
	defer h.countHTTP(-1)

	m, unknown := h.lookup(r.URL.Path)
	if m == nil {
		if format.connect && !format.envelopes {
			w = notFoundWriter{w}
		}
		h.writeHTTPStatus(w, r, status.New(codes.Unimplemented, unknown))
		return
	}
	m, err := m.resolved(r.Context())
	if err != nil {
		h.writeHTTPStatus(w, r, status.Convert(err))
		return
	}
	if !format.fits(w, r, m) {
		return
	}
	md, err := metadataOfRequest(r, h.config.maxMetadataBytes)
	if err != nil {
		h.writeHTTPStatus(w, r, status.Convert(err))
		return
	}
	h.config.trusted.copyFrom(md, r)
	newHTTPCall(h, paced, r, m, format.codec, md).serve(w)
}

func (h *Handler) countHTTP(n int) {
	h.mu.Lock()
	h.overHTTP += n
	h.mu.Unlock()
}

// writeHTTPStatus answers a call that does not begin.
func (h *Handler) writeHTTPStatus(w http.ResponseWriter, r *http.Request, st *status.Status) {
	if err := h.http.errors.Write(w, r, connectError(st)); err != nil {
		h.config.logger.Debug("bridge: could not answer a call", "err", err, "peer", r.RemoteAddr)
	}
}

// notFoundWriter answers with 404 whatever it is told: in unary Connect a path that is no method's is UNIMPLEMENTED by that,
// and 501 is a method's own UNIMPLEMENTED.
type notFoundWriter struct{ http.ResponseWriter }

func (w notFoundWriter) WriteHeader(int) { w.ResponseWriter.WriteHeader(http.StatusNotFound) }

// The four ways in which connect calls a handler. All come to run; they differ in who holds the request's message and the
// response's.

func serveHTTPUnary(ctx context.Context, request *connect.Request[bytesMessage]) (*connect.Response[bytesMessage], error) {
	c := httpCallOf(ctx)
	c.request = request.Msg
	return c.runForOne(ctx)
}

func serveHTTPClientStream(ctx context.Context, stream *connect.ClientStream[bytesMessage]) (*connect.Response[bytesMessage], error) {
	c := httpCallOf(ctx)
	c.conn = stream.Conn()
	return c.runForOne(ctx)
}

func serveHTTPServerStream(ctx context.Context, request *connect.Request[bytesMessage], stream *connect.ServerStream[bytesMessage]) error {
	c := httpCallOf(ctx)
	c.request, c.conn = request.Msg, stream.Conn()
	return c.run(ctx)
}

func serveHTTPBidiStream(ctx context.Context, stream *connect.BidiStream[bytesMessage, bytesMessage]) error {
	c := httpCallOf(ctx)
	c.conn = stream.Conn()
	return c.run(ctx)
}
