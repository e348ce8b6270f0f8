package state

import (
	"context"
	"testing"
)

// NewCommand returns an empty command of a kind, nil if there is no such kind: for tests that walk all kinds.
var NewCommand = newCommand

// Sink has Pebble bring all that is committed down to its lowest level.
func (s *Store) Sink(t testing.TB) {
	t.Helper()
	err := s.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false)
	if err != nil {
		t.Fatal(err)
	}
}
