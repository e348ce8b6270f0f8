package bridge

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc/status"
)

// paceBytes is what a client has to take of a response within the write time-out. It is one TLS record.
const paceBytes = 16 << 10

// pacedWriter is a response that fails only for want of progress, whatever time-outs the server has: those are for requests,
// and a call may last for days. Only the goroutine that serves the request and cutOff use it.
type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	stalled func(error) // called once when the peer took nothing for the timeout

	once   sync.Once // for stalled
	mu     sync.Mutex
	cutoff time.Time // guarded by mu; when set, no write goes on after it
}

func newPacedWriter(w http.ResponseWriter, timeout time.Duration, stalled func(error)) *pacedWriter {
	return &pacedWriter{ResponseWriter: w, control: http.NewResponseController(w), timeout: timeout, stalled: stalled}
}

// Unwrap makes the rest of the response's methods reachable for [http.ResponseController].
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *pacedWriter) Write(p []byte) (int, error) {
	written := 0
	for {
		w.extend()
		n, err := w.ResponseWriter.Write(p[written:min(written+paceBytes, len(p))])
		written += n
		if err != nil || written == len(p) {
			w.check(err)
			return written, err
		}
	}
}

// Flush implements [http.Flusher], which has no error: one that matters has cancelled the request's context. Until the next
// write there is no deadline: over HTTP/2 one would also end a call that is silent.
func (w *pacedWriter) Flush() {
	w.extend()
	w.check(w.control.Flush())
	w.set(time.Time{})
}

// finish leaves a deadline for what the server still has in its buffer.
func (w *pacedWriter) finish() { w.extend() }

func (w *pacedWriter) check(err error) {
	if err != nil && isTimeout(err) {
		w.once.Do(func() { w.stalled(err) })
	}
}

func (w *pacedWriter) extend() { w.set(time.Now().Add(w.timeout)) }

func (w *pacedWriter) set(deadline time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.cutoff.IsZero() && (deadline.IsZero() || w.cutoff.Before(deadline)) {
		deadline = w.cutoff
	}
	w.control.SetWriteDeadline(deadline)
}

// cutOff makes writes fail after the timeout, the one that is going on too.
func (w *pacedWriter) cutOff(timeout time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cutoff = time.Now().Add(timeout)
	w.control.SetWriteDeadline(w.cutoff)
}

// httpBody is a request's body with the time-outs of a call.
type httpBody struct {
	io.ReadCloser
	control *http.ResponseController
	ended   func() *status.Status // what the call has ended with, or nil
	whole   atomic.Bool           // read to its end
}

var errLateRequest = errors.New("the request did not come in time")

// await gives the client so much time for the whole request; 0: as much as it wants. When all of it is there the server itself
// lifts the deadline, to go on reading and so notice when the client leaves.
func (b *httpBody) await(timeout time.Duration) {
	var deadline time.Time
	if timeout > 0 {
		deadline = time.Now().Add(timeout)
	}
	b.control.SetReadDeadline(deadline)
}

func (b *httpBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil {
		return n, nil
	}
	if err == io.EOF {
		b.whole.Store(true)
		return n, err
	}
	if st := b.ended(); st != nil {
		return n, cmp.Or(connectError(st), err)
	}
	if isTimeout(err) {
		return n, connect.NewError(connect.CodeDeadlineExceeded, errLateRequest)
	}
	return n, err
}

// Close does nothing. The server closes the body when it has sent the response; closing it before would wait for what the
// client has not sent yet.
func (b *httpBody) Close() error { return nil }

// interrupt makes a read fail, the one that is going on too.
func (b *httpBody) interrupt() {
	if !b.whole.Load() {
		b.control.SetReadDeadline(time.Now())
	}
}

// finish bounds how long the server waits for the rest of a request that nobody needs any more: over HTTP/1.1 it reads that
// before it writes the response.
func (b *httpBody) finish() {
	if !b.whole.Load() {
		b.control.SetReadDeadline(time.Now().Add(closeTimeout))
	}
}
