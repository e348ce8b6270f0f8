package state

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// What a Delete, an Edit or a Purge has removed is still in files: in the log, and in tables where newer rows lie above it.
// Pebble drops it when it merges those, which may be never. Erase makes it merge them.

// erasePiece is about how much of the disk is rewritten at a time.
const erasePiece = 64 << 20

// keyRange is the keys from lower to below upper.
type keyRange struct{ lower, upper []byte }

// Erase frees the files of the database, and its log, of all that was removed from rooms so far, room by room, of users who were
// erased, and of what profiles said before. It calls rest between pieces of work with how long the last one took, and ends with
// the error that rest returns; what was not done is done by the next. One at a time; commands are applied meanwhile. now is
// remembered: see LastErased.
func (s *Store) Erase(ctx context.Context, now time.Time, rest func(ctx context.Context, busy time.Duration) error) error {
	done, err := s.lastErased()
	if err != nil {
		return err
	}
	view := s.View().(*reader)
	pos := view.pos
	pieces, err := s.pieces(view.snapshot, Pos(done.GetPosition()))
	view.Close()
	if err != nil {
		return fmt.Errorf("state: erase: %w", err)
	}
	if err := s.awaitReaders(ctx, pos); err != nil {
		return err
	}
	for _, piece := range pieces {
		began := time.Now()
		if err := s.rewrite(ctx, piece, false); err != nil {
			return err
		}
		if err := rest(ctx, time.Since(began)); err != nil {
			return err
		}
	}
	return s.setErased(&storev1.ErasedValue{Position: uint64(pos), TimeMs: now.UnixMilli()})
}

// Compact rewrites the whole database, so that nothing that was removed, or replaced, is left in any file of it once it is
// closed. It takes about as long as reading and writing all of it, and as much space while it runs.
func (s *Store) Compact(ctx context.Context) error {
	if err := s.awaitReaders(ctx, math.MaxUint64); err != nil {
		return err
	}
	return s.rewrite(ctx, keyRange{[]byte{0}, []byte{math.MaxUint8}}, true)
}

// LastErased returns when Erase was called last that did all; the zero time: never.
func (s *Store) LastErased() (time.Time, error) {
	v, err := s.lastErased()
	if err != nil || v.GetTimeMs() == 0 {
		return time.Time{}, err
	}
	return time.UnixMilli(v.GetTimeMs()), nil
}

// lastErased reads what no command has written and no View shows.
func (s *Store) lastErased() (*storev1.ErasedValue, error) {
	now := &snapshot{db: s.db.NewSnapshot()}
	now.refs.Store(1)
	defer now.release()
	v := new(storev1.ErasedValue)
	_, err := now.get(erasedKey, v)
	return v, err
}

func (s *Store) setErased(v *storev1.ErasedValue) error {
	value, err := deterministic.Marshal(v)
	if err != nil {
		return fmt.Errorf("state: encode erased: %w", err)
	}
	batch := s.db.NewBatch()
	if err := batch.Set(erasedKey, value, nil); err != nil {
		return err
	}
	return s.writeOwn(batch)
}

// pieces returns what of the database holds something that was removed after a position.
func (s *Store) pieces(view *snapshot, after Pos) ([]keyRange, error) {
	pieces, deleted, err := s.roomPieces(view, after)
	if err != nil {
		return nil, err
	}
	var since [2]bool
	for i, key := range [...][]byte{{tableServer, serverErased}, replacedKey} {
		at, err := view.getUint64(key)
		if err != nil {
			return nil, err
		}
		since[i] = Pos(at) > after
	}
	erased, replaced := since[0], since[1]
	if deleted || erased { // what rooms were called
		pieces = append(pieces, keyRange{[]byte{tableRooms}, []byte{tableRows}})
	}
	switch {
	case erased: // operators' acts name users, too
		pieces = append(pieces, keyRange{[]byte{tableUsers}, []byte{tableServer + 1}})
	case deleted || replaced:
		pieces = append(pieces, keyRange{[]byte{tableUsers}, []byte{tableServer}})
	}
	return pieces, nil
}

// roomPieces returns what holds the rows of rooms that removed something after a position, neighbours together as far as that is
// not too much; and whether one of them was deleted, of which there is something outside those rows, too.
func (s *Store) roomPieces(view *snapshot, after Pos) (pieces []keyRange, deleted bool, err error) {
	err = view.scan([]byte{tableRooms}, []byte{tableRooms + 1}, math.MaxInt, func(key, value []byte) error {
		v := new(storev1.RoomValue)
		if err := decodeValue(key, value, v); err != nil || Pos(v.GetRemoval().GetPosition()) <= after {
			return err
		}
		deleted = deleted || v.GetRemoval().GetDeleteTimeMs() != 0
		lower, upper := roomBounds(RoomID(key[1:]))
		if n := len(pieces); n > 0 {
			size, err := s.db.EstimateDiskUsage(pieces[n-1].lower, upper)
			if err != nil {
				return err
			}
			if size <= erasePiece {
				pieces[n-1].upper = upper
				return nil
			}
		}
		pieces = append(pieces, keyRange{lower, upper})
		return nil
	})
	return pieces, deleted, err
}

// rewrite merges all tables that hold keys of a range. Pebble merges what overlaps between levels, but does not look again at
// what lies in the lowest one, where an old row is left if somebody was reading it when a newer one came down. So something
// that overlaps all of the range, and is nothing, goes down before it: a mark that deletes Pebble's range keys, of which there
// are none. It also has the log change, and Pebble deletes the old one.
func (s *Store) rewrite(ctx context.Context, r keyRange, parallel bool) error {
	batch := s.db.NewBatch()
	if err := batch.RangeKeyDelete(r.lower, r.upper, nil); err != nil {
		return fmt.Errorf("state: erase: %w", err)
	}
	if err := s.writeOwn(batch); err != nil {
		return err
	}
	if err := s.db.Compact(ctx, r.lower, r.upper, parallel); err != nil {
		return fmt.Errorf("state: erase: %w", err)
	}
	return s.failure.get()
}

// writeOwn commits what is no command's, from another goroutine than the one that commits those.
func (s *Store) writeOwn(batch *pebble.Batch) error {
	err := s.write(batch, true)
	if err != nil {
		s.failure.set(err)
	}
	return err
}

// awaitReaders waits until nobody can read what was removed up to a position: until all Views of before are closed.
func (s *Store) awaitReaders(ctx context.Context, pos Pos) error {
	s.mu.Lock()
	var older []*snapshot
	for reading := range s.reading {
		if reading != s.published && reading.pos < pos {
			older = append(older, reading)
		}
	}
	s.mu.Unlock()
	for _, reading := range older {
		select {
		case <-reading.closed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
