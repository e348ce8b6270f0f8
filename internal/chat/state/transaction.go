package state

import (
	"encoding/binary"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// transaction is what one Apply does: it reads the published snapshot under its own writes, and collects the writes in
// one batch. Of the values it hands out, those of messages may be changed, but must then be put back.
type transaction struct {
	base    *snapshot
	store   *Store // for what it caches
	batch   *pebble.Batch
	change  *Change
	applied Pos

	// What this transaction wrote or read and later records may ask for again.
	dirtyRooms []*room
	messages   map[messageID]*storev1.MessageValue
	firsts     map[dedupeID]*storev1.DedupeValue
	ties
	serverRows
	markers map[memberID]uint64
	posted  map[memberID]int64 // when they posted last, in slow mode
	writers map[uint64]struct{}

	dedupes    *pebble.Iterator // over tableRows, opened when needed
	key, value []byte           // scratch
}

// begin returns a transaction for n entries. Nothing else uses s.published meanwhile but to read it.
func (s *Store) begin(n int) *transaction {
	batch := s.db.NewBatchWithSize(n * 1024)
	switch {
	case s.synced:
		_ = batch.LogData([]byte(syncedMark), nil) // never fails
	case n == 0:
		_ = batch.LogData(nil, nil) // an empty batch would not be written, and nothing synced with it
	}
	return &transaction{
		base:     s.published,
		store:    s,
		batch:    batch,
		change:   &Change{Results: make([]Result, 0, n), Events: make([]*Event, 0, n), Marks: make([]ReadMark, 0, n)},
		applied:  s.applied,
		messages: make(map[messageID]*storev1.MessageValue, n),
		firsts:   make(map[dedupeID]*storev1.DedupeValue, n),
		markers:  make(map[memberID]uint64, n),
		writers:  make(map[uint64]struct{}),
	}
}

// finish writes what is written once a batch: rooms, writers' marks and the position.
func (t *transaction) finish() error {
	if err := t.closeDedupes(); err != nil {
		return err
	}
	if err := t.flushRooms(); err != nil {
		return err
	}
	for writer := range t.writers {
		t.key = appendWriterKey(t.key[:0], writer)
		if err := t.setUint64(t.store.writers[writer]); err != nil {
			return err
		}
	}
	if t.applied == t.store.applied {
		return nil
	}
	t.key = append(t.key[:0], appliedKey...)
	return t.setUint64(uint64(t.applied))
}

// flushRooms writes the rooms that changed.
func (t *transaction) flushRooms() error {
	for _, r := range t.dirtyRooms {
		r.dirty = false
		t.key = appendRoomKey(t.key[:0], r.id)
		if err := t.set(r.value); err != nil {
			return err
		}
	}
	t.dirtyRooms = t.dirtyRooms[:0]
	return nil
}

// abandon lets go of a transaction that is not committed. Errors of what it only read do not matter any more, and a
// batch that was not committed closes without.
func (t *transaction) abandon() {
	_ = t.closeDedupes()
	_ = t.batch.Close()
}

func (t *transaction) closeDedupes() error {
	if t.dedupes == nil {
		return nil
	}
	err := t.dedupes.Close()
	t.dedupes = nil
	return err
}

// set writes a value under t.key.
func (t *transaction) set(value proto.Message) error {
	var err error
	if t.value, err = deterministic.MarshalAppend(t.value[:0], value); err != nil {
		return err
	}
	return t.batch.Set(t.key, t.value, nil)
}

// setUint64 writes a number under t.key.
func (t *transaction) setUint64(n uint64) error {
	t.value = binary.BigEndian.AppendUint64(t.value[:0], n)
	return t.batch.Set(t.key, t.value, nil)
}

// message returns a message; nil if there is none.
func (t *transaction) message(id messageID) (*storev1.MessageValue, error) {
	if v, ok := t.messages[id]; ok {
		return v, nil
	}
	return t.base.message(id)
}

func (t *transaction) putMessage(id messageID, v *storev1.MessageValue) error {
	t.messages[id] = v
	t.key = appendMessageKey(t.key[:0], id)
	return t.set(v)
}

// member returns what somebody is in a room; nil if the room does not know them. It may not be changed.
func (t *transaction) member(id memberID) (*storev1.MemberValue, error) {
	if v, ok := t.store.members.get(id); ok {
		return v, nil
	}
	v, err := t.base.member(id)
	if err == nil {
		t.store.members.put(id, v)
	}
	return v, err
}

// putMember writes what somebody is in a room, keeps count of those who are restricted, and forgets one of whom nothing is
// left to say.
func (t *transaction) putMember(r *room, v *storev1.MemberValue) error {
	id := memberID{r.id, v.GetActor().GetId()}
	before, err := t.member(id)
	if err != nil {
		return err
	}
	if err := t.countRestricted(r, id, before, v); err != nil {
		return err
	}
	if err := t.indexMember(id, before.GetRole() != 0, v.GetRole() != 0); err != nil {
		return err
	}
	t.key = appendMemberKey(t.key[:0], id)
	if v.GetRole() == 0 && v.GetMute() == nil && v.GetBan() == nil {
		t.store.members.put(id, nil)
		return t.batch.Delete(t.key, nil)
	}
	t.store.members.put(id, v)
	return t.set(v)
}

// indexMember keeps the list of the rooms that somebody is a member of.
func (t *transaction) indexMember(id memberID, was, is bool) error {
	t.change.Touches = append(t.change.Touches, Touch{id.room, id.user})
	switch {
	case was == is:
		return nil
	case is:
		return t.batch.Set(appendUserRoomKey(nil, id), nil, nil)
	}
	return t.batch.Delete(appendUserRoomKey(nil, id), nil)
}

// setMentions keeps the index of who is mentioned by a message of sender's, that mentioned some before. Nobody is told that
// they mention themselves.
func (t *transaction) setMentions(room RoomID, seq uint64, sender string, before, after []string) error {
	for _, user := range before {
		if !slices.Contains(after, user) {
			if err := t.batch.Delete(appendMentionKey(nil, memberID{room, user}, seq), nil); err != nil {
				return err
			}
		}
	}
	for _, user := range after {
		if user != sender && !slices.Contains(before, user) {
			if err := t.batch.Set(appendMentionKey(nil, memberID{room, user}, seq), nil, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *transaction) countRestricted(r *room, id memberID, before, after *storev1.MemberValue) error {
	was, is := before.GetMute() != nil || before.GetBan() != nil, after.GetMute() != nil || after.GetBan() != nil
	switch {
	case is && !was:
		r.value.Restricted++
		t.touch(r)
	case was && !is:
		r.value.Restricted--
		t.touch(r)
	}
	t.key = appendBanKey(t.key[:0], id)
	switch banned := after.GetBan() != nil; {
	case banned == (before.GetBan() != nil):
		return nil
	case banned:
		return t.batch.Set(t.key, nil, nil)
	}
	return t.batch.Delete(t.key, nil)
}

// marker returns a read marker; 0 if there is none.
func (t *transaction) marker(id memberID) (uint64, error) {
	if seq, ok := t.markers[id]; ok {
		return seq, nil
	}
	return t.base.marker(id)
}

// putMarker moves a marker, perhaps because its user posted.
func (t *transaction) putMarker(r *room, user string, seq uint64, posted bool) error {
	id := memberID{r.id, user}
	t.markers[id] = seq
	t.change.Marks = append(t.change.Marks, ReadMark{r.id, user, seq, headFromValue(r.value), posted})
	t.key = appendMarkerKey(t.key[:0], id)
	return t.setUint64(seq)
}

// lastPosted returns when a user posted last in a room that was in slow mode then; 0 if never.
func (t *transaction) lastPosted(id memberID) (int64, error) {
	if at, ok := t.posted[id]; ok {
		return at, nil
	}
	at, err := t.base.getUint64(appendPostedKey(nil, id))
	return int64(at), err
}

func (t *transaction) putPosted(id memberID, at int64) error {
	set(&t.posted, id, at)
	t.key = appendPostedKey(t.key[:0], id)
	return t.setUint64(uint64(at))
}

// putReply says that message seq answers message to.
func (t *transaction) putReply(id replyID) error {
	t.key = appendReplyKey(t.key[:0], id)
	return t.batch.Set(t.key, nil, nil)
}

// first returns the first result of a publish; nil if there is none. That is the one question on the way of every publish,
// and a filter nearly always knows the answer. Where it does not, an iterator is asked: unlike a Get it looks at the bloom
// filters of the lowest level, too, which holds nearly all.
func (t *transaction) first(id dedupeID) (*storev1.DedupeValue, error) {
	t.key = appendDedupeKey(t.key[:0], id)
	if !t.store.firsts.mayHave(t.key) {
		return nil, nil
	}
	if v, ok := t.firsts[id]; ok {
		return v, nil
	}
	if t.dedupes == nil {
		var err error
		t.dedupes, err = t.base.db.NewIter(&pebble.IterOptions{
			LowerBound:   []byte{tableRows},
			UpperBound:   []byte{tableRows + 1},
			UseL6Filters: true,
		})
		if err != nil {
			return nil, err
		}
	}
	if !t.dedupes.SeekPrefixGE(t.key) {
		return nil, t.dedupes.Error()
	}
	value, err := t.dedupes.ValueAndErr()
	if err != nil {
		return nil, err
	}
	v := new(storev1.DedupeValue)
	return v, decodeValue(t.key, value, v)
}

func (t *transaction) putFirst(id dedupeID, v *storev1.DedupeValue) error {
	t.firsts[id] = v
	t.key = appendDedupeKey(t.key[:0], id)
	t.store.firsts.add(t.key)
	return t.set(v)
}
