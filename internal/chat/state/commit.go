package state

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// writeGrace is how long a write may still take after a failure, before it is given up as stuck.
const writeGrace = time.Second

// Commit makes the last Apply's change durable in one batch with its position, and only then publishes the View that
// shows it and tells OnCommit. With sync the change survives power loss when Commit returns.
func (s *Store) Commit(c *Change, sync bool) error {
	if err := s.failure.get(); err != nil {
		return err
	}
	t := s.pending
	if t == nil || t.change != c {
		return errors.New("state: commit: not the change of the last Apply")
	}
	s.pending = nil // whatever comes of it: who writes the batch closes it, and Pebble uses a closed one again
	if err := s.write(t.batch, sync); err != nil {
		s.failure.set(err)
		return err
	}
	s.synced = sync
	s.applied = t.applied
	s.rooms.evict()
	s.members.evict()
	s.writers.evict()
	s.bans.commit(t.serverBans, t.nowGone)
	if s.onShutOut != nil && len(c.ShutOuts) > 0 {
		s.onShutOut(c.ShutOuts)
	}
	s.publish()
	if s.onCommit != nil {
		s.onCommit(c)
	}
	return nil
}

// write is a batch on its way to Pebble.
type write struct {
	batch *pebble.Batch
	sync  bool
	done  chan error // of size 1
}

// write has a batch committed to Pebble and waits for that, or for a failure: Pebble does not return from a write that waits
// for a flush which fails again and again.
func (s *Store) write(batch *pebble.Batch, sync bool) error {
	w := write{batch, sync, make(chan error, 1)}
	select {
	case s.writes <- w:
	case <-s.failure.failed:
		return s.failure.get()
	}
	select {
	case err := <-w.done:
		return errors.Join(err, s.failure.get())
	case <-s.failure.failed:
	}
	select {
	case err := <-w.done:
		return errors.Join(err, s.failure.get())
	case <-time.After(writeGrace):
		s.failure.wedge(s.failure.get())
		return s.failure.get()
	}
}

// writeAll writes one batch after the other, of whoever: a batch says whether what lies before it in the log was synced. It ends
// with the store, or hangs in Pebble, and the process ends.
func (s *Store) writeAll() {
	defer close(s.written)
	for {
		select {
		case w := <-s.writes:
			w.done <- s.writeBatch(w.batch, w.sync)
		case <-s.closing:
			return
		}
	}
}

// writeBatch commits a batch. It asks Pebble not to wait for the fsync, and waits itself, since Pebble's own way of
// telling that an fsync failed is Logger.Fatalf. Where Pebble panics, as when it cannot make its next WAL, its locks
// stay held.
func (s *Store) writeBatch(batch *pebble.Batch, sync bool) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("state: commit: %v", p)
			s.failure.wedge(err)
		}
	}()
	if sync {
		err = s.db.ApplyNoSyncWait(batch, pebble.Sync)
		if err == nil {
			err = batch.SyncWait()
		}
	} else {
		err = s.db.Apply(batch, pebble.NoSync)
	}
	if err != nil {
		return fmt.Errorf("state: commit: %w", err)
	}
	return batch.Close()
}

// publish makes the database as it is now what every later View shows. Only the committer writes what a View shows, so it holds
// of that what was committed so far and nothing else: [Store.Erase] writes, too, but nothing that is read through a View.
func (s *Store) publish() {
	next := &snapshot{db: s.db.NewSnapshot(), epoch: s.epoch, pos: s.applied, closed: make(chan struct{})}
	next.refs.Store(1)
	s.mu.Lock()
	last := s.published
	s.published = next
	s.reading[next] = struct{}{}
	s.mu.Unlock()
	if last != nil {
		s.release(last)
	}
}

// release drops a reference to a snapshot that was published.
func (s *Store) release(one *snapshot) {
	if one.release() {
		s.mu.Lock()
		delete(s.reading, one)
		s.mu.Unlock()
	}
}
