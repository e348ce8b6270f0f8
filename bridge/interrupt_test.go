package bridge_test

import (
	"errors"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// interruptedService receives until it is interrupted, then sends once more and ends with a status of its own.
func interruptedService(t *testing.T, interrupts chan<- func()) *echoServer {
	return &echoServer{fullBidi: func(stream testgrpc.TestService_FullDuplexCallServer) error {
		transport, ok := grpc.ServerTransportStreamFromContext(stream.Context()).(interface{ RecvInterrupter() func() })
		if !ok {
			return errors.New("not to be interrupted")
		}
		if _, err := stream.Recv(); err != nil {
			return err
		}
		interrupts <- transport.RecvInterrupter()
		for range 2 { // waiting, and once more
			if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
				t.Errorf("interrupted: %v", err)
			}
		}
		if err := stream.Context().Err(); err != nil {
			t.Errorf("the call has ended: %v", err)
		}
		if err := stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: payload("bye")}); err != nil {
			t.Errorf("sending after it: %v", err)
		}
		return status.Error(codes.Aborted, "enough")
	}}
}

// A handler that waits for its client can be made to go on, with the call intact, on every kind of WebSocket.
func TestReceivingIsInterrupted(t *testing.T) {
	t.Parallel()
	interrupts := make(chan func(), 1)
	s := serve(t, interruptedService(t, interrupts))
	for _, form := range wireForms {
		t.Run(form.name, func(t *testing.T) {
			c := s.dial(t, bidiPath)
			form.send(c, echoOf("hello"))
			receive(t, interrupts)()
			var out testgrpc.StreamingOutputCallResponse
			form.recv(c, &out)
			if got := string(out.GetPayload().GetBody()); got != "bye" {
				t.Errorf("got %q", got)
			}
			if reason := c.expectClose(4000 + int(codes.Aborted)); reason != "enough" {
				t.Errorf("reason %q", reason)
			}
		})
	}
	t.Run("improbable", func(t *testing.T) {
		c := s.beginImprobable(t, bidiPath)
		c.sendMessage(echoOf("hello"))
		receive(t, interrupts)()
		c.block()
		c.expectMessage(new(testgrpc.StreamingOutputCallResponse))
		c.expectTrailers(codes.Aborted)
	})
	t.Run("multiplexed", func(t *testing.T) {
		p := s.dialMux(t)
		p.open(1, bidiPath)
		p.send(wireFrame{frameData, 0, 1, p.encode(echoOf("hello"))})
		receive(t, interrupts)()
		p.expect(frameHeaders, 1)
		if got := bodyOf(t, p.expectMessage(1)); got != "bye" {
			t.Errorf("got %q", got)
		}
		if end := p.expectEnd(1); codes.Code(end.GetStatus().GetCode()) != codes.Aborted {
			t.Errorf("ended with %v", end)
		}
		p.checkAlive(3)
	})
	s.idle(t)
}
