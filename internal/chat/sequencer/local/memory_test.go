package local_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/rialto-rpc/rialto/internal/chat/sequencer/local"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// forgetful is a machine that keeps nothing.
type forgetful struct {
	applied state.Pos
	proceed chan struct{}
}

func (m *forgetful) Applied() (state.Epoch, state.Pos) { return "", m.applied }

func (m *forgetful) Apply(entries []state.Entry) (*state.Change, error) {
	m.applied += state.Pos(len(entries))
	return &state.Change{Results: make([]state.Result, len(entries))}, nil
}

func (m *forgetful) Commit(*state.Change, bool) error {
	<-m.proceed
	return nil
}

// TestNothingIsKept lets a queue grow behind a commit that hangs; once all of it is committed, no record is held.
func TestNothingIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const calls = 200
		m := &forgetful{proceed: make(chan struct{})}
		s := local.New(local.Options{MaxBatch: 16})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx, m) }()

		var bodies [calls]weak.Pointer[[64 << 10]byte]
		for i := range calls {
			body := new([64 << 10]byte)
			bodies[i] = weak.Make(body)
			go func() {
				if _, err := s.Append(t.Context(), state.Record{Body: body[:]}); err != nil {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		close(m.proceed)
		time.Sleep(time.Second) // faked: all is committed, and Run waits for more
		runtime.GC()
		kept := 0
		for _, body := range bodies {
			if body.Value() != nil {
				kept++
			}
		}
		if kept > 0 {
			t.Errorf("%d of %d records are kept", kept, calls)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
