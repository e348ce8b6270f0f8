package chat

import (
	"context"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

func (s *session) join(cmd command, j *chatv1.Join) {
	if err := validateRoom("join.room", j.GetRoom()); err != nil {
		s.answer(cmd, nil, err)
		return
	}
	cmd = s.awaitOutcome(cmd)
	s.follow(j, func(result *chatv1.JoinResult, err error) {
		s.answer(cmd, &chatv1.Reply{Result: &chatv1.Reply_Join{Join: result}}, err)
	})
}

// follow delivers a room from where j says. done is called once: before follow returns or, if the resume position is
// ahead of what this node has seen, later from another goroutine.
func (s *session) follow(j *chatv1.Join, done func(*chatv1.JoinResult, error)) {
	c, err := s.attach(state.RoomID(j.GetRoom()))
	if err != nil {
		done(nil, err)
		return
	}
	at, err := s.service.engine.standing(c.room.id, s.actor.ID)
	if err != nil {
		s.drop(c)
		done(nil, err)
		return
	}
	if resumed, ok := c.begin(j, at, false); ok {
		done(s.start(c, at, resumed))
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	s.mu.Lock()
	c.cancel = cancel
	if c.gone {
		cancel()
	}
	s.mu.Unlock()
	s.service.running.Add(1)
	go func() { // ends with the wait, which ends when the room is left, with the stream, or by itself
		defer s.service.running.Done()
		defer cancel()
		defer s.contain("wait for a resume position", s.ended)
		done(s.awaitStart(ctx, c, j))
	}()
}

// awaitStart waits for the resume position. If it does not come, no history of this server has it: a reset follows.
func (s *session) awaitStart(ctx context.Context, c *cursor, j *chatv1.Join) (*chatv1.JoinResult, error) {
	e := s.service.engine
	err := e.reached.wait(ctx, c.room.id, j.GetResume().GetRev(), func() (uint64, error) { return e.headRev(c.room.id) })
	if err != nil && ctx.Err() != nil {
		return nil, errLeft
	}
	at, err := e.standing(c.room.id, s.actor.ID)
	if err != nil {
		s.drop(c)
		return nil, err
	}
	resumed, _ := c.begin(j, at, true)
	return s.start(c, at, resumed)
}

// start lets a cursor go whose position is set. Only now are others told that somebody is here: who may not be never shows up.
func (s *session) start(c *cursor, at *standing, resumed bool) (*chatv1.JoinResult, error) {
	result := &chatv1.JoinResult{
		Epoch:   string(at.epoch),
		Room:    roomProto(at.room),
		Resumed: resumed,
		Read:    readMarkerProto(at.room.ID, at.read, at.room.Head),
	}
	if at.self != (state.Member{}) {
		result.Member = memberProto(at.self)
	}
	c.room.enter(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.gone {
		return nil, errLeft
	}
	c.begun = true
	s.queueLocked(c)
	s.kickLocked()
	return result, nil
}
