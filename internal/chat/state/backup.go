package state

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Backup writes a copy of the store to dir, which must not exist, on the same file system or another: what was committed, and
// perhaps what is being committed meanwhile. Files that never change are linked where they can be. A store that is opened from
// the copy gets a new epoch. It may be called while commands are applied; Close waits for it, and after that it fails.
func (s *Store) Backup(dir string) error {
	if !s.hold() {
		return errors.New("state: back up: the store is closed")
	}
	defer s.readers.Done()
	if err := s.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
		return fmt.Errorf("state: back up to %q: %w", dir, err)
	}
	return nil
}

// hold keeps Close waiting until readers.Done is called; false after Close.
func (s *Store) hold() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.published == nil {
		return false
	}
	s.readers.Add(1)
	return true
}
