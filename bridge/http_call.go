package bridge

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// httpCall is a call that came as an HTTP request: the [wire] of that call. connect reads and writes the protocol; the call
// runs in the request's goroutine, and what it ends with is written when the service's handler has returned.
type httpCall struct {
	handler *Handler
	http    *http.Request
	w       *pacedWriter
	body    *httpBody
	peer    *peer.Peer
	stream  *serverStream
	md      metadata.MD
	cancel  context.CancelFunc

	// Set by connect's side before run.
	request *bytesMessage                // of a call that takes one; nil once received
	conn    connect.StreamingHandlerConn // nil for unary calls
	single  bool                         // the call has one response, which connect sends when the handler has returned

	reply *bytesMessage // the one response; written by the sending goroutine

	mu     sync.Mutex
	status *status.Status // guarded by mu; what the call ended with; nil: it has not ended
}

type httpCallKey struct{}

func httpCallOf(ctx context.Context) *httpCall { return ctx.Value(httpCallKey{}).(*httpCall) }

func newHTTPCall(h *Handler, paced *pacedWriter, r *http.Request, m *method, codec codec, md metadata.MD) *httpCall {
	c := &httpCall{handler: h, http: r, w: paced, peer: peerOfRequest(r), md: md}
	c.body = &httpBody{ReadCloser: r.Body, control: paced.control, ended: c.ended}
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), httpCallKey{}, c))
	c.cancel = cancel
	c.stream = &serverStream{ctx: ctx, method: m, wire: c, codec: codec, maxSendMsgSize: h.config.maxSendMsgSize}
	md["content-type"] = []string{r.Header.Get("Content-Type")}
	return c
}

// serve answers the request on w, and returns when the service's handler has returned.
func (c *httpCall) serve(w http.ResponseWriter) {
	start := time.Now()
	defer c.cancel()
	defer c.handler.untrack(c)
	if !c.handler.track(c) {
		c.abandon(errDraining)
	}
	timeout := c.handler.config.firstFrameTimeout
	if c.stream.method.clientStreams() {
		timeout = 0
	}
	c.body.await(timeout)
	request := c.http.WithContext(c.stream.ctx)
	request.Body = c.body
	c.handler.http.of(c.stream.method).ServeHTTP(w, request)
	c.handler.config.logger.Debug("bridge: call ended", "method", c.stream.method.fullName, "code", c.code().String(),
		"peer", c.http.RemoteAddr, "duration", time.Since(start))
}

// code is what the call has ended with; that of one which connect refused is not known here.
func (c *httpCall) code() codes.Code {
	if st := c.ended(); st != nil {
		return st.Code()
	}
	return codes.InvalidArgument
}

// run runs the service's handler. The error is connect's.
func (c *httpCall) run(ctx context.Context) error {
	if c.ended() == nil {
		c.stream.ctx = c.newContext(ctx)
		stop := abandonAtDeadline(c.stream.ctx, c)
		st, _ := c.handler.invoke(c.stream) // over HTTP no handler detaches
		stop()
		if c.single && c.reply == nil && st.Code() == codes.OK {
			st = errNoResponse
		}
		c.setEnd(st)
	}
	c.body.finish()
	if info, ok := connect.CallInfoForHandlerContext(ctx); ok {
		header, trailer := c.stream.takeEnd()
		addMetadata(info.ResponseHeader(), header)
		addMetadata(info.ResponseTrailer(), trailer)
	}
	return connectError(c.ended())
}

var errNoResponse = status.New(codes.Internal, "cardinality violation: the service sent no response")

// runForOne is run for a call with one response.
func (c *httpCall) runForOne(ctx context.Context) (*connect.Response[bytesMessage], error) {
	c.single = true
	if err := c.run(ctx); err != nil {
		return nil, err
	}
	return connect.NewResponse(c.reply), nil
}

func (c *httpCall) newContext(ctx context.Context) context.Context {
	ctx = metadata.NewIncomingContext(peer.NewContext(ctx, c.peer), c.md)
	return grpc.NewContextWithServerTransportStream(ctx, transportStream{c.stream})
}

// recv implements [wire].
func (c *httpCall) recv() ([]byte, func(), error) {
	message := c.request
	switch {
	case message != nil:
		c.request = nil
	case !c.stream.method.clientStreams():
		return nil, nil, io.EOF
	default:
		message = new(bytesMessage)
		if err := c.conn.Receive(message); err != nil {
			return nil, nil, c.recvError(err)
		}
	}
	if message.data == nil && c.stream.codec.text() {
		return []byte("{}"), func() {}, nil
	}
	return message.data, func() {}, nil
}

// recvError ends the call unless err is the half-close.
func (c *httpCall) recvError(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	st := status.New(codes.Canceled, "the request was lost")
	var coded *connect.Error
	if errors.As(err, &coded) {
		st = status.New(codes.Code(coded.Code()), coded.Message())
	}
	c.end(st)
	return c.callError()
}

// callError is the error of a call that has ended, for its service.
func (c *httpCall) callError() error {
	return cmp.Or(c.ended().Err(), errCallEnded)
}

// send implements [wire].
func (c *httpCall) send(encoded payload) error {
	if c.ended() != nil {
		return c.callError()
	}
	message := &bytesMessage{encoded.data}
	if !c.single {
		defer encoded.free()
		return c.sent(c.conn.Send(message))
	}
	if c.reply != nil {
		return c.stream.fail(status.New(codes.Internal, "cardinality violation: the service sent a second response"))
	}
	c.reply = message
	return nil
}

// sendHeader implements [wire]. The headers of a call with one response go out with it: over HTTP/1.1 the server drops what is
// left of a request before it begins a response.
func (c *httpCall) sendHeader(md metadata.MD) error {
	info, ok := connect.CallInfoForHandlerContext(c.stream.ctx)
	if !ok {
		return nil
	}
	addMetadata(info.ResponseHeader(), md)
	if c.single {
		return nil
	}
	return c.sent(c.conn.Send(nil)) // nil: the headers alone
}

// sent turns the error of a write into what the service sees.
func (c *httpCall) sent(err error) error {
	if err == nil {
		return nil
	}
	c.end(status.New(codes.Canceled, "the connection was lost"))
	return status.Error(codes.Unavailable, "the connection was lost")
}

// end implements [wire]. A handler that still waits for a message goes on.
func (c *httpCall) end(st *status.Status) {
	if c.setEnd(st) && c.stream.method.clientStreams() {
		c.body.interrupt()
	}
}

// abandon is end for a call whose handler may still be sending: what is being written has to give way soon.
func (c *httpCall) abandon(st *status.Status) {
	if c.setEnd(st) {
		c.w.cutOff(closeTimeout)
		c.body.interrupt()
	}
}

// waits is false: a request that has not come yet has a time-out of its own.
func (c *httpCall) waits() bool { return false }

// setEnd keeps the first status a call ends with, which may be nil for OK; false if there was one.
func (c *httpCall) setEnd(st *status.Status) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status != nil {
		return false
	}
	c.status = cmp.Or(st, statusOK)
	c.cancel()
	return true
}

var statusOK = status.New(codes.OK, "")

func (c *httpCall) ended() *status.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

func peerOfRequest(r *http.Request) *peer.Peer {
	p := &peer.Peer{Addr: remoteAddrOf(r), AuthInfo: authInfoOf(r)}
	p.LocalAddr, _ = r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return p
}

func remoteAddrOf(r *http.Request) net.Addr {
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return net.TCPAddrFromAddrPort(addr)
	}
	return &net.UnixAddr{Name: r.RemoteAddr, Net: "unix"} // what a server of another kind calls it
}
