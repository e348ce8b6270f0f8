package bridge

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// link is one socket of a [ClientConn]: the client's end of its session.
type link struct {
	cc      *ClientConn
	session *session
	peer    *peer.Peer

	// Guarded by the ClientConn's mu.
	calls    int // that were picked for it and have not ended
	maxCalls int

	mu       sync.Mutex            // guards what follows; before the session's mu
	attempts map[*attempt]struct{} // those that have not ended
	greeted  bool                  // the server's SETTINGS have come
	leaving  bool                  // no further calls: GOAWAY came, or the socket has ended
}

func newLink(cc *ClientConn, sock messageSocket, p *peer.Peer) *link {
	l := &link{cc: cc, peer: p, maxCalls: startMaxStreams, attempts: make(map[*attempt]struct{})}
	l.session = newSession(sock, cc.config.sessionConfig(), l)
	return l
}

// sessionConfig is what the client's sessions are made with. What a message may be long is each call's own limit, and memory is
// bounded by what the program calls at once; so there is no limit on assembly.
func (c *dialConfig) sessionConfig() sessionConfig {
	return sessionConfig{
		settings: &bridgev1.Settings{
			StreamWindowBytes:     uint32(c.streamWindow),
			ConnectionWindowBytes: uint32(c.connectionWindow),
			MaxChunkBytes:         startChunkBytes,
			MaxMetadataBytes:      maxControlBytes,
			Encodings:             supportedEncodings,
			PingIntervalMs:        uint32(c.heartbeat.Milliseconds()),
		},
		maxRecvMsgSize:    defaultCallMaxRecvBytes,
		maxAssemblyBytes:  maxClientAssemblyBytes,
		maxControlFrames:  maxControlFrames,
		maxPings:          maxPings,
		heartbeat:         c.heartbeat,
		firstFrameTimeout: c.connectTimeout,
	}
}

const maxClientAssemblyBytes = 1 << 62

// run serves the socket until it ends.
func (l *link) run() {
	err := l.session.run()
	l.retire(err)
	l.loseCalls(err)
	l.cc.removed(l)
}

// retire is called when the socket ends. One that ended before the server's SETTINGS counts as a failed try to connect.
func (l *link) retire(cause error) {
	l.mu.Lock()
	greeted := l.greeted
	l.leaving = true
	l.mu.Unlock()
	if greeted {
		l.cc.retire(l, nil, 0)
	} else {
		l.cc.retire(l, errors.New(lostStatus(cause).Message()), 0)
	}
}

// loseCalls ends the calls that the session does not know of yet, and which so were surely not begun.
func (l *link) loseCalls(cause error) {
	st := lostStatus(cause)
	for _, a := range l.all() {
		if a.stream.stop(st.Err()) {
			a.end(outcome{status: st, unprocessed: true})
		}
	}
}

func (l *link) all() []*attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leaving = true
	attempts := make([]*attempt, 0, len(l.attempts))
	for a := range l.attempts {
		attempts = append(attempts, a)
	}
	return attempts
}

// enter makes a one of the link's calls; false if the link takes no more.
func (l *link) enter(a *attempt) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leaving {
		return false
	}
	l.attempts[a] = struct{}{}
	return true
}

// leave gives back the room that pick has reserved.
func (l *link) leave(a *attempt) {
	l.mu.Lock()
	delete(l.attempts, a)
	l.mu.Unlock()
	l.cc.mu.Lock()
	defer l.cc.mu.Unlock()
	l.calls--
	l.cc.wakeOneLocked()
}

// accept implements [sessionEnd].
func (l *link) accept(f muxFrame) error {
	switch f.kind {
	case kindGoAway:
		return l.goAway(f)
	case kindHeaders, kindEnd:
		st, _ := l.session.lookup(f.stream)
		if st == nil {
			return nil // the call has ended
		}
		if f.kind == kindHeaders {
			return st.owner.(*attempt).headers(f)
		}
		return st.owner.(*attempt).ended(f)
	}
	return protocolError("%s from a server", f.kind)
}

// settled implements [sessionEnd].
func (l *link) settled(settings *bridgev1.Settings) error {
	l.mu.Lock()
	l.greeted = true
	l.mu.Unlock()
	l.cc.mu.Lock()
	defer l.cc.mu.Unlock()
	l.cc.failures = 0
	l.maxCalls = max(int(settings.GetMaxConcurrentStreams()), startMaxStreams)
	if l.cc.link == l {
		l.cc.wakeAllLocked()
	}
	return nil
}

// goAway takes no further calls to this socket, and closes it when those that run have ended. Calls that the server says it has
// not begun are repeated elsewhere.
func (l *link) goAway(f muxFrame) error {
	notice := new(bridgev1.GoAway)
	if err := f.decode(notice); err != nil {
		return err
	}
	shortest := time.Duration(notice.GetReconnectMinMs()) * time.Millisecond
	longest := max(time.Duration(notice.GetReconnectMaxMs())*time.Millisecond, shortest)
	l.cc.retire(l, nil, shortest+rand.N(longest-shortest+1))
	st := status.Newf(codes.Unavailable, "the server is going away: %s", notice.GetMessage())
	for _, a := range l.all() {
		if id := a.stream.number(); id != 0 && id <= notice.GetLastStream() {
			continue
		}
		if a.stream.stop(st.Err()) {
			a.end(outcome{status: st, unprocessed: true})
		}
	}
	l.session.close(errDrained, closeWhenIdle)
	return nil
}

var errDrained = &connError{CloseOK, "no calls are left"}

// lostStatus is the status of a call whose socket has ended: UNAVAILABLE, whatever the reason (docs/protocol.md, "Closing"),
// unless the program closed it.
func lostStatus(cause error) *status.Status {
	var closed *websocket.CloseError
	var breach *connError
	switch {
	case cause == errClosedByClient:
		return status.Convert(errClientClosing)
	case errors.As(cause, &closed):
		return status.Newf(codes.Unavailable, "the server closed the connection with %v: %s", CloseCode(closed.Code), closed.Text)
	case errors.As(cause, &breach):
		return status.Newf(codes.Unavailable, "the server broke the protocol: %s", breach.reason)
	}
	return status.Newf(codes.Unavailable, "the connection was lost: %v", cause)
}
