package bridge

import (
	"errors"
	"net/http"

	"github.com/gorilla/websocket"
)

// muxReadBufferBytes is larger than plain mode's: a multiplexed socket carries many short frames, and there are fewer of them.
const muxReadBufferBytes = 16 << 10

var muxReadBuffers = bufferPool{bytes: muxReadBufferBytes}

// muxRequest is what the handshake says about a multiplexed connection.
type muxRequest struct {
	header handshakeMetadata
	token  string
}

var errNoMultiplexed = errors.New("this path is for the subprotocol " + SubprotocolMultiplexed + "; a method's own path takes one call a socket")

// isMux reports whether a request asks for multiplexed mode.
func (h *Handler) isMux(r *http.Request) bool { return r.URL.Path == h.config.mux.basePath }

// serveMux turns a handshake at the base path into a multiplexed connection and returns; the connection goes on in
// goroutines of its own, which [Handler.Drain] waits for.
func (h *Handler) serveMux(w http.ResponseWriter, r *http.Request) {
	offer, err := parseOffer(r.Header)
	if err == nil && !offer.mux {
		err = errNoMultiplexed
	}
	if err == nil {
		err = offer.tokenErr
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	request := muxRequest{header: metadataOfHandshake(r), token: offer.token}
	h.config.trusted.copyFrom(request.header, r)
	if !h.admitSocket(w, r) {
		return
	}
	sock, err := h.upgradeMux(w, r)
	if err != nil {
		h.config.logger.Debug("bridge: handshake failed", "err", err, "peer", r.RemoteAddr)
		h.leave()
		return
	}
	h.counters.accepted.Add(1)
	p := peerOf(sock.socket, r)
	server := newMuxServer(h, sock, request, &p)
	server.serve(h.leave)
}

func (h *Handler) upgradeMux(w http.ResponseWriter, r *http.Request) (*muxSocket, error) {
	upgrader := websocket.Upgrader{
		WriteBufferSize:   writeBufferBytes,
		WriteBufferPool:   &writeBuffers,
		CheckOrigin:       func(*http.Request) bool { return true }, // checked before, with an answer that says more
		EnableCompression: false,                                    // messages may be compressed one by one
	}
	accepted := new(serverSocket)
	hijacker := &meteringHijacker{w, h.config.writeTimeout, &muxReadBuffers, &h.parking, accepted}
	ws, err := upgrader.Upgrade(hijacker, r, http.Header{"Sec-Websocket-Protocol": {SubprotocolMultiplexed}})
	if err != nil {
		return nil, err
	}
	accepted.init(ws, &accepted.metered, &accepted.reading)
	return newMuxSocket(&accepted.socket, false), nil
}
