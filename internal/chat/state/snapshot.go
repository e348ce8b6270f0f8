package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// snapshot is the database as one commit left it, durable as far as that commit was. It is closed with its last
// reference: the store holds one while it is the published one, every [View] one more.
type snapshot struct {
	db    *pebble.Snapshot
	epoch Epoch
	pos   Pos
	refs  atomic.Int64
	// closed is closed with the snapshot; nil for one that nobody waits for.
	closed chan struct{}
}

// release drops a reference, and reports whether it was the last. The error of closing a Pebble snapshot is always nil.
func (s *snapshot) release() (last bool) {
	if s.refs.Add(-1) > 0 {
		return false
	}
	_ = s.db.Close()
	if s.closed != nil {
		close(s.closed)
	}
	return true
}

// get reads one value; false if there is none.
func (s *snapshot) get(key []byte, into proto.Message) (bool, error) {
	value, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("state: read %q: %w", key, err)
	}
	err = decodeValue(key, value, into)
	return err == nil, errors.Join(err, closer.Close())
}

// getUint64 reads one number; 0 if there is none.
func (s *snapshot) getUint64(key []byte) (uint64, error) {
	value, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("state: read %q: %w", key, err)
	}
	n, err := decodeUint64(key, value)
	return n, errors.Join(err, closer.Close())
}

func (s *snapshot) room(id RoomID) (*storev1.RoomValue, error) {
	v := new(storev1.RoomValue)
	if ok, err := s.get(appendRoomKey(nil, id), v); !ok {
		return nil, err
	}
	return v, nil
}

// firstSeq returns the oldest message that a room keeps; of one that was deleted none.
func (s *snapshot) firstSeq(id RoomID) (uint64, error) {
	v, err := s.room(id)
	switch {
	case v == nil:
		return 1, err
	case v.GetRemoval().GetDeleteTimeMs() != 0:
		return math.MaxUint64, nil
	}
	return v.GetFirstSeq(), nil
}

func (s *snapshot) message(id messageID) (*storev1.MessageValue, error) {
	v := new(storev1.MessageValue)
	if ok, err := s.get(appendMessageKey(nil, id), v); !ok {
		return nil, err
	}
	return v, nil
}

func (s *snapshot) member(id memberID) (*storev1.MemberValue, error) {
	v := new(storev1.MemberValue)
	if ok, err := s.get(appendMemberKey(nil, id), v); !ok {
		return nil, err
	}
	return v, nil
}

func (s *snapshot) invitation(id memberID) (*storev1.InvitationValue, error) {
	v := new(storev1.InvitationValue)
	if ok, err := s.get(appendInviteKey(nil, id), v); !ok {
		return nil, err
	}
	return v, nil
}

func (s *snapshot) request(id memberID) (*storev1.RequestValue, error) {
	v := new(storev1.RequestValue)
	if ok, err := s.get(appendRequestKey(nil, id), v); !ok {
		return nil, err
	}
	return v, nil
}

// link returns a link; the zero value if there is none.
func (s *snapshot) link(id string) (link, error) {
	room, closer, err := s.db.Get(appendLinkKey(nil, id))
	if errors.Is(err, pebble.ErrNotFound) {
		return link{}, nil
	}
	if err != nil {
		return link{}, fmt.Errorf("state: read link: %w", err)
	}
	l := link{RoomID(room), new(storev1.LinkValue)}
	if err := closer.Close(); err != nil {
		return link{}, err
	}
	ok, err := s.get(appendRoomLinkKey(nil, l.room, id), l.value)
	if err == nil && !ok {
		err = errors.New("state: corrupt link: its room does not have it")
	}
	return l, err
}

// has reports whether a key is there.
func (s *snapshot) has(key []byte) (bool, error) {
	_, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("state: read %q: %w", key, err)
	}
	return true, closer.Close()
}

func (s *snapshot) marker(id memberID) (uint64, error) {
	return s.getUint64(appendMarkerKey(nil, id))
}

// iterate returns an iterator over the keys in [lower, upper).
func (s *snapshot) iterate(lower, upper []byte) (*pebble.Iterator, error) {
	iter, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, fmt.Errorf("state: iterate: %w", err)
	}
	return iter, nil
}

func decodeValue(key, value []byte, into proto.Message) error {
	if err := proto.Unmarshal(value, into); err != nil {
		return fmt.Errorf("state: corrupt value of %q: %w", key, err)
	}
	return nil
}

func decodeUint64(key, value []byte) (uint64, error) {
	if len(value) != 8 {
		return 0, fmt.Errorf("state: corrupt value of %q: %d bytes, not 8", key, len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}
