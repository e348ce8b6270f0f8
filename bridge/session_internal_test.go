package bridge

import (
	"net"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// pingedSocket is a socket whose peer's first ping comes when a flush has just looked for a pong to write.
type pingedSocket struct {
	*scriptedSocket
	wake    func()
	flushes int
}

func (s *pingedSocket) start(wake func()) { s.wake = wake }

func (s *pingedSocket) flush() error {
	if s.flushes++; s.flushes == 1 {
		s.wake()
	}
	return nil
}

// A pong that is left to the writer while that is about to end is written all the same.
func TestSessionFlushesWhatComesAtTheLastMoment(t *testing.T) {
	t.Parallel()
	handler, err := NewHandler()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		sock := &pingedSocket{scriptedSocket: newScriptedSocket(nil)}
		server := newMuxServer(handler, sock, muxRequest{header: metadata.MD{}}, &peer.Peer{Addr: &net.TCPAddr{}})
		served := make(chan struct{})
		server.serve(func() { close(served) })
		synctest.Wait()
		if sock.flushes != 2 {
			t.Errorf("%d flushes, want another one for what came during the first", sock.flushes)
		}
		sock.abort()
		<-served
	})
}
