package chat

import (
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// command is a request that was read and is to be answered, exactly once.
type command struct {
	id    string // its request_id
	units int    // admitted for it
	async bool   // whether its outcome is awaited: it counts in session.working
}

// unitBytes is how many bytes of a request weigh as much as a request itself.
const unitBytes = 4 << 10

// admit makes room for a request among those that are not answered yet; until there is some, the session does not read.
// It returns false if the session ends before.
func (s *session) admit(req *chatv1.ConnectRequest) (units int, ok bool) {
	units = 1 + proto.Size(req)/unitBytes
	for {
		s.mu.Lock()
		if s.pending == 0 || s.pending+units <= s.service.delivery.Pending {
			s.pending += units
			s.mu.Unlock()
			return units, true
		}
		s.mu.Unlock()
		select {
		case <-s.freed:
		case <-s.ending:
			return 0, false
		}
	}
}

// release gives back what admit took.
func (s *session) release(units int) {
	if units == 0 {
		return
	}
	s.mu.Lock()
	s.pending -= units
	s.mu.Unlock()
	notify(s.freed)
}

// awaitOutcome says that a command's outcome comes later, from another goroutine.
func (s *session) awaitOutcome(cmd command) command {
	cmd.async = true
	s.mu.Lock()
	s.working++
	s.mu.Unlock()
	return cmd
}

// answer ends a command, with a result or an error. Success of a command without an id is not replied.
func (s *session) answer(cmd command, result *chatv1.Reply, err error) {
	if err != nil {
		result = &chatv1.Reply{Result: &chatv1.Reply_Error{Error: status.Convert(err).Proto()}}
	}
	result.RequestId = cmd.id
	silent := err == nil && cmd.id == ""
	s.mu.Lock()
	if cmd.async {
		s.working--
	}
	if !silent && !s.closed {
		s.outbox.replies = append(s.outbox.replies, result)
		s.outbox.units += cmd.units
		s.kickLocked()
	}
	s.mu.Unlock()
	if silent {
		s.release(cmd.units)
	}
	notify(s.changed)
}
