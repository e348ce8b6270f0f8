package chat

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// snapshot is a page on its way to a session, part by part. A part is read when it is sent, from a View of that moment,
// so that a slow session holds one part at most. What a part shows may therefore be newer than the snapshot's rev; the
// events after that rev tell it again, and of two forms of a message the newer wins.
type snapshot struct {
	at        *standing
	reason    chatv1.SnapshotReason
	after     uint64 // seq before the next message to send; the last is at.room.Head.Seq
	continued bool
}

// newSnapshot returns a snapshot of the newest messages at a standing.
func newSnapshot(at *standing, reason chatv1.SnapshotReason, messages uint64) *snapshot {
	head := at.room.Head
	after := head.Seq - min(messages, head.Seq)
	if head.FirstSeq > 0 {
		after = max(after, head.FirstSeq-1)
	}
	return &snapshot{at: at, reason: reason, after: after}
}

// next returns the next part, about bytes long but with one message at least if one is left. Only the last part has a rev
// and no `more`.
func (s *snapshot) next(e *engine, bytes int) (*chatv1.Event, error) {
	part := &chatv1.Snapshot{
		Reason:    s.reason,
		Epoch:     string(s.at.epoch),
		Room:      roomProto(s.at.room),
		Continued: s.continued,
	}
	last := s.at.room.Head.Seq
	if s.after < last {
		if err := s.fill(part, e, bytes); err != nil {
			return nil, err
		}
	}
	s.continued = true
	part.More = s.after < last
	event := &chatv1.Event{
		Room: string(s.at.room.ID),
		Time: timestamppb.New(e.now()),
		Kind: &chatv1.Event_Snapshot{Snapshot: part},
	}
	if !part.More {
		event.Rev = s.at.room.Head.Rev
	}
	return event, nil
}

func (s *snapshot) fill(part *chatv1.Snapshot, e *engine, bytes int) error {
	v := e.views.View()
	defer v.Close()
	last := s.at.room.Head.Seq
	messages, err := v.Messages(s.at.room.ID, s.after, false, int(last-s.after), bytes)
	if err != nil {
		return fmt.Errorf("read snapshot: %w", err)
	}
	size := 0
	for _, m := range messages {
		p := messageProto(m)
		size += proto.Size(p)
		if len(part.Messages) > 0 && size > bytes {
			return nil
		}
		part.Messages = append(part.Messages, p)
		s.after = m.Seq
	}
	if len(messages) == 0 { // all have left the room meanwhile, which an event will tell
		s.after = last
	}
	return nil
}
