package bridge_test

import (
	"bytes"
	"io"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
)

// A message is limited to its size on the wire, the limit itself included, in one frame or in fragments, and the client
// learns why.
func TestReceiveLimit(t *testing.T) {
	t.Parallel()
	const limit = 1000
	s := serve(t, &echoServer{}, bridge.WithMaxRecvMsgSize(limit))
	fits := append([]byte{0xfa, 0x01, 0xe4, 0x07}, make([]byte, limit-4)...) // one unknown field of 996 bytes
	for _, test := range []struct {
		name   string
		frames [][]byte
		code   int
	}{
		{"as large as allowed", [][]byte{rawFrame(flagFin|opBinary, fits), rawFrame(flagFin|opText, nil)}, 1000},
		{"one byte more", [][]byte{rawFrame(flagFin|opBinary, append(fits, 0))}, 4008},
		{"fragments that fit", [][]byte{
			rawFrame(opBinary, fits[:400]), rawFrame(opContinuation, nil), rawFrame(flagFin|opContinuation, fits[400:]),
			rawFrame(flagFin|opText, nil),
		}, 1000},
		{"fragments that do not", [][]byte{
			rawFrame(opBinary, fits), rawFrame(opContinuation, nil), rawFrame(opContinuation, []byte{0}),
		}, 4008},
		{"far too large", [][]byte{rawFrame(flagFin|opBinary, make([]byte, 1<<20))}, 4008},
		// The header alone announces 2^62 bytes: nothing may be allocated for them.
		{"an announced exabyte", [][]byte{
			{flagFin | opBinary, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, make([]byte, 2*limit),
		}, 4008},
		{"a length that is none, in a fragment", [][]byte{
			rawFrame(opBinary, nil), {flagFin | opContinuation, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4},
		}, 4008},
		{"a length that is none", [][]byte{
			{flagFin | opBinary, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4},
		}, 4008},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := s.dialRaw(t, clientPath)
			c.send(test.frames...)
			if test.code == 1000 {
				if first, _ := c.read(); first != flagFin|opBinary {
					t.Fatalf("frame %#x", first)
				}
			}
			first, payload := c.read()
			if got := int(payload[0])<<8 | int(payload[1]); first != flagFin|opClose || got != test.code {
				t.Fatalf("frame %#x %q, want close %d", first, payload, test.code)
			}
		})
	}
}

func TestNestingIsLimited(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	c := s.dial(t, unaryPath)
	c.sendText(strings.Repeat("[", 200_000))
	if reason := c.expectClose(4003); !strings.Contains(reason, "exceeded max depth") {
		t.Errorf("reason %q", reason)
	}
}

// What RFC 6455 forbids is closed with WebSocket's own codes, and the client can still read them.
func TestForbiddenFrames(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	unmasked := []byte{flagFin | opText, 2, '{', '}'}
	for _, test := range []struct {
		name  string
		frame []byte
		code  int
	}{
		{"compressed", rawFrame(flagFin|flagRSV1|opText, []byte{0xaa, 0x56, 0x4a, 0x04, 0x00}), 1002},
		{"compressed bomb", rawFrame(flagFin|flagRSV1|opBinary, bytes.Repeat([]byte{0xec, 0xc1}, 30_000)), 1002},
		{"unmasked", unmasked, 1002},
		{"unknown opcode", rawFrame(flagFin|0x3, nil), 1002},
		{"continuation of nothing", rawFrame(flagFin|opContinuation, nil), 1002},
		{"fragmented ping", rawFrame(opPing, nil), 1002},
		{"long ping", rawFrame(flagFin|opPing, make([]byte, 126)), 1002},
		{"close with a reserved code", rawFrame(flagFin|opClose, []byte{0x03, 0xee}), 1002}, // 1006
		{"text that is not UTF-8", rawFrame(flagFin|opText, []byte("{\xff}")), 1007},
		{"surrogate in text", rawFrame(flagFin|opText, []byte("\xed\xa0\x80")), 1007},
	} {
		for _, path := range []string{bidiPath, bidiPath + "?encoding=json"} {
			t.Run(test.name+path, func(t *testing.T) {
				t.Parallel()
				c := s.dialRaw(t, path)
				c.send(test.frame)
				c.expectClose(test.code)
			})
		}
	}
}

func TestPingsAreAnsweredBetweenFragments(t *testing.T) {
	t.Parallel()
	c := serve(t, &echoServer{}).dialRaw(t, bidiPath)
	c.send(rawFrame(opText, []byte("{")), rawFrame(flagFin|opPing, []byte("are you there?")), rawFrame(flagFin|opContinuation, []byte("}")))
	if first, payload := c.read(); first != flagFin|opPong || string(payload) != "are you there?" {
		t.Fatalf("frame %#x %q", first, payload)
	}
	if first, payload := c.read(); first != flagFin|opText || string(payload) != "{}" {
		t.Fatalf("frame %#x %q", first, payload)
	}
	c.send(rawFrame(flagFin|opText, nil))
	c.expectClose(1000)
}

