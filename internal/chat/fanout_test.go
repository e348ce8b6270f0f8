package chat_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// Hundreds of clients that stop taking anything in one moment hold up the one behind them hardly at all.
func TestStalledClientsDoNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{})
		const stalled = 300
		var joined, ended sync.WaitGroup
		var missing atomic.Int64
		ctx, cancel := context.WithCancel(t.Context())
		all, stall := make(chan struct{}, 1), make(chan struct{})
		for i := range stalled + 1 {
			s := &sink{ctx: ctx, requests: make(chan *chatv1.ConnectRequest, 1), joined: &joined, missing: &missing, all: all}
			if i < stalled {
				s.stall = stall
			}
			joined.Add(1)
			s.requests <- joinRequest(fromNow("lobby"))
			ended.Go(func() { _ = l.service.Connect(s) })
			joined.Wait()
		}
		time.Sleep(time.Minute) // presence is told
		missing.Store(1)        // the only one who takes it
		writer := l.guest("writer")
		began := time.Now()
		writer.publish("lobby", "hello")
		<-all
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("took %v", took)
		}
		missing.Store(stalled + 1)
		close(stall)
		cancel()
		ended.Wait()
	})
}
