package bridge

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
)

// messageSocket is a WebSocket as a session needs it. One goroutine reads and one at a time writes; abort and progress may be
// called by any.
type messageSocket interface {
	// start is called once, before anything else. wake, which any goroutine may call, makes the session flush.
	start(wake func())
	// rest waits until there is something to read, with as little memory as can be. An error is left to read.
	rest()
	// park has sleeper woken up, instead, when there is something to read. False if that cannot be.
	park(sleeper) bool
	// read returns the next binary message in buf's memory, or in larger memory if need be. A text message or one of more
	// than limit bytes is a *connError. Another error is final: the peer closed the socket, or it broke.
	read(buf []byte, limit int) ([]byte, error)
	// write sends one binary message, maybe only with the next flush. It does not keep message. An error is final.
	write(message []byte) error
	// flush sends what write has kept.
	flush() error
	// writeClose flushes and sends a close frame, the last that is written.
	writeClose(code CloseCode, reason string) error
	// progress counts the writes that had to wait for the peer and went on; waiting says that one waits now. A count that
	// moves is a sign of life.
	progress() (count uint64, waiting bool)
	// shutdown closes the socket when nobody reads or writes any more, so that the peer gets all that was written. readErr is
	// what the last read returned.
	shutdown(readErr error)
	// abort cuts the connection at once. Blocked reads and writes return.
	abort()
}

// sessionEnd is what makes a session a server's or a client's. Its methods are called by the session's reader, which must not
// wait. The error is a *connError and ends the session.
type sessionEnd interface {
	// settled is called once, with the peer's SETTINGS.
	settled(*bridgev1.Settings) error
	// accept takes the frames that only one end understands: OPEN, HEADERS, END, GOAWAY and AUTH. Of a stream that the peer
	// knows but that has ended, it drops them.
	accept(muxFrame) error
}

// streamOwner is whoever uses a stream: a call. Its methods are called by the session's reader, or while the session ends, and
// must not wait. After any of them nothing more is sent, and the owner has to call release or uncount. The stream has ended, but
// for wasLost, which ends it: only its owner knows whether what has arrived is still of use.
type streamOwner interface {
	// wasReset is called when the peer reset the stream. The error, a *connError, ends the session.
	wasReset(*bridgev1.Reset) error
	// wasBroken is called when what the peer sent cannot be part of the call; err is a status error.
	wasBroken(err error)
	// wasLost is called when the session ended, also of a stream that has ended just now; err says why.
	wasLost(err error)
}

// sessionConfig is what a session is made with.
type sessionConfig struct {
	settings          *bridgev1.Settings // ours; all values are set
	maxRecvMsgSize    int                // bytes, uncompressed
	maxAssemblyBytes  int64              // of unfinished messages, beyond the streams' windows
	maxControlFrames  int                // answers waiting to be written
	maxPings          rate               // from the peer
	heartbeat         time.Duration
	firstFrameTimeout time.Duration // for the peer's SETTINGS
}

// session is one socket in multiplexed mode, the same for both ends: it keeps the streams, their credits, the order of what
// is written, the heartbeat and the end.
//
// One goroutine reads, the one that calls run; another writes while there is something to write. Nothing waits for a stream:
// what arrives is kept by the stream within its window.
//
// Locks: an inbound's mu, then the session's. Neither is held while the socket is used.
type session struct {
	sock     messageSocket
	config   sessionConfig
	end      sessionEnd
	assembly assemblyBudget

	// The reader's.
	recvWindow recvWindow // of the connection
	pings      bucket
	settled    bool        // the peer's SETTINGS have come
	first      *time.Timer // fires if they have not; nil once they have

	write func() // writeAll, bound once: a writer begins for every batch

	heard     atomic.Uint64 // frames read
	closed    atomic.Bool   // close was called; what is read from now on is dropped
	heartbeat sessionHeartbeat
	writer    sync.WaitGroup

	mu         sync.Mutex            // guards what follows
	peer       peerSettings          // start values until they come
	streams    map[uint32]*muxStream // those that have not ended, or whose owner has not released them
	lastStream uint32                // the highest that was ever opened
	sendWindow sendWindow            // of the connection
	writing    bool                  // the writer runs
	unflushed  bool                  // wake was called, and no flush has begun since
	patience   patience              // whether it waits for others when it begins
	ended      bool                  // nothing more is written
	control    []muxFrame            // in order; they overtake the streams
	connGrant  int                   // to be granted for the connection
	granted    []*muxStream          // streams with something to be granted
	ready      streamQueue           // streams with something to write
	starved    streamQueue           // streams whose DATA waits for the connection's window
	closing    *connError            // what the socket closes with; nil: it does not
	closeMode  closeMode             // when it does
	abortTimer *time.Timer           // cuts a socket that is slow to close
	failure    error                 // why the connection was cut
}

// peerSettings are the peer's settings, raised to the start values.
type peerSettings struct {
	streamWindow     int
	connectionWindow int
	chunkBytes       int
	maxStreams       int
	metadataBytes    int
	encodings        []string
}

var startSettings = peerSettings{
	streamWindow:     startStreamWindow,
	connectionWindow: startConnectionWindow,
	chunkBytes:       startChunkBytes,
	maxStreams:       startMaxStreams,
	metadataBytes:    startMetadataBytes,
}

