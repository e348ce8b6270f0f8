package chat_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// interruptible is a stream whose transport can make Recv return, as the bridge's can; to do so takes it as long as the test
// likes. What the client sends are probes.
type interruptible struct {
	grpc.ServerStream
	ctx         context.Context
	probes      chan struct{}
	proceed     chan struct{} // closed: an interruption takes effect
	interrupted chan struct{}
}

func (s *interruptible) Context() context.Context {
	return grpc.NewContextWithServerTransportStream(s.ctx, interruptibleTransport{stream: s})
}

func (s *interruptible) interrupt() {
	<-s.proceed
	close(s.interrupted)
}

type interruptibleTransport struct {
	grpc.ServerTransportStream
	stream *interruptible
}

func (i interruptibleTransport) RecvInterrupter() func() { return i.stream.interrupt }

func (s *interruptible) RecvMsg(any) error {
	select {
	case <-s.probes:
		return nil
	case <-s.interrupted:
		return status.Error(codes.Canceled, "interrupted")
	}
}

func (s *interruptible) SendMsg(any) error { return nil }

// A handler does not return while its transport is being interrupted: that could take from the client how
// the stream ended.
func TestStreamOutlivesItsInterruption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{})
		stream := &interruptible{
			ctx: t.Context(), probes: make(chan struct{}), proceed: make(chan struct{}), interrupted: make(chan struct{}),
		}
		ended := make(chan error, 1)
		go func() {
			ended <- l.service.Connect(&grpc.GenericServerStream[chatv1.ConnectRequest, chatv1.ConnectResponse]{ServerStream: stream})
		}()
		synctest.Wait()
		go l.service.Drain(t.Context())
		synctest.Wait()
		stream.probes <- struct{}{} // the handler is not in Recv, and looks whether it has to end
		time.Sleep(time.Minute)
		early := len(ended) > 0
		close(stream.proceed)
		if early {
			t.Error("the handler returned before")
		}
		if err := <-ended; status.Code(err) != codes.Unavailable {
			t.Errorf("ended with %v", err)
		}
	})
}
