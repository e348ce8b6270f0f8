package history_test

import (
	"sync"
	"testing"

	"github.com/rialto-rpc/rialto/internal/history"
)

// TestRecorderKeepsWhatConcurrentClientsTell lets many tell at once, and takes histories meanwhile.
func TestRecorderKeepsWhatConcurrentClientsTell(t *testing.T) {
	t.Parallel()
	const clients, each = 8, 50
	r := history.NewRecorder()
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			o := r.Observe("o", "r")
			for n := range uint64(each) {
				r.Publish("r", "s", "c").Acknowledged(n, n)
				r.Read("r").Got(history.Page{})
				o.Event(history.Event{Rev: n + 1})
				r.History()
			}
		})
	}
	r.WaitForAcks(clients * each)
	all.Wait()
	h := r.History()
	if len(h.Publishes) != clients*each || len(h.Reads) != clients*each || len(h.Sessions) != clients {
		t.Errorf("%d publishes, %d reads, %d sessions", len(h.Publishes), len(h.Reads), len(h.Sessions))
	}
	for _, p := range h.Publishes {
		if p.Start == 0 || p.End <= p.Start || p.Outcome != history.Acknowledged {
			t.Fatalf("%+v", p)
		}
	}
	for _, s := range h.Sessions {
		if len(s.Steps) != each {
			t.Errorf("%d steps", len(s.Steps))
		}
	}
}
