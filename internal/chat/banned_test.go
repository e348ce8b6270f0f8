package chat_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// slowBans is a store that takes its time, once, to say who is banned.
type slowBans struct {
	chat.Store
	hold atomic.Pointer[chan struct{}]
}

func (s *slowBans) Bans() *state.Bans {
	if hold := s.hold.Swap(nil); hold != nil {
		<-*hold
	}
	return s.Store.Bans()
}

// Nothing of a service that was drained goes on, nor does what looks for sessions of those who were banned.
func TestDrainWaitsForBans(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &slowBans{}
		var seq sequencer.Sequencer
		c := startCalls(t, config{
			reads: func(s chat.Store) chat.Store { store.Store = s; return store },
			wrap:  func(s sequencer.Sequencer) sequencer.Sequencer { seq = s; return s },
		})
		c.connect(c.person("ana")).call(leaveRequest("lobby"))
		looks := make(chan struct{})
		store.hold.Store(&looks)
		record, err := state.NewRecord(state.Actor{ID: "operator", Operator: true}, time.Now().UnixMilli(), &storev1.BanUser{User: "eve"})
		if err != nil {
			t.Fatal(err)
		}
		must(seq.Append(t.Context(), record))(t)
		drained := make(chan error, 1)
		go func() { drained <- c.service.Drain(context.Background()) }() // ends when looks is closed
		synctest.Wait()
		select {
		case err := <-drained:
			t.Errorf("drained, %v, while somebody looks for sessions", err)
			close(looks)
		default:
			close(looks)
			if err := <-drained; err != nil {
				t.Error(err)
			}
		}
	})
}
