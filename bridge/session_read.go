package bridge

import (
	"time"

	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
)

// readFrames reads until the socket ends, or until nothing but heartbeats has come for a while: since it was quiet, if it rested.
// It is quiet then, and readFrames is called again when there is something to read. Once the session closes it only waits for
// the peer's close frame.
func (s *session) readFrames(rested bool) (quiet bool, err error) {
	limit := frameHeaderBytes + openLengthBytes + maxControlBytes + int(s.config.settings.GetMaxChunkBytes())
	var buf []byte
	beats := 0
	if rested {
		beats = 1
	}
	for beats < 2 {
		data, err := s.sock.read(buf[:0], limit)
		if err == nil {
			s.heard.Add(1)
			buf = data
			if s.closed.Load() {
				continue
			}
			beats++
			if !isHeartbeat(data) {
				beats = 0
			}
			err = s.take(data)
		}
		breach, isBreach := err.(*connError)
		switch {
		case isBreach:
			s.close(breach, closeNow)
		case err != nil:
			return false, err
		}
	}
	return true, nil
}

func isHeartbeat(frame []byte) bool {
	return len(frame) > 0 && (frameKind(frame[0]) == kindPing || frameKind(frame[0]) == kindPong)
}

// take handles a frame. The error is a *connError.
func (s *session) take(data []byte) error {
	f, err := parseFrame(data)
	switch {
	case err != nil:
		return err
	case f.kind == kindSettings:
		return s.takeSettings(f)
	case !s.settled:
		return protocolError("%s before SETTINGS", f.kind)
	case f.kind == kindPing:
		return s.takePing(f)
	case f.kind == kindPong:
		return nil // that it came is all it says
	case f.kind == kindWindow && f.stream == 0:
		return s.takeConnectionWindow(f)
	case f.kind == kindOpen, f.kind == kindGoAway, f.kind == kindAuth:
		return s.end.accept(f)
	case f.kind >= kindIgnorable:
		return nil
	}
	return s.takeOfStream(f)
}

func (s *session) takeSettings(f muxFrame) error {
	if s.settled {
		return protocolError("SETTINGS twice")
	}
	s.settled = true
	if s.first != nil {
		s.first.Stop()
		s.first = nil
	}
	settings := new(bridgev1.Settings)
	if err := f.decode(settings); err != nil {
		return err
	}
	peer, err := newPeerSettings(settings)
	if err != nil {
		return err
	}
	if err := s.raise(peer); err != nil {
		return err
	}
	return s.end.settled(settings)
}

// raise replaces the start values by the peer's settings.
func (s *session) raise(peer peerSettings) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.sendWindow.grant(peer.connectionWindow - s.peer.connectionWindow); err != nil {
		return err
	}
	more := peer.streamWindow - s.peer.streamWindow
	for _, st := range s.streams {
		if err := st.out.window.grant(more); err != nil {
			return err
		}
		s.offerLocked(st)
	}
	s.peer = peer
	s.feedLocked()
	return nil
}

func (s *session) takePing(f muxFrame) error {
	if !s.pings.take(time.Now()) {
		return &connError{CloseTooMany, "too many PINGs"}
	}
	return s.answer(muxFrame{kind: kindPong, payload: append([]byte(nil), f.payload...)})
}

func (s *session) takeConnectionWindow(f muxFrame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.sendWindow.grant(int(f.increment())); err != nil {
		return err
	}
	s.feedLocked()
	return nil
}

// takeOfStream handles a frame of a stream that should be open. On one that has ended it is dropped: its sender may not have
// known yet.
func (s *session) takeOfStream(f muxFrame) error {
	st, opened := s.lookup(f.stream)
	if !opened {
		return protocolError("%s of a stream that was never opened", f.kind)
	}
	if f.kind == kindData {
		return s.takeData(st, f)
	}
	if f.kind == kindHeaders || f.kind == kindEnd {
		return s.end.accept(f)
	}
	if st == nil {
		return nil
	}
	switch f.kind {
	case kindEndSend:
		if st.in.end() {
			return protocolError("END_SEND within a message")
		}
	case kindWindow:
		return s.takeStreamWindow(st, f)
	case kindReset:
		return s.takeReset(st, f)
	}
	return nil
}

// lookup returns a stream, nil if it has ended; opened is false if it never was.
func (s *session) lookup(id uint32) (st *muxStream, opened bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streams[id], id&1 == 1 && id <= s.lastStream
}

// takeData gives DATA to its stream. The connection's credit returns whatever becomes of it, so that a stream that nobody
// reads does not stop its neighbours.
func (s *session) takeData(st *muxStream, f muxFrame) error {
	if len(f.payload) > int(s.config.settings.GetMaxChunkBytes()) {
		return protocolError("DATA of %d bytes", len(f.payload))
	}
	if err := s.takeCredit(dataCost(len(f.payload))); err != nil || st == nil {
		return err
	}
	return s.deliver(st, f.payload, f.flags)
}

// takeCredit takes what the peer sent from the connection's window, and grants it anew.
func (s *session) takeCredit(cost int) error {
	if err := s.recvWindow.arrived(cost); err != nil {
		return err
	}
	if n := s.recvWindow.consumed(cost); n > 0 {
		s.grantConnection(n)
	}
	return nil
}

func (s *session) deliver(st *muxStream, payload []byte, flags frameFlags) error {
	broken, err := st.in.deliver(payload, flags)
	if err != nil {
		return err
	}
	if broken != nil {
		st.owner.wasBroken(broken.Err())
	}
	return nil
}

func (s *session) takeStreamWindow(st *muxStream, f muxFrame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := st.out.window.grant(int(f.increment())); err != nil {
		return err
	}
	s.offerLocked(st)
	return nil
}

func (s *session) takeReset(st *muxStream, f muxFrame) error {
	reset := new(bridgev1.Reset)
	if err := f.decode(reset); err != nil {
		return err
	}
	if st.stop(resetError(reset)) {
		return st.owner.wasReset(reset)
	}
	return nil
}
