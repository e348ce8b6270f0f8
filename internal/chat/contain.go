package chat

import "runtime/debug"

// A panic in work that is one session's ends that session with INTERNAL, as one in a handler ends its call: what a client sends,
// and what is stored that cannot be shown, costs nobody else anything. All locks that such work takes are given back by defer, or
// where nothing can panic. A panic in what everybody stands on (Apply, the committer, the walk through a room's sessions) ends the
// process: nobody can say then what state is true, and failure is final.

// contain is to be deferred by work that is this session's; end is told how to end it.
func (s *session) contain(doing string, end func(error)) {
	p := recover()
	if p == nil {
		return
	}
	stack, ok := p.(panicked) // where it was, if that was another goroutine
	if !ok {
		stack = debug.Stack()
	}
	s.mu.Lock()
	s.broken = true
	s.mu.Unlock()
	end(s.service.engine.panicked(doing, stack))
}

// panicked is the stack of a panic that [aside] has moved to the goroutine that waits.
type panicked []byte

// ended is an end for [session.contain].
func (s *session) ended(cause error) { s.end(cause) }