func newPeerSettings(s *bridgev1.Settings) (peerSettings, error) {
	if s.GetStreamWindowBytes() > maxWindowBytes || s.GetConnectionWindowBytes() > maxWindowBytes {
		return peerSettings{}, protocolError("SETTINGS with a window over 2^31-1 bytes")
	}
	return peerSettings{
		streamWindow:     max(int(s.GetStreamWindowBytes()), startStreamWindow),
		connectionWindow: max(int(s.GetConnectionWindowBytes()), startConnectionWindow),
		chunkBytes:       min(max(int(s.GetMaxChunkBytes()), startChunkBytes), maxChunkLimit),
		maxStreams:       int(max(s.GetMaxConcurrentStreams(), startMaxStreams)),
		metadataBytes:    int(max(s.GetMaxMetadataBytes(), startMetadataBytes)),
		encodings:        s.GetEncodings(),
	}, nil
}

// newSession makes a session; run starts it. What is sent before goes behind our SETTINGS.
func newSession(sock messageSocket, config sessionConfig, end sessionEnd) *session {
	s := &session{
		sock:       sock,
		config:     config,
		end:        end,
		assembly:   assemblyBudget{limit: config.maxAssemblyBytes},
		recvWindow: newRecvWindow(int(config.settings.GetConnectionWindowBytes())),
		pings:      bucket{rate: config.maxPings},
		peer:       startSettings,
		streams:    make(map[uint32]*muxStream),
		sendWindow: sendWindow{startConnectionWindow},
		control:    []muxFrame{{kind: kindSettings, payload: marshalControl(config.settings)}},
	}
	s.write = s.writeAll
	sock.start(s.wake)
	return s
}

// run is the life of a session: it sends our SETTINGS and reads until the socket ends, which it then closes. It returns when the
// writer and the heartbeat have ended too; the error says why the session did. Streams' owners may then still be running.
func (s *session) run() error {
	s.begin()
	for {
		if quiet, err := s.readFrames(false); !quiet {
			return s.finish(err)
		}
	}
}

// begin sends our SETTINGS. After it comes readFrames, and when that has failed, finish: all by the reader.
func (s *session) begin() {
	s.wake()
	s.first = time.AfterFunc(s.config.firstFrameTimeout, s.expireFirstFrame)
	s.heartbeat.start(s)
}

// finish ends the session after the socket has ended with err. See run.
func (s *session) finish(err error) error {
	s.lose(err)
	s.writer.Wait()
	s.sock.shutdown(err)
	s.heartbeat.stop()
	if s.first != nil {
		s.first.Stop()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.abortTimer != nil {
		s.abortTimer.Stop()
	}
	switch {
	case s.failure != nil:
		return s.failure
	case s.closing != nil:
		return s.closing
	}
	return err
}

var errNoSettings = &connError{CloseFirstFrameTimeout, "no SETTINGS came"}

func (s *session) expireFirstFrame() {
	if s.heard.Load() == 0 {
		s.close(errNoSettings, closeNow)
	}
}

// closeMode says what a session that closes waits for. A higher one replaces a lower one.
type closeMode int

const (
	closeWhenIdle    closeMode = iota + 1 // until there is no stream left
	closeWhenWritten                      // until nothing can be written
	closeNow                              // until the control frames are written
)

// close ends the session with a close frame. With [closeNow] all streams are lost at once. Unless it waits for the streams, the
// socket is cut if the peer has not answered within closeTimeout.
func (s *session) close(reason *connError, mode closeMode) {
	s.mu.Lock()
	begins := !s.ended && s.closeMode < mode
	if begins {
		s.closing, s.closeMode = reason, mode
		if mode > closeWhenIdle {
			s.startAbortLocked()
		}
		s.wakeLocked()
	}
	s.mu.Unlock()
	if begins && mode == closeNow {
		s.closed.Store(true)
		s.loseStreams(reason)
	}
}

// startAbortLocked bounds how long the socket may take to close.
func (s *session) startAbortLocked() {
	if s.abortTimer == nil {
		// Owner: the session, which stops it when it has ended. What it does takes no time.
		s.abortTimer = time.AfterFunc(closeTimeout, s.sock.abort)
	}
}

// fail cuts the connection, without a close frame. The first reason counts.
func (s *session) fail(err error) {
	s.mu.Lock()
	s.ended = true
	if s.failure == nil {
		s.failure = err
	}
	s.mu.Unlock()
	s.sock.abort()
}

// lose ends what the reader, which has ended, can no longer serve.
func (s *session) lose(err error) {
	s.mu.Lock()
	s.ended = true
	if s.failure != nil {
		err = s.failure // and the read failed because of that
	}
	s.startAbortLocked()
	s.mu.Unlock()
	s.loseStreams(err)
}

func (s *session) loseStreams(err error) {
	for _, st := range s.all() {
		st.owner.wasLost(err)
	}
}

// number takes the number of a stream that the peer opens.
func (s *session) number(id uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id&1 == 0 {
		return protocolError("OPEN of stream %d, which is a server's", id)
	}
	if id <= s.lastStream {
		return &connError{CloseStreamReused, fmt.Sprintf("OPEN of stream %d after %d", id, s.lastStream)}
	}
	s.lastStream = id
	return nil
}

// all returns the streams there are.
func (s *session) all() []*muxStream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.streams))
}

// count is how many streams there are that have not ended, or whose owner has not released them.
func (s *session) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.streams)
}

// peerSettings returns what is known of the peer's settings.
func (s *session) peerSettings() peerSettings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peer
}
