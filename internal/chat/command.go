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
		if s.freed == nil {
			s.freed = make(chan struct{}, 1)
		}
		freed, ending := s.freed, s.untilEndLocked()
		s.mu.Unlock()
		select {
		case <-freed:
		case <-ending:
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
	notify(s.freed)
	s.mu.Unlock()
}

// awaitOutcome says that a command's outcome comes later, from another goroutine.
func (s *session) awaitOutcome(cmd command) command {
	cmd.async = true
	s.mu.Lock()
	s.working++
	s.mu.Unlock()
	return cmd
}

// answer ends a command, with a result or an error.
func (s *session) answer(cmd command, result *chatv1.Reply, err error) {
	r := reply(cmd, result, err)
	s.mu.Lock()
	unanswered := s.answerLocked(cmd, r)
	notify(s.changed)
	s.mu.Unlock()
	s.release(unanswered)
}

// reply is what a command is answered with; nil for success of one without an id.
func reply(cmd command, result *chatv1.Reply, err error) *chatv1.Reply {
	if err != nil {
		result = &chatv1.Reply{Result: &chatv1.Reply_Error{Error: status.Convert(err).Proto()}}
	} else if cmd.id == "" {
		return nil
	}
	result.RequestId = cmd.id
	return result
}

// answerLocked ends a command with its reply. Where there is none, it returns what the caller has to release.
func (s *session) answerLocked(cmd command, reply *chatv1.Reply) (unanswered int) {
	if cmd.async {
		s.working--
	}
	if reply == nil {
		return cmd.units
	}
	if !s.closed {
		s.outbox.replies = append(s.outbox.replies, reply)
		s.outbox.units += cmd.units
		s.kickLocked()
	}
	return 0
}
