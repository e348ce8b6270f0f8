package bridge

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

const (
	readBufferBytes  = 512 // larger messages are read past the buffer
	writeBufferBytes = 16 << 10
)

var (
	readBuffers  = bufferPool{bytes: readBufferBytes}
	writeBuffers sync.Pool // of gorilla's write buffers, all of one size
)

// ServeHTTP turns a WebSocket handshake on a gRPC path into a call and returns; the call goes on in a goroutine of its own,
// which [Handler.Drain] waits for.
//
// What a browser's script needs to know comes as a close code after the upgrade. What is answered before it: 403 for a page
// that may not connect, 400 for an unknown encoding or a malformed handshake, 503 while draining or over the connection limit.
//
// A POST that is no handshake is a call by Connect or gRPC-Web, and ServeHTTP returns when it has ended. A GET is answered with
// 426 and a text that says what this is.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !websocket.IsWebSocketUpgrade(r) {
		h.serveHTTP(w, r)
		return
	}
	if !h.admitsPage(w, r) {
		return
	}
	if h.isMux(r) {
		h.serveMux(w, r)
		return
	}
	request, err := h.parseRequest(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !h.admitSocket(w, r) {
		return
	}
	call := newPlainCall(h, request)
	if err := h.upgrade(w, r, request, &call.sock); err != nil {
		h.config.logger.Debug("bridge: handshake failed", "err", err, "peer", r.RemoteAddr)
		h.leave()
		return
	}
	h.counters.accepted.Add(1)
	call.connected(r)
	// Owner: the handler. Ends when the call's handler has returned and the socket is closed, or when another goroutine goes
	// on with the call. Drain waits until the call has left.
	go call.serve()
}

// admitSocket counts a socket, or answers that there can be no further one now.
func (h *Handler) admitSocket(w http.ResponseWriter, r *http.Request) bool {
	refused := h.admit()
	if refused == "" {
		return true
	}
	h.counters.refused.Add(1)
	h.config.logger.Debug("bridge: refused a connection", "reason", refused, "peer", r.RemoteAddr)
	w.Header().Set("Retry-After", "1")
	http.Error(w, refused, http.StatusServiceUnavailable)
	return false
}

// plainRequest is what the handshake says about a call.
type plainRequest struct {
	path   string
	header handshakeMetadata
	codec  codec // nil: the first frame decides, and starts the call
	offer  offer
}

func (h *Handler) parseRequest(r *http.Request) (plainRequest, error) {
	request := plainRequest{path: r.URL.Path}
	if query := r.URL.Query(); query.Has("encoding") {
		var known bool
		if request.codec, known = codecNamed(query.Get("encoding")); !known {
			return plainRequest{}, fmt.Errorf("unknown encoding %q: want json or proto", cut(query.Get("encoding"), 32))
		}
	}
	var err error
	if request.offer, err = parseOffer(r.Header); err != nil {
		return plainRequest{}, err
	}
	request.header = metadataOfHandshake(r)
	h.config.trusted.copyFrom(request.header, r)
	return request, nil
}

func (h *Handler) upgrade(w http.ResponseWriter, r *http.Request, request plainRequest, sock *serverSocket) error {
	upgrader := websocket.Upgrader{
		WriteBufferSize: writeBufferBytes,
		WriteBufferPool: &writeBuffers,
		CheckOrigin:     func(*http.Request) bool { return true }, // checked before, with an answer that says more
		// Safe also when it is on: read bounds a message by what it is after decompression, unlike gorilla's own limit.
		EnableCompression: h.config.frameCompression && !request.offer.improbable,
	}
	header := http.Header{}
	if request.offer.improbable {
		header.Set("Sec-Websocket-Protocol", SubprotocolImprobable)
	}
	if request.offer.plain {
		header.Set("Sec-Websocket-Protocol", SubprotocolPlain) // never what else was offered: it may be a token
	}
	ws, err := upgrader.Upgrade(&meteringHijacker{w, h.config.writeTimeout, &readBuffers, &h.parking, sock}, r, header)
	if err != nil {
		return err
	}
	sock.init(ws, &sock.metered, &sock.reading)
	sock.deflates = upgrader.EnableCompression
	return nil
}

// serverSocket is an accepted socket with what belongs to it, in one piece of memory.
type serverSocket struct {
	socket
	metered meteredConn
	reading readBuffer
}

// meteringHijacker puts a meteredConn between gorilla and the connection it takes over, and gives it a buffer of ours.
type meteringHijacker struct {
	http.ResponseWriter
	writeTimeout time.Duration
	buffers      *bufferPool
	parking      *parking
	sock         *serverSocket // Hijack sets its metered and reading
}

func (h *meteringHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	metered, reading := &h.sock.metered, &h.sock.reading
	metered.Conn, metered.writeTimeout = conn, h.writeTimeout
	if canPark(conn) {
		metered.parking = h.parking
	}
	if rw.Reader.Buffered() > 0 {
		return metered, rw, nil // the client did not wait for the handshake, and gorilla refuses it
	}
	reading.conn, reading.pool = metered, h.buffers
	reading.hold()
	return metered, bufio.NewReadWriter(&reading.reader, rw.Writer), nil
}

// peerOf returns whom a request says it comes from: the connection's other end, unless what knows the proxies in front of the
// handler has set [http.Request.RemoteAddr].
func peerOf(sock *socket, r *http.Request) peer.Peer {
	p := peer.Peer{Addr: sock.conn.RemoteAddr(), LocalAddr: sock.conn.LocalAddr(), AuthInfo: authInfoOf(r)}
	if r.RemoteAddr != p.Addr.String() {
		p.Addr = remoteAddrOf(r)
	}
	return p
}

// authInfoOf returns what is known of the peer by TLS; nil without TLS.
func authInfoOf(r *http.Request) credentials.AuthInfo {
	if r.TLS == nil {
		return nil
	}
	return credentials.TLSInfo{
		State:          *r.TLS,
		CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
	}
}

var errDraining = status.New(codes.Unavailable, "the server is going away")
