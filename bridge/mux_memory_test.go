package bridge_test

import (
	"io"
	"runtime"
	"testing"
	"testing/synctest"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// heapInUse is what lives, in bytes and objects.
func heapInUse() (bytes, objects int64) {
	runtime.GC()
	runtime.GC() // what pools kept goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.Mallocs - m.Frees)
}

// sendMany sends a frame again and again, in few system calls.
func (p *muxPeer) sendMany(n int, f wireFrame) {
	p.t.Helper()
	message := rawFrame(flagFin|opBinary, f.encode())
	var many []byte
	for i := range n {
		many = append(many, message...)
		if len(many) < 64<<10 && i < n-1 {
			continue
		}
		if _, err := p.conn.NetConn().Write(many); err != nil {
			p.t.Fatal(err)
		}
		many = many[:0]
	}
}

// Messages that nobody receives take no more memory than the protocol says: twice the stream's window, however short they are.
func TestMuxShortMessagesTakeLittleMemory(t *testing.T) { // not parallel: it measures memory
	const window, streams, slack = 64 << 10, 4, 256 << 10
	for _, payload := range []string{"", "x"} {
		goOn, received := make(chan struct{}), make(chan int, streams)
		s := serve(t, &echoServer{fullBidi: func(stream bidiCall) error {
			<-goOn
			for n := 0; ; n++ {
				if _, err := stream.Recv(); err != nil {
					received <- n
					if err == io.EOF {
						return nil
					}
					return err
				}
			}
		}})
		p := s.dialMux(t)
		for i := range uint32(streams) {
			p.open(2*i+1, bidiPath)
		}
		p.checkAlive(101)
		before, _ := heapInUse()
		for i := range uint32(streams) {
			p.sendMany(window, wireFrame{frameData, 0, 2*i + 1, []byte(payload)})
		}
		p.checkAlive(103)
		after, _ := heapInUse()
		if grown := after - before; grown > 3*window*streams+slack {
			t.Errorf("%q: %d messages take %d bytes", payload, window*streams, grown)
		}
		close(goOn)
		for i := range uint32(streams) {
			p.send(wireFrame{frameEndSend, 0, 2*i + 1, nil})
		}
		for range streams {
			if n := receive(t, received); payload == "" && n != window {
				t.Errorf("received %d messages", n)
			}
		}
		p.conn.Close()
		s.idle(t)
	}
}

// A call that is refused leaves nothing behind, however long its connection lasts.
func TestMuxRefusedCallsLeaveNothing(t *testing.T) { // not parallel: it measures memory
	s := serve(t, &echoServer{})
	p := s.dialMux(t)
	id := uint32(1)
	for ; id < 200; id += 2 {
		p.open(id, bidiPath)
	}
	refuse := func(n int) {
		for range n {
			p.open(id, bidiPath)
			p.expectReset(id)
			id += 2
		}
	}
	refuse(50)
	_, before := heapInUse()
	const refused = 800
	refuse(refused)
	if _, after := heapInUse(); after-before > refused/4 {
		t.Errorf("%d refused calls left %d objects", refused, after-before)
	}
}

// Empty messages that the client gives no credit for do not pile up either: their sender waits.
func TestMuxEmptyMessagesWait(t *testing.T) {
	t.Parallel()
	const window, queued, many = 64 << 10, 1 << 10, 100 << 10
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		s, shutdown := servePipes(t, &echoServer{fullBidi: func(stream bidiCall) error {
			for ; sent < many; sent++ {
				if err := stream.Send(&testgrpc.StreamingOutputCallResponse{}); err != nil {
					return err
				}
			}
			return nil
		}})
		defer shutdown()
		p := s.dialMux(t)
		defer p.conn.Close()
		p.byHand = true
		p.open(1, bidiPath)
		p.expect(frameHeaders, 1)
		for range window {
			p.expect(frameData, 1)
		}
		synctest.Wait()
		if sent < window || sent > window+queued {
			t.Errorf("sent %d messages with credit for %d", sent, window)
		}
		p.grant(1, window)
		p.skipTo(frameEnd, 1)
	})
}

// Credit comes back for all that was received, however it was cut: with empty chunks, too.
func TestMuxCreditOfEmptyChunks(t *testing.T) {
	t.Parallel()
	const window = 64 << 10
	s := serve(t, &echoServer{fullBidi: func(stream bidiCall) error {
		for {
			in, err := stream.Recv()
			if err != nil {
				return nil
			}
			if string(in.GetPayload().GetBody()) == "answer" {
				echoTo(stream, in)
			}
		}
	}})
	p := s.dialMux(t)
	p.open(1, bidiPath)
	message := p.encode(echoOf("hello"))
	sent := 0
	for round := range 200 { // 203 KB: three times the credit there is
		for _, f := range []wireFrame{
			{frameData, more, 1, nil},
			{frameData, more, 1, message[:3]},
			{frameData, more, 1, nil},
			{frameData, 0, 1, message[3:]},
			{frameData, 0, 1, nil},
			{frameData, more, 1, nil},
			{frameData, 0, 1, nil},
		} {
			p.send(f)
			sent += max(len(f.payload), 1)
		}
		const bulk = 1000
		p.sendMany(bulk, wireFrame{frameData, more, 1, nil})
		p.send(wireFrame{frameData, 0, 1, nil})
		sent += bulk + 1
		for sent-p.granted[1] > window-2*bulk {
			if _, err := p.read(); err != nil {
				t.Fatalf("round %d: %d sent, %d granted: %v", round, sent, p.granted[1], err)
			}
		}
	}
	last := p.encode(echoOf("answer"))
	p.send(wireFrame{frameData, 0, 1, last})
	sent += len(last)
	p.skipTo(frameData, 1)
	if p.granted[1] > sent || p.granted[1] < sent-window/2 {
		t.Errorf("%d granted of %d", p.granted[1], sent)
	}
}