// A socket that never sends a whole first frame is closed, however slowly it drips; one whose call runs is not.
func TestFirstFrameTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const timeout = 10 * time.Second
		s, shutdown := servePipes(t, &echoServer{}, bridge.WithFirstFrameTimeout(timeout), bridge.WithHeartbeat(time.Hour))
		defer shutdown()
		start := time.Now()
		listening := s.dialPlain(t, bidiPath+"?encoding=json")
		started := s.dialPlain(t, bidiPath)
		started.sendText("{}")
		started.expectText("{}")
		silent := s.dialRaw(t, bidiPath)
		dripping := s.dialRaw(t, bidiPath)
		dripped := drip(dripping.conn, rawFrame(flagFin|opText, make([]byte, 10_000)), time.Second)
		defer func() { <-dripped }()
		for _, c := range []*rawClient{silent, dripping} {
			if first, payload := c.read(); first != flagFin|opClose || int(payload[0])<<8|int(payload[1]) != 4408 {
				t.Errorf("frame %#x %q", first, payload)
			}
			if took := time.Since(start); took != timeout {
				t.Errorf("closed after %v", took)
			}
			c.conn.Close()
		}
		time.Sleep(timeout)
		for _, c := range []*client{listening, started} {
			c.sendText("{}")
			c.expectText("{}")
			c.sendText("")
			c.expectClose(1000)
			c.conn.Close()
		}
	})
}

// A peer that stops reading is cut after a time without progress: the service's Send returns, and it is counted.
func TestPeerThatStopsReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const timeout = 30 * time.Second
		sent := make(chan error, 1)
		log := &logBuffer{}
		s, shutdown := servePipes(t, &echoServer{output: func(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
			large := &testgrpc.StreamingOutputCallResponse{Payload: &testgrpc.Payload{Body: make([]byte, 1<<20)}}
			err := stream.Send(large)
			sent <- err
			return err
		}}, bridge.WithWriteTimeout(timeout), log.option())
		defer shutdown()
		c := s.dialRaw(t, serverPath)
		start := time.Now()
		c.send(rawFrame(flagFin|opBinary, nil))
		if err := <-sent; status.Code(err) != codes.Unavailable || time.Since(start) != timeout {
			t.Errorf("Send: %v after %v", err, time.Since(start))
		}
		synctest.Wait()
		if stats := s.handler.Stats(); stats.Stalled != 1 || stats.Open != 0 {
			t.Errorf("stats: %+v", stats)
		}
		if !strings.Contains(log.String(), "stalled") {
			t.Errorf("log: %s", log)
		}
	})
}

// A peer that reads slowly, and answers no ping meanwhile, is kept.
func TestPeerThatReadsSlowlyIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const total = 1 << 20
		s, shutdown := servePipes(t, &echoServer{output: func(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
			// One message, whose writing takes far longer than the write timeout.
			return stream.Send(&testgrpc.StreamingOutputCallResponse{Payload: &testgrpc.Payload{Body: make([]byte, total)}})
		}}, bridge.WithWriteTimeout(30*time.Second), bridge.WithHeartbeat(20*time.Second))
		defer shutdown()
		c := s.dialRaw(t, serverPath)
		defer c.conn.Close()
		c.send(rawFrame(flagFin|opBinary, nil))
		for read, buf := 0, make([]byte, 8<<10); read < total; {
			time.Sleep(20 * time.Second) // 43 minutes in all
			n, err := io.ReadFull(c.r, buf[:min(len(buf), total-read)])
			read += n
			if err != nil {
				t.Fatalf("after %d bytes: %v", read, err)
			}
		}
		if stats := s.handler.Stats(); stats.Stalled != 0 || stats.Silent != 0 {
			t.Errorf("stats: %+v", stats)
		}
	})
}

// The largest number there is is a limit like any other: nothing overflows, in any mode.
func TestLargestLimit(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{}, bridge.WithMaxRecvMsgSize(math.MaxInt), bridge.WithMaxSendMsgSize(math.MaxInt))
	body := strings.Repeat("x", 10<<10) // worth compressing
	for _, form := range wireForms {
		c := s.dial(t, bidiPath)
		form.send(c, echoOf(body))
		var out testgrpc.StreamingOutputCallResponse
		form.recv(c, &out)
		if got := string(out.GetPayload().GetBody()); got != body {
			t.Errorf("plain, %s: got %d bytes", form.name, len(got))
		}
	}
	improbable := s.beginImprobable(t, bidiPath)
	improbable.sendMessage(echoOf(body))
	var out testgrpc.StreamingOutputCallResponse
	improbable.block()
	improbable.expectMessage(&out)
	if got := string(out.GetPayload().GetBody()); got != body {
		t.Errorf("improbable: got %d bytes", len(got))
	}
	client := testgrpc.NewTestServiceClient(dialServer(t, s))
	for _, compressor := range []string{"identity", gzip.Name} {
		reply, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{Payload: payload(body)},
			grpc.UseCompressor(compressor), grpc.MaxCallRecvMsgSize(math.MaxInt), grpc.MaxCallSendMsgSize(math.MaxInt))
		if got := string(reply.GetPayload().GetBody()); err != nil || got != body {
			t.Errorf("multiplexed, %s: got %d bytes, %v", compressor, len(got), err)
		}
	}
	if _, got := s.post(t, unaryPath, "application/json", `{"payload":{"body":"aGVsbG8="}}`, nil); !strings.Contains(got, "aGVsbG8=") {
		t.Errorf("HTTP: got %q", got)
	}
}
