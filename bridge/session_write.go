package bridge

import "sync"

// sendControl queues a frame that overtakes the streams.
func (s *session) sendControl(f muxFrame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sendControlLocked(f)
}

func (s *session) sendControlLocked(f muxFrame) {
	if s.ended {
		return
	}
	s.control = append(s.control, f)
	s.wakeLocked()
}

// answer is sendControl for a frame that the peer has caused. The error, a *connError, is that too many wait: the peer makes us
// answer and does not read the answers.
func (s *session) answer(f muxFrame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.control) >= s.config.maxControlFrames {
		return &connError{CloseTooMany, "too many frames wait for the peer"}
	}
	s.sendControlLocked(f)
	return nil
}

// grantConnection queues credit for the connection.
func (s *session) grantConnection(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connGrant += n
	s.wakeLocked()
}

// grantStream queues credit for a stream.
func (s *session) grantStream(st *muxStream, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.out.closed {
		return
	}
	if st.out.grant == 0 {
		s.granted = append(s.granted, st)
	}
	st.out.grant += n
	s.wakeLocked()
}

// offerLocked puts a stream in line for writing, if it has something to write and is in no line yet.
func (s *session) offerLocked(st *muxStream) {
	if st.out.queue != nil || !st.out.canWrite() {
		return
	}
	s.ready.push(st)
	s.wakeLocked()
}

// feedLocked puts the streams that waited for the connection's window in line again.
func (s *session) feedLocked() {
	for s.sendWindow.available > 0 {
		st := s.starved.pop()
		if st == nil {
			return
		}
		s.offerLocked(st)
	}
}

// wake has the socket flushed: it has something of its own to write.
func (s *session) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unflushed = true
	s.wakeLocked()
}

// wakeLocked makes sure that the writer runs.
func (s *session) wakeLocked() {
	if s.writing || s.ended {
		return
	}
	s.writing = true
	s.writer.Add(1)
	// Owner: the session. Ends when there is nothing to write; run waits for it.
	go s.write()
	if s.patience.worth() {
		// A goroutine that begins is the next that its processor runs, before those that are ready. The next one that begins takes
		// that place, and so the writer goes behind those who are likely to send too: many frames leave in one system call.
		// (runtime.Gosched would go behind everybody, and wake a processor that takes the writer at once.)
		go nothing()
	}
}

func nothing() {}

// maxGatherBytes is how much the writer takes at a time. What comes later and may overtake waits for it.
const maxGatherBytes = 32 << 10

// frameBatch is frames one behind the other.
type frameBatch struct {
	bytes []byte
	ends  []int // of each frame
}

var frameBatches = sync.Pool{New: func() any { return new(frameBatch) }}

// writeAll writes until nothing is left to write. It is the writer's goroutine; start it as s.write.
func (s *session) writeAll() {
	defer s.writer.Done()
	batch := frameBatches.Get().(*frameBatch)
	defer frameBatches.Put(batch)
	for {
		if err := s.writeReady(batch); err != nil {
			s.fail(err)
			return
		}
		if s.rest() {
			return
		}
	}
}

// writeReady writes and flushes what can be written, and what can be meanwhile. batch is memory for it.
func (s *session) writeReady(batch *frameBatch) error {
	for s.gather(batch); len(batch.ends) > 0; s.gather(batch) {
		if err := s.writeBatch(batch); err != nil {
			return err
		}
	}
	return s.sock.flush()
}

// gather fills a batch with the frames that go next: as many at a time as make the lock worth its while.
func (s *session) gather(batch *frameBatch) {
	batch.bytes, batch.ends = batch.bytes[:0], batch.ends[:0]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unflushed = false
	for len(batch.bytes) < maxGatherBytes {
		longer, ok := s.nextLocked(batch.bytes)
		if !ok {
			break
		}
		batch.bytes = longer
		batch.ends = append(batch.ends, len(longer))
	}
	s.patience.met(len(batch.ends))
}

func (s *session) writeBatch(batch *frameBatch) error {
	begin := 0
	for _, end := range batch.ends {
		if err := s.sock.write(batch.bytes[begin:end]); err != nil {
			return err
		}
		begin = end
	}
	return nil
}

// patience remembers whether a writer that waits for others finds more than the frame it was started for. Where one stream talks
// at a time it never does.
type patience struct {
	vain    int // times in a row
	skipped int
}

const (
	maxVain   = 4  // then it is no use any more
	vainRetry = 32 // and is tried again after so many times
)

// worth decides whether to wait.
func (p *patience) worth() bool {
	if p.vain < maxVain {
		return true
	}
	if p.skipped++; p.skipped < vainRetry {
		return false
	}
	p.skipped, p.vain = 0, maxVain-1
	return true
}

// met notes how many frames there were at once.
func (p *patience) met(frames int) {
	switch {
	case frames > 1:
		p.vain = 0
	case frames == 1:
		p.vain = min(p.vain+1, maxVain)
	}
}

// rest ends the writer if there is nothing to write, with the close frame if the session closes.
func (s *session) rest() bool {
	s.mu.Lock()
	if s.unflushed || s.hasFrameLocked() {
		s.mu.Unlock()
		return false
	}
	if !s.ended && s.closing != nil && (s.closeMode > closeWhenIdle || len(s.streams) == 0) {
		s.ended = true
		s.startAbortLocked()
		closing := s.closing
		s.mu.Unlock()
		if err := s.sock.writeClose(closing.code, closing.reason); err != nil {
			s.fail(err)
		}
		return true
	}
	s.writing = false
	s.mu.Unlock()
	return true
}

func (s *session) hasFrameLocked() bool {
	if s.ended {
		return false
	}
	if len(s.control) > 0 {
		return true
	}
	return s.closeMode < closeNow && (s.connGrant > 0 || len(s.granted) > 0 || s.ready.first != nil)
}

// nextLocked appends the frame that goes next to dst: control frames in their order, then credit, then one chunk of each
// stream in turn.
func (s *session) nextLocked(dst []byte) ([]byte, bool) {
	if s.ended {
		return dst, false
	}
	if len(s.control) > 0 {
		f := s.control[0]
		s.control[0] = muxFrame{}
		if s.control = s.control[1:]; len(s.control) == 0 {
			s.control = nil
		}
		return appendFrame(dst, f), true
	}
	if s.closeMode == closeNow {
		return dst, false
	}
	if s.connGrant > 0 {
		n := s.connGrant
		s.connGrant = 0
		return appendWindow(dst, 0, n), true
	}
	for len(s.granted) > 0 {
		st := s.granted[len(s.granted)-1]
		s.granted = s.granted[:len(s.granted)-1]
		if n := st.out.grant; n > 0 && !st.out.closed {
			st.out.grant = 0
			return appendWindow(dst, st.id, n), true
		}
	}
	for st := s.ready.pop(); st != nil; st = s.ready.pop() {
		if frame, ok := s.nextOfLocked(st, dst); ok {
			return frame, true
		}
	}
	return dst, false
}
