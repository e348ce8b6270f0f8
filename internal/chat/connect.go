package chat

import (
	"context"
	"errors"
	"io"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

type connectStream = grpc.BidiStreamingServer[chatv1.ConnectRequest, chatv1.ConnectResponse]

// Connect implements chatv1.ChatServiceServer.
func (s *Service) Connect(stream connectStream) error {
	if _, ok := auth.FromContext(stream.Context()); !ok && s.guests == nil {
		return errUnauthenticated
	}
	if err := s.engine.meter.connection(network(stream.Context())); err != nil {
		return err
	}
	c := s.newSession(stream.Context(), func(r *response) error { return stream.SendMsg(r) })
	c.visible = true
	c.interrupt = recvInterrupter(stream.Context())
	if err := s.begin(c); err != nil {
		return err
	}
	s.endIfBanned(c)
	if detach := detacher(stream.Context()); detach != nil {
		return c.readDetached(stream, detach)
	}
	defer s.finish(c)
	if c.interrupt != nil {
		c.read(stream)
		return c.wait()
	}
	s.running.Add(1)
	go func() { // ends with the stream, which ends when this handler returns at the latest
		defer s.running.Done()
		c.read(stream)
	}()
	return c.wait()
}

// readDetached is read, wait and finish for a handler that returns while there is nothing to do.
func (s *session) readDetached(stream connectStream, detach func(resume func() error) error) error {
	var resume func() error
	resume = func() error {
		goesOn := false
		defer func() { // also after a panic
			if !goesOn {
				s.service.finish(s)
			}
		}()
		if goesOn = s.readOne(stream); goesOn {
			return detach(resume)
		}
		return s.wait()
	}
	return detach(resume)
}

// detacher returns what lets a handler return while its stream goes on; nil where the transport cannot do that. The bridge's
// can: see its Detacher.
func detacher(ctx context.Context) (detach func(resume func() error) error) {
	transport, ok := grpc.ServerTransportStreamFromContext(ctx).(interface {
		Detacher() func(resume func() error) error
	})
	if !ok {
		return nil
	}
	return transport.Detacher()
}

// recvInterrupter returns what makes Recv return while the stream goes on; nil where the transport cannot do that. The
// bridge's can: see its RecvInterrupter.
func recvInterrupter(ctx context.Context) func() {
	transport, ok := grpc.ServerTransportStreamFromContext(ctx).(interface{ RecvInterrupter() func() })
	if !ok {
		return nil
	}
	return transport.RecvInterrupter()
}

// read carries out commands in the order in which they come, until the session ends.
func (s *session) read(stream connectStream) {
	for s.readOne(stream) {
	}
}

// readOne receives a command and carries it out. False when the session ends.
func (s *session) readOne(stream connectStream) (more bool) {
	req, err := stream.Recv()
	if err == nil {
		err = s.handle(req)
	}
	switch {
	case errors.Is(err, io.EOF):
		s.end(nil)
		return false
	case err != nil:
		s.end(err)
		return false
	}
	return !s.over.Load()
}

// handle carries out one request. An error ends the stream.
func (s *session) handle(req *chatv1.ConnectRequest) (err error) {
	defer s.contain("carry out a command", func(cause error) { err = cause })
	empty := proto.Size(req) == 0
	if req.GetCommand() == nil && !empty {
		return invalidArgument("command", "one is required")
	}
	units, ok := s.admit(req)
	if !ok {
		return nil
	}
	if err := s.admitCommand(req); err != nil {
		s.refuse(command{id: req.GetRequestId(), units: units}, err)
		return nil
	}
	if empty {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.outbox.probes++
		s.kickLocked()
		return nil
	}
	cmd := command{id: req.GetRequestId(), units: units}
	if err := validateRequestID("request_id", cmd.id); err != nil {
		s.refuse(cmd, err)
		return nil
	}
	return s.dispatch(cmd, req)
}

// admitCommand counts a request. Leaving is free: it only makes less of everything.
func (s *session) admitCommand(req *chatv1.ConnectRequest) error {
	if _, leaves := req.GetCommand().(*chatv1.ConnectRequest_Leave); leaves {
		return nil
	}
	return s.service.engine.meter.command(&s.commands)
}

// refuse answers a command whose id may be too long or too strange to be repeated.
func (s *session) refuse(cmd command, err error) {
	if validateRequestID("request_id", cmd.id) != nil {
		cmd.id = ""
	}
	s.answer(cmd, nil, err)
}

func (s *session) dispatch(cmd command, req *chatv1.ConnectRequest) (err error) {
	if hello, ok := req.GetCommand().(*chatv1.ConnectRequest_Hello); ok {
		aside(func() { err = s.hello(cmd, hello.Hello) })
		return err
	}
	if s.user.Load() == nil {
		if aside(func() { err = s.identify("") }); err != nil {
			return err
		}
	}
	switch c := req.GetCommand().(type) {
	case *chatv1.ConnectRequest_Join:
		aside(func() { s.join(cmd, c.Join) })
	case *chatv1.ConnectRequest_Leave:
		s.answerLeave(cmd, c.Leave)
	case *chatv1.ConnectRequest_Publish:
		s.publish(cmd, c.Publish)
	case *chatv1.ConnectRequest_Signal:
		aside(func() { s.signal(cmd, c.Signal) })
	case *chatv1.ConnectRequest_MarkRead:
		aside(func() { s.markRead(cmd, c.MarkRead) })
	}
	return nil
}

// aside does f in another goroutine, which ends before aside returns. A stack does not shrink below four times what its
// goroutine uses while it waits, and a session waits in the goroutine that carries out its commands: what needs much stack,
// as reading from the store does, would cost every idle connection 8 KB for good. A panic of f is one of aside.
func aside(f func()) {
	done := make(chan panicked)
	go func() {
		var stack panicked
		defer func() { done <- stack }()
		defer func() {
			if recover() != nil {
				stack = debug.Stack()
			}
		}()
		f()
	}()
	if stack := <-done; stack != nil {
		panic(stack)
	}
}

func (s *session) answerLeave(cmd command, l *chatv1.Leave) {
	if err := validateRoom("leave.room", l.GetRoom()); err != nil {
		s.answer(cmd, nil, err)
		return
	}
	s.leave(state.RoomID(l.GetRoom()))
	s.answer(cmd, &chatv1.Reply{Result: &chatv1.Reply_Leave{Leave: &chatv1.LeaveResult{}}}, nil)
}

func (s *session) signal(cmd command, g *chatv1.Signal) {
	if err := validateSignal("signal.", g); err != nil {
		s.answer(cmd, nil, err)
		return
	}
	s.mu.Lock()
	c := s.rooms.in(state.RoomID(g.GetRoom()))
	s.mu.Unlock()
	if c == nil {
		s.answer(cmd, nil, errNotJoined)
		return
	}
	if _, err := s.service.engine.mayTell(c.room.id, s.actor.ID); err != nil {
		s.answer(cmd, nil, err)
		return
	}
	c.room.signal(s.id, s.user.Load(), g)
	s.answer(cmd, &chatv1.Reply{Result: &chatv1.Reply_Signal{Signal: &chatv1.SignalResult{}}}, nil)
}

// validateSignal checks a signal at a path that is empty or ends with a dot.
func validateSignal(path string, g *chatv1.Signal) error {
	if err := validateRoom(path+"room", g.GetRoom()); err != nil {
		return err
	}
	if g.GetSignal() == nil {
		return invalidArgument(path+"signal", "one is required")
	}
	return nil
}
