package bridge

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// muxServer is the server's end of a socket in multiplexed mode: a [session] and the calls on it.
type muxServer struct {
	handler *Handler
	session *session
	request muxRequest
	peer    *peer.Peer
	ctx     context.Context // of all calls; ends with the connection
	cancel  context.CancelFunc
	calls   sync.WaitGroup // the goroutines of calls, and that of an AUTH

	// The reader's.
	resets bucket // calls that were reset or refused
	begun  int    // calls; for the log
	start  time.Time
	ended  func()

	mu        sync.Mutex // guards what follows; before the session's mu
	defaults  metadata.MD
	lastCall  uint32 // the last stream that was not refused
	leaving   bool   // GOAWAY was sent: no further calls
	verifying bool   // an AUTH is being answered
	age       *time.Timer
}

func newMuxServer(h *Handler, sock messageSocket, request muxRequest, p *peer.Peer) *muxServer {
	ctx, cancel := context.WithCancel(context.Background())
	m := &muxServer{
		handler: h, request: request, peer: p, ctx: peer.NewContext(ctx, p), cancel: cancel,
		resets: bucket{rate: h.config.mux.resets},
	}
	m.session = newSession(sock, h.config.sessionConfig(), m)
	return m
}

// serve begins the life of the socket, which goes on in goroutines of its own. At the end the socket is closed, the handlers of
// all calls have returned, and ended is called.
func (m *muxServer) serve(ended func()) {
	h := m.handler
	m.ended = ended
	if h.stats != nil {
		m.ctx = h.stats.beginConn(m.ctx, m.peer)
	}
	m.start = time.Now()
	if !h.trackSession(m) {
		m.goAway(h.drainNotice(0))
	}
	m.startAge()
	m.session.begin()
	go m.read(false)
}

// read is the main function of the goroutine that reads. A connection that is quiet has none, or where that cannot be a fresh one,
// whose stack is small.
func (m *muxServer) read(rested bool) {
	quiet, err := m.session.readFrames(rested)
	if !quiet {
		m.finish(m.session.finish(err))
		return
	}
	if !m.session.sock.park(m) {
		go m.await()
	}
}

// wakeUp implements [sleeper].
func (m *muxServer) wakeUp() { m.read(true) }

func (m *muxServer) await() {
	m.session.sock.rest()
	m.read(true)
}

// finish is called when the socket has ended.
func (m *muxServer) finish(err error) {
	h := m.handler
	defer m.ended()
	m.stopAge()
	m.cancel()
	m.calls.Wait()
	switch {
	case errors.Is(err, errStalled):
		h.stalled(h.config.mux.basePath, m.peer, err)
	case errors.Is(err, errSilent):
		h.silent(h.config.mux.basePath, m.peer)
	}
	h.config.logger.Debug("bridge: connection ended", "peer", m.peer.Addr.String(), "calls", m.begun, "err", err,
		"duration", time.Since(m.start))
	h.untrackSession(m)
	if h.stats != nil {
		h.stats.endConn(m.ctx)
	}
}

// settled implements [sessionEnd].
func (m *muxServer) settled(settings *bridgev1.Settings) error {
	md, err := metadataFromEntries(settings.GetMetadata(), m.handler.config.maxMetadataBytes)
	if err != nil {
		return protocolError("SETTINGS: %s", status.Convert(err).Message())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.defaults = md
	return nil
}

// accept implements [sessionEnd].
func (m *muxServer) accept(f muxFrame) error {
	switch f.kind {
	case kindOpen:
		return m.open(f)
	case kindAuth:
		return m.authenticate(f)
	case kindGoAway:
		return nil // the server opens no calls, so there are none to stop
	}
	return protocolError("%s from a client", f.kind)
}

// open begins a call, or refuses it.
func (m *muxServer) open(f muxFrame) error {
	if err := m.session.number(f.stream); err != nil {
		return err
	}
	open, message, err := f.splitOpen()
	if err != nil {
		return err
	}
	if f.flags&flagInline != 0 {
		if len(message) > int(m.session.config.settings.GetMaxChunkBytes()) {
			return protocolError("OPEN with a message of %d bytes", len(message))
		}
		if err := m.session.takeCredit(dataCost(len(message))); err != nil {
			return err
		}
	}
	call := newMuxCall(m, open)
	if refusal := m.enter(call, f.stream); refusal != nil {
		call.cancel() // or its context would be the connection's until that ends
		return m.refuse(f.stream, refusal)
	}
	if f.flags&flagInline != 0 {
		if err := m.session.deliver(call.stream, message, f.flags&^flagInline); err != nil {
			return err
		}
	} else if f.flags&flagEndSend != 0 {
		call.stream.in.end()
	}
	call.begin(open)
	if f.stream >= lastStreams {
		m.goAway(departure{reason: errUsedUp})
	}
	return nil
}

// lastStreams are numbers from which on a client should go on with another connection, before it runs out of them.
const lastStreams = 1 << 31

var errUsedUp = status.New(codes.Unavailable, "the connection's streams are used up")

// enter makes a call one of the session's streams, unless there can be none now.
func (m *muxServer) enter(call *muxCall, id uint32) *bridgev1.Reset {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.leaving:
		return &bridgev1.Reset{
			Code: int32(codes.Unavailable), Message: errDraining.Message(), NotProcessed: true,
		}
	case m.session.count() >= m.handler.config.mux.maxStreams:
		return &bridgev1.Reset{
			Code: int32(codes.ResourceExhausted), Message: "too many calls on this connection", NotProcessed: true,
		}
	}
	m.session.enter(call.stream, id)
	m.lastCall = id
	return nil
}

