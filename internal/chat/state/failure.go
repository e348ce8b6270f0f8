package state

import "sync"

// failure is the first error after which the store cannot go on. Pebble reports errors in goroutines of its own, while
// the committer may wait for it in vain; so whoever waits for Pebble waits for failed, too.
type failure struct {
	failed chan struct{} // closed with the first error

	mu    sync.Mutex // protects what follows
	err   error
	stuck bool
}

// set records an error; only the first counts.
func (f *failure) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
		close(f.failed)
	}
}

// wedge records an error that left a goroutine inside Pebble, perhaps with its locks: it cannot be closed any more.
func (f *failure) wedge(err error) {
	f.set(err)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stuck = true
}

func (f *failure) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *failure) wedged() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stuck
}
