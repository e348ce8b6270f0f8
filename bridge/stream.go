package bridge

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// wire is what a call needs from the connection that carries it. Plain mode is one wire a socket.
type wire interface {
	// recv returns the client's next message; io.EOF after the half-close, otherwise a status error. The bytes are valid
	// until release is called. At most one goroutine calls recv.
	recv() (data []byte, release func(), err error)
	// send sends a message, which it frees. It blocks while the peer is slow; the error is a status error.
	send(message payload) error
	// sendHeader sends the response headers, where the client can take them.
	sendHeader(md metadata.MD) error
	// end ends the call with a status and cancels its context. The first end counts.
	end(st *status.Status)
}

// serverStream is a call as the service sees it: a [grpc.ServerStream] for every kind of call. One goroutine may send while
// another receives, as with grpc-go.
type serverStream struct {
	ctx            context.Context // the call's; a field because that is what grpc.ServerStream is
	method         *method
	wire           wire
	codec          codec
	maxSendMsgSize int
	stats          *callStats   // nil: nobody asks
	mayDetach      bool         // see WithDetachedCalls
	detached       detachedCall // the handler's, once it has detached

	received   bool // a message has been received; used by the receiving goroutine only, as is recvFailed
	recvFailed bool // RecvMsg has returned an error
	sent       bool // a message has been sent; used by the sending goroutine only

	mu         sync.Mutex // guards what follows
	header     metadata.MD
	trailer    metadata.MD
	headerSent bool
}

var (
	_ grpc.ServerStream          = (*serverStream)(nil)
	_ grpc.ServerTransportStream = transportStream{}

	errHeaderSent = errors.New("the headers have been sent or the call has ended")
)

func (s *serverStream) Context() context.Context { return s.ctx }

// RecvMsg decodes the next message into m. What cannot be received ends the call, whatever the handler makes of the error.
func (s *serverStream) RecvMsg(m any) error {
	err := s.recvMsg(m)
	s.recvFailed = s.recvFailed || err != nil
	return err
}

func (s *serverStream) recvMsg(m any) error {
	data, release, err := s.wire.recv()
	if err == io.EOF {
		if !s.received && !s.method.clientStreams() {
			return s.fail(status.New(codes.Internal,
				"cardinality violation: received no request message from non-client-streaming RPC"))
		}
		return io.EOF
	}
	if err != nil {
		return err
	}
	defer release()
	if err := s.codec.unmarshal(data, m); err != nil {
		return s.fail(status.Convert(err))
	}
	s.received = true
	s.stats.received(m, len(data), s.wire)
	return nil
}

// SendMsg sends m, after the headers. What cannot be encoded or is too large ends the call.
func (s *serverStream) SendMsg(m any) error {
	if err := s.ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	message, err := s.codec.marshal(m)
	if err != nil {
		return s.fail(status.Newf(codes.Internal, "error while marshaling: %v", err))
	}
	length := len(message.data)
	if length > s.maxSendMsgSize {
		return s.fail(status.Newf(codes.ResourceExhausted,
			"trying to send message larger than max (%d vs. %d)", length, s.maxSendMsgSize))
	}
	if !s.sent {
		if header, first := s.takeHeader(nil); first {
			if err := s.sendHeader(header); err != nil {
				return err
			}
		}
		s.sent = true
	}
	if err := s.wire.send(message); err != nil {
		return err
	}
	s.stats.sent(m, length, s.wire)
	return nil
}

func (s *serverStream) SetHeader(md metadata.MD) error {
	if md.Len() == 0 {
		return nil
	}
	if err := validateMetadata(md); err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.headerSent || s.ctx.Err() != nil {
		return errHeaderSent
	}
	s.header = metadata.Join(s.header, md)
	return nil
}

func (s *serverStream) SendHeader(md metadata.MD) error {
	if err := validateMetadata(md); err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	header, first := s.takeHeader(md)
	if !first || s.ctx.Err() != nil {
		return errHeaderSent
	}
	return s.sendHeader(header)
}

func (s *serverStream) sendHeader(md metadata.MD) error {
	if err := s.wire.sendHeader(md); err != nil {
		return err
	}
	s.stats.sentHeader(md)
	return nil
}

func (s *serverStream) SetTrailer(md metadata.MD) { transportStream{s}.SetTrailer(md) }

// takeHeader returns all headers set so far, with more; first is false if they have been sent already.
func (s *serverStream) takeHeader(more metadata.MD) (header metadata.MD, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.headerSent {
		return nil, false
	}
	s.headerSent = true
	return metadata.Join(s.header, more), true
}

// takeEnd returns what the end of the call has to carry: headers that were set and never sent, and the trailers.
func (s *serverStream) takeEnd() (header, trailer metadata.MD) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.headerSent {
		s.headerSent = true
		header = s.header
	}
	return header, s.trailer
}

// trailers returns the trailers set so far.
func (s *serverStream) trailers() metadata.MD {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trailer
}

func (s *serverStream) fail(st *status.Status) error {
	s.wire.end(st)
	return st.Err()
}

// interruptible is a [wire] whose recv can be made to return while the call goes on.
type interruptible interface {
	// interrupt makes recv, the one that waits and every later one, return errInterrupted. It does not block.
	interrupt()
}

var errInterrupted = status.Error(codes.Canceled, "receiving was interrupted")

// transportStream is the same call for grpc.SetHeader, SendHeader, SetTrailer and Method; of the two interfaces only
// SetTrailer differs.
type transportStream struct{ *serverStream }

// SentBytes returns what tells how many bytes the connection has taken for the call so far, to see whether a SendMsg that
// blocks makes progress; in plain mode with all that is around messages. It returns nil where that is not known, which is over
// HTTP. It is found as RecvInterrupter is.
func (s transportStream) SentBytes() func() uint64 {
	if w, ok := s.wire.(sentCounter); ok {
		return w.connSent
	}
	return nil
}

// sentCounter is a [wire] that knows how much of what was sent the connection has taken.
type sentCounter interface{ connSent() uint64 }

// RecvInterrupter returns what makes RecvMsg, the one that waits and every later one, return CANCELED while the call goes on:
// it can still send, and ends with the handler's status. So a handler that has to be ended from outside needs no goroutine
// beside the one that receives. It returns nil where that cannot be done, which is over HTTP.
//
// A service that does not import this package finds it by an interface of its own on grpc.ServerTransportStreamFromContext.
// A client's cancellation may go unnoticed after an interruption, so the handler should return soon.
func (s transportStream) RecvInterrupter() func() {
	if w, ok := s.wire.(interruptible); ok {
		return w.interrupt
	}
	return nil
}

func (s transportStream) Method() string { return s.method.fullName }

func (s transportStream) SetTrailer(md metadata.MD) error {
	if md.Len() == 0 {
		return nil
	}
	if err := validateMetadata(md); err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trailer = metadata.Join(s.trailer, md)
	return nil
}
