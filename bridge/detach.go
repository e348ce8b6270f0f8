package bridge

import (
	"errors"

	"google.golang.org/grpc/status"
)

// WithDetachedCalls lets handlers of streaming calls return while their call goes on, so that a call whose client says nothing
// keeps neither their stack nor that of the interceptors: an idle socket then costs a small goroutine that waits for it, or
// in multiplexed mode none. A handler asks for it by Detacher, as for RecvInterrupter.
//
// An interceptor sees such a handler return early, with an error that is not the call's. So this is only for a Handler all of
// whose stream interceptors do what they do after the handler by [AtEnd], and keep nothing that ends when they return, such as
// a context that they cancel. Without it handlers are not offered to detach.
func WithDetachedCalls() HandlerOption {
	return handlerOptionFunc(func(c *handlerConfig) error {
		c.detachedCalls = true
		return nil
	})
}

// AtEnd calls f with what a call's handler returns in the end: now, with err, unless err is that of a handler that has detached.
// Then f is called when the call ends. Those of several interceptors are called in the order in which they asked, so the
// innermost first. See [WithDetachedCalls].
func AtEnd(err error, f func(error)) {
	if d, ok := errors.AsType[*detachedCall](err); ok {
		d.atEnd = append(d.atEnd, f)
		return
	}
	f(err)
}

// detachedCall is what a handler returns that has detached.
type detachedCall struct {
	resume func() error
	atEnd  []func(error)
}

func (d *detachedCall) Error() string { return "the handler has detached and the call goes on" }

// detachable is a [wire] that can wait for the client by itself.
type detachable interface{ canDetach() bool }

// Detacher returns what lets the handler of a bidirectional or client-streaming call return while the call goes on; nil where
// that cannot be done, which is over HTTP, and without [WithDetachedCalls].
//
// The handler returns what detach returns, and the call goes on: it can still send. When there is something to receive, be it
// a message, the half-close or that the call has ended, resume is called, in some goroutine and never twice at a time. It
// calls RecvMsg at least once, and what it returns counts as the handler's: again what detach returns, or what the call ends
// with. A handler does not detach any more after RecvMsg has returned an error.
//
// It is found as RecvInterrupter is.
func (s transportStream) Detacher() (detach func(resume func() error) error) {
	if w, ok := s.wire.(detachable); !ok || !s.mayDetach || !s.method.clientStreams() || !w.canDetach() {
		return nil
	}
	return s.detach
}

func (s *serverStream) detach(resume func() error) error {
	s.detached.resume = resume
	return &s.detached
}

// hasDetached reports whether err, which the handler has returned, says that the call goes on.
func (s *serverStream) hasDetached(err error) bool {
	d, ok := errors.AsType[*detachedCall](err)
	return ok && d == &s.detached && !s.recvFailed
}

// resume has the handler of a detached call go on, and returns what invoke does.
func (h *Handler) resume(stream *serverStream) (st *status.Status, ended bool) {
	return h.run(stream, func(_ *Handler, stream *serverStream) error { return stream.detached.resume() })
}

// tellEnd tells the interceptors of a call that was detached what it has ended with.
func (s *serverStream) tellEnd(err error) {
	for _, f := range s.detached.atEnd {
		f(err)
	}
}
