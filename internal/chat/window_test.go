package chat

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

func posted(rev uint64, bytes int) *state.Event {
	m := &state.Message{Room: "lobby", Seq: rev, Rev: rev, Text: strings.Repeat("x", bytes)}
	return &state.Event{Room: "lobby", Rev: rev, Kind: state.Posted, Message: m}
}

// revs reads a window to its end, or to limit, a budget at a time.
func (w *window) revs(rev, limit uint64, budget int) []uint64 {
	var got []uint64
	for {
		events, _ := w.read(nil, rev, limit, budget)
		if len(events) == 0 {
			return got
		}
		for _, e := range events {
			rev = e.message.GetRev()
			got = append(got, rev)
		}
	}
}

func TestWindowIsBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                 string
		maxEvents, maxBytes  int
		bytes                int // of each body
		oldest, newest, push uint64
	}{
		{"by count", 4, 1 << 20, 10, 7, 10, 10},
		{"by bytes", 100, 50, 20, 9, 10, 10},
		{"one that is too large", 100, 50, 1000, 10, 10, 10},
		{"not yet", 4, 1 << 20, 10, 1, 3, 3},
	} {
		w := window{maxEvents: c.maxEvents, maxBytes: c.maxBytes}
		for rev := uint64(1); rev <= c.push; rev++ {
			w.push(posted(rev, c.bytes))
		}
		var want []uint64
		for rev := c.oldest; rev <= c.newest; rev++ {
			want = append(want, rev)
		}
		for _, budget := range []int{0, 100, 1 << 20} {
			if got := w.revs(c.oldest-1, uncapped, budget); !slices.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", c.name, got, want)
			}
		}
		if got := w.revs(c.oldest-1, c.newest-1, 100); !slices.Equal(got, want[:len(want)-1]) {
			t.Errorf("%s, capped: got %v", c.name, got)
		}
		if c.oldest > 1 && len(w.revs(c.oldest-2, uncapped, 100)) != 0 {
			t.Errorf("%s: has what it let go", c.name)
		}
	}
}

// An edit counts at its new size wherever the message is shown.
func TestWindowCountsWhatItHolds(t *testing.T) {
	t.Parallel()
	w := window{maxEvents: 100, maxBytes: 1000}
	w.push(posted(1, 10))
	w.push(posted(2, 10))
	long := posted(3, 600)
	long.Kind, long.Message.Seq = state.Edited, 2
	w.push(long)
	if got := w.revs(2, uncapped, 1); !slices.Equal(got, []uint64{3}) || len(w.revs(1, uncapped, 1)) != 0 {
		t.Errorf("1210 bytes in a window of 1000: %v", got)
	}
	short := posted(4, 5)
	short.Kind, short.Message.Seq = state.Edited, 2
	w.push(short)
	for rev := uint64(5); rev < 100; rev++ {
		w.push(posted(rev, 10))
	}
	if got := w.revs(2, uncapped, 1<<20); len(got) != 97 || w.bytes != 5+5+95*10 {
		t.Errorf("%d events of %d bytes", len(got), w.bytes)
	}
}

// What is not contiguous is not in the window, and so is read from disk.
func TestWindowAfterAGap(t *testing.T) {
	t.Parallel()
	w := window{maxEvents: 10, maxBytes: 1 << 20}
	w.push(posted(1, 1))
	w.push(posted(5, 1))
	w.push(posted(6, 1))
	if got := w.revs(1, uncapped, 100); len(got) != 0 {
		t.Errorf("from before the gap: %v", got)
	}
	if got := w.revs(4, uncapped, 100); !slices.Equal(got, []uint64{5, 6}) {
		t.Errorf("after the gap: %v", got)
	}
}

// Whatever comes and goes, everybody is there once, and a walk that began before does not notice.
func TestSubscribers(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var s subscribers
	var model []*cursor
	for step := range 5000 {
		before, held := s.all(), slices.Clone(model)
		if grow := step < 2500; len(model) == 0 || random.IntN(10) < 5 && grow || random.IntN(10) < 3 {
			c := &cursor{}
			s.add(c)
			model = append(model, c)
		} else {
			i := random.IntN(len(model))
			s.remove(model[i])
			model = slices.Delete(model, i, i+1)
		}
		if step%50 == 0 {
			same(t, s.all(), model)
			same(t, before, held)
		}
	}
}

func same(t *testing.T, chunks [][]*cursor, want []*cursor) {
	t.Helper()
	got := make(map[*cursor]bool)
	n := 0
	for _, chunk := range chunks {
		for _, c := range chunk {
			got[c] = true
			n++
		}
	}
	for _, c := range want {
		if !got[c] {
			t.Fatal("somebody is missing")
		}
	}
	if n != len(want) {
		t.Fatalf("%d places for %d", n, len(want))
	}
}
