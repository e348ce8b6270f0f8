package state

import (
	"errors"
	"fmt"
	"math"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

func (r *reader) Events(room RoomID, after uint64, n, bytes int) ([]*Event, error) {
	if after == math.MaxUint64 {
		return nil, nil
	}
	state, err := r.room(room)
	switch {
	case state == nil:
		return nil, err
	case state.GetRemoval().GetDeleteTimeMs() != 0:
		return nil, ErrRoomDeleted
	}
	if after+1 < state.GetRemoval().GetRev() {
		return nil, ErrTrimmed
	}
	p := eventPage{snapshot: r.snapshot, room: room, state: state, bytes: bytes, messages: make(map[uint64]sizedMessage)}
	_, upper := rowBounds(room, rowChange)
	err = r.scan(appendChangeKey(nil, changeID{room, after + 1}), upper, n, p.add)
	if err != nil && !errors.Is(err, errPageFull) {
		return nil, err
	}
	return p.events, nil
}

// ErrTrimmed says that changes are not kept any more: they were of messages that have left the room.
var ErrTrimmed = errors.New("state: the room does not keep changes so old")

// ErrRoomDeleted says that a room's changes are gone with it.
var ErrRoomDeleted = errors.New("state: the room was deleted")

// errPageFull ends the scan of a page whose bodies would pass their bytes.
var errPageFull = errors.New("state: page is full")

// eventPage collects the events of one room from their change records.
type eventPage struct {
	*snapshot
	room     RoomID
	bytes    int // what is left
	state    *storev1.RoomValue
	messages map[uint64]sizedMessage // those read, by seq: events may share one
	events   []*Event
}

type sizedMessage struct {
	*Message
	bytes int // its size on disk
}

func (p *eventPage) add(key, value []byte) error {
	change := new(storev1.ChangeValue)
	if err := decodeValue(key, value, change); err != nil {
		return err
	}
	event := &Event{
		Room:  p.room,
		Rev:   lastUint64(key),
		Kind:  ChangeKind(change.GetKind()),
		Time:  change.GetTimeMs(),
		Actor: actorFromValue(change.GetActor()),
	}
	var err error
	switch event.Kind {
	case Posted, Edited, Deleted, Reacted:
		if change.GetSeq() >= p.state.GetFirstSeq() {
			event.Message, err = p.take(change.GetSeq())
		}
	case RoomChanged:
		event.State = p.roomAt(event, change)
	case Trimmed:
		event.First = change.GetSeq()
	case MemberChanged, MemberRemoved:
		member := memberFromValue(p.room, change.GetMember())
		event.Member = &member
	default:
		err = fmt.Errorf("state: corrupt change %q: kind %d", key, change.GetKind())
	}
	if err != nil {
		return err
	}
	p.events = append(p.events, event)
	return nil
}

// take returns a message and takes its size off the page's bytes.
func (p *eventPage) take(seq uint64) (*Message, error) {
	m, ok := p.messages[seq]
	if !ok {
		var err error
		if m, err = p.readMessage(messageID{p.room, seq}); err != nil {
			return nil, err
		}
		p.messages[seq] = m
	}
	if p.bytes -= m.bytes; p.bytes < 0 && len(p.events) > 0 {
		return nil, errPageFull
	}
	return m.Message, nil
}

// readMessage reads a message that another row refers to.
func (s *snapshot) readMessage(id messageID) (sizedMessage, error) {
	key := appendMessageKey(nil, id)
	value, closer, err := s.db.Get(key)
	if err != nil {
		return sizedMessage{}, fmt.Errorf("state: read %q, which another row refers to: %w", key, err)
	}
	v := new(storev1.MessageValue)
	if err := errors.Join(decodeValue(key, value, v), closer.Close()); err != nil {
		return sizedMessage{}, err
	}
	return sizedMessage{messageFromValue(id, v), len(value)}, nil
}

// roomAt returns the room as the change made it.
func (p *eventPage) roomAt(event *Event, change *storev1.ChangeValue) *Room {
	room := roomFromValue(p.room, p.state)
	room.Settings, room.Members = settingsFromValue(change.GetSettings()), change.GetMembers()
	room.Asking, room.Removal = 0, Removal{}
	room.Head.Seq, room.Head.Rev, room.Head.UpdateTime = change.GetSeq(), event.Rev, event.Time
	return &room
}
