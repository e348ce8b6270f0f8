package chat

import (
	"slices"
	"testing"
)

// What was used least recently goes first; one that is larger than all stays alone.
func TestMemory(t *testing.T) {
	t.Parallel()
	m := &memory{limit: 100}
	var gone []string
	hold := func(name string) *holding {
		h := new(holding)
		h.evict = func() { gone = append(gone, name) }
		return h
	}
	a, b, c, d := hold("a"), hold("b"), hold("c"), hold("d")
	expect := func(what string, used int, want ...string) {
		t.Helper()
		if m.size() != used || !slices.Equal(gone, want) {
			t.Errorf("%s: holds %d, gone %v; want %d and %v", what, m.size(), gone, used, want)
		}
		gone = nil
	}
	for _, h := range []*holding{a, b, c} {
		evictAll(m.set(h, 30))
	}
	m.touch(a)
	expect("all fit", 90)
	evictAll(m.set(d, 30))
	expect("the fourth", 90, "b")
	m.touch(b) // is gone
	evictAll(m.set(a, 60))
	expect("one that grows", 90, "c")
	evictAll(m.set(a, 10))
	expect("one that shrinks", 40)
	evictAll(m.set(c, 1000))
	expect("one that is too large", 1000, "d", "a")
	evictAll(m.set(c, 0))
	evictAll(m.set(c, 0))
	expect("nothing", 0)
}
