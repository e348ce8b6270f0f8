package state

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// spaceInterval is how long what was seen of the disk's free space is believed. What can be written in it, and what Pebble
// needs to rewrite files, fits into the floor's default.
const spaceInterval = 250 * time.Millisecond

// space watches the free space of the disk that holds the store.
type space struct {
	fs    vfs.FS
	dir   string
	floor uint64 // bytes; 0: none

	mu     sync.Mutex // guards what follows; held while the disk is asked
	looked time.Time
	free   uint64
	known  bool // whether the system says how much there is
}

// get returns how many bytes are free; false where nobody knows.
func (s *space) get() (free uint64, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); s.looked.IsZero() || now.Sub(s.looked) >= spaceInterval {
		usage, err := s.fs.GetDiskUsage(s.dir)
		s.looked, s.free, s.known = now, usage.AvailBytes, err == nil
	}
	return s.free, s.known
}

// Full reports whether less than Options.MinFreeBytes are free on the disk: nothing should be appended then, so that what is
// there can still be read, compacted and deleted. It is cheap, and may be a quarter of a second late.
func (s *Store) Full() bool {
	free, known := s.space.get()
	return known && free < s.space.floor
}

// FreeBytes returns how much space the disk has; false where the system does not say.
func (s *Store) FreeBytes() (uint64, bool) { return s.space.get() }
