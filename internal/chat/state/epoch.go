package state

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// settle decides which history this is: that of the database, a new one if there is none, and also a new one if the
// directory is not the one that the database was last opened in, or if what was acknowledged in it is perhaps lost. The errors
// are those of Open.
//
// The marker is on disk before the database knows it. A crash in between looks like a restore and costs clients a reset;
// the other order could take a restore for the directory itself.
func (s *Store) settle(place marker, log *slog.Logger) error {
	meta, err := s.meta()
	if err != nil {
		return err
	}
	if meta == nil {
		meta = &storev1.MetaValue{Format: formatVersion, Epoch: newEpoch()}
	} else if err := s.checkMeta(meta, place, log); err != nil {
		return err
	}
	if meta.Marker, err = place.renew(); err != nil {
		return err
	}
	meta.Unsynced = s.interval
	s.epoch = Epoch(meta.GetEpoch())
	return s.setMeta(meta)
}

// checkMeta checks that the database can be read here, and renews meta's epoch if here is not where it was.
func (s *Store) checkMeta(meta *storev1.MetaValue, place marker, log *slog.Logger) error {
	if meta.GetFormat() != formatVersion {
		return fmt.Errorf("state: data directory %q has format %d; this version of Rialto reads format %d",
			place.dir, meta.GetFormat(), formatVersion)
	}
	found, err := place.get()
	if err != nil {
		return err
	}
	reason := ""
	switch {
	case found == "":
		reason = markerFile + " is missing"
	case found != meta.GetMarker():
		reason = markerFile + " is another file than when the server last started: a copy, or a restored backup"
	case meta.GetUnsynced():
		reason = "a server that acknowledged before it synced was not stopped in order"
	default:
		return nil
	}
	old := meta.GetEpoch()
	meta.Epoch = newEpoch()
	log.Warn("the epoch is renewed: clients load their rooms anew",
		"reason", reason, "data", place.dir, "epoch", meta.GetEpoch(), "old_epoch", old)
	return nil
}

// meta reads what the directory is, nil if that was not yet decided.
func (s *Store) meta() (*storev1.MetaValue, error) {
	found := &snapshot{db: s.db.NewSnapshot()}
	found.refs.Store(1)
	defer found.release()
	meta := new(storev1.MetaValue)
	if ok, err := found.get(metaKey, meta); !ok {
		return nil, err
	}
	return meta, nil
}

func (s *Store) setMeta(meta *storev1.MetaValue) error {
	value, err := deterministic.Marshal(meta)
	if err != nil {
		return fmt.Errorf("state: encode meta: %w", err)
	}
	if err := s.db.Set(metaKey, value, pebble.Sync); err != nil {
		return fmt.Errorf("state: write meta: %w", err)
	}
	return s.failure.get()
}

// closeInOrder makes sure that all is on disk, and notes it, where that was not so with every commit.
func (s *Store) closeInOrder() error {
	meta, err := s.meta()
	if err != nil {
		return err
	}
	meta.Unsynced = false
	return s.setMeta(meta) // synced, and so is all before it
}

func newEpoch() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return hex.EncodeToString(b[:])
}
