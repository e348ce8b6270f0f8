package chat_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
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

// A reply, and the session's own message with it, goes at once, also while workers have many to send to before that session.
func TestRepliesDoNotWaitForTheWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{})
		const readers, each = 500, 4 * time.Millisecond // a worker is not held up by that
		var connected sync.WaitGroup
		connect := func(name string, received func(*chatv1.ConnectResponse)) *transport {
			p, _, err := l.guests.Issue(name)
			if err != nil {
				t.Fatal(err)
			}
			s := newTransport(auth.WithPrincipal(t.Context(), p), received)
			s.requests <- joinRequest(fromNow("lobby"))
			connected.Go(func() { _ = l.service.Connect(s) }) // ends with the transport
			return s
		}
		var all []*transport
		for range readers {
			all = append(all, connect("reader", func(*chatv1.ConnectResponse) {}))
		}
		synctest.Wait()
		var began, replied, own time.Time
		last := connect("last", func(resp *chatv1.ConnectResponse) {
			if len(resp.GetReplies()) > 0 {
				replied = time.Now()
			}
			for _, e := range resp.GetEvents() {
				if e.GetPosted().GetText() == "mine" {
					own = time.Now()
				}
			}
		})
		time.Sleep(time.Minute) // presence is told
		for _, s := range all {
			s.block(each)
		}
		writer := l.guest("writer")
		writer.publish("lobby", "hello")
		time.Sleep(each / 2)
		began = time.Now() // the last one's turn is yet to come
		request := publishRequest("lobby", "mine")
		request.RequestId = "mine"
		last.requests <- request
		time.Sleep(time.Minute)
		for _, s := range append(all, last) {
			s.cut()
		}
		connected.Wait()
		if took := replied.Sub(began); took < 0 || took > each {
			t.Errorf("the reply took %v", took)
		}
		if took := own.Sub(began); took < 0 || took > each {
			t.Errorf("the own message took %v", took)
		}
	})
}
