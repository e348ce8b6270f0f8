package state

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Backup writes a copy of the store to dir, which must not exist, on the same file system or another: what was committed, and
// perhaps what is being committed meanwhile. Files that never change are linked where they can be. A store that is opened from
// the copy gets a new epoch. It may be called while commands are applied.
func (s *Store) Backup(dir string) error {
	if err := s.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
		return fmt.Errorf("state: back up to %q: %w", dir, err)
	}
	return nil
}