func (m *muxServer) refuse(id uint32, reset *bridgev1.Reset) error {
	if err := m.countReset(); err != nil {
		return err
	}
	return m.session.answer(muxFrame{kind: kindReset, stream: id, payload: marshalControl(reset)})
}

// countReset counts a call that cost work for nothing. The error is that there were too many: opening and resetting calls
// is cheap for a client and not for a server (CVE-2023-44487).
func (m *muxServer) countReset() error {
	if !m.resets.take(time.Now()) {
		return &connError{CloseTooMany, "too many calls were reset or refused"}
	}
	return nil
}

// callMetadata is the metadata of a call: what its OPEN says, before what SETTINGS or AUTH said for all calls, before what
// the handshake said.
func (m *muxServer) callMetadata(opened metadata.MD) metadata.MD {
	said := metadata.MD{}
	if m.request.token != "" {
		said["authorization"] = []string{"Bearer " + m.request.token}
	}
	m.mu.Lock()
	maps.Copy(said, m.defaults)
	m.mu.Unlock()
	maps.Copy(said, opened)
	m.handler.config.trusted.removeFrom(said)
	md := make(metadata.MD, len(m.request.header)+len(said)+1)
	maps.Copy(md, m.request.header)
	maps.Copy(md, said)
	return md
}

// departure is what a GOAWAY says.
type departure struct {
	reason       *status.Status
	reconnectMax time.Duration // the client waits a random time up to this before it connects again
	drain        time.Duration // how long running calls have; 0: not limited
}

// goAway takes no further calls and closes the connection when the last has ended.
func (m *muxServer) goAway(d departure) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.leaving {
		return
	}
	m.leaving = true
	m.session.sendControl(muxFrame{kind: kindGoAway, payload: marshalControl(&bridgev1.GoAway{
		LastStream:     m.lastCall,
		Message:        d.reason.Message(),
		ReconnectMaxMs: uint32(d.reconnectMax.Milliseconds()),
		DrainMs:        uint32(d.drain.Milliseconds()),
	})})
	m.session.close(closedWith(d.reason), closeWhenIdle)
}

// abandon ends all calls and closes the connection, once what ends them is written.
func (m *muxServer) abandon(st *status.Status) {
	m.goAway(departure{reason: st})
	for _, stream := range m.session.all() {
		stream.owner.(*muxCall).abandon(st)
	}
	m.session.close(closedWith(st), closeWhenWritten)
}

func closedWith(st *status.Status) *connError {
	return &connError{CloseCodeOf(st.Code()), st.Message()}
}

var errAged = status.New(codes.Unavailable, "the connection has reached its maximum age")

// startAge ends the connection when it is old, a little earlier or later than others.
func (m *muxServer) startAge() {
	c := &m.handler.config.mux
	if c.maxAge <= 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	jittered := c.maxAge - c.maxAge/10 + rand.N(c.maxAge/5+1)
	// Owner: the connection, which stops it. What it does takes no time.
	m.age = time.AfterFunc(jittered, m.grow)
}

// grow is called when the connection is old, and again when its calls have had their time.
func (m *muxServer) grow() {
	grace := m.handler.config.mux.maxAgeGrace
	m.mu.Lock()
	again := m.age != nil && grace > 0
	if again {
		m.age = time.AfterFunc(grace, func() { m.abandon(errAged) })
	}
	m.mu.Unlock()
	m.goAway(departure{reason: errAged, drain: grace})
}

func (m *muxServer) stopAge() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.age != nil {
		m.age.Stop()
		m.age = nil
	}
}
