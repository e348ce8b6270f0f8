package terminal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// print writes what happens in the room.
func (l *lines) print(ctx context.Context, room *client.Room) error {
	var last uint64 // the newest seq printed
	for event, err := range room.Events(ctx) {
		if err != nil {
			return err
		}
		switch kind := event.GetKind().(type) {
		case *chatv1.Event_Snapshot:
			last, err = l.printSnapshot(kind.Snapshot, last)
		case *chatv1.Event_Posted:
			last, err = kind.Posted.GetSeq(), l.write("posted", kind.Posted)
		case *chatv1.Event_Edited:
			err = l.write("edited", kind.Edited)
		case *chatv1.Event_Deleted:
			err = l.write("deleted", kind.Deleted)
		}
		if err != nil {
			return fmt.Errorf("write messages: %w", err)
		}
		l.passed(event)
	}
	return l.client.Err()
}

// printSnapshot prints what a snapshot has beyond last, and says what it has not.
func (l *lines) printSnapshot(s *chatv1.Snapshot, last uint64) (uint64, error) {
	switch s.GetReason() {
	case chatv1.SnapshotReason_SNAPSHOT_REASON_EPOCH_CHANGED, chatv1.SnapshotReason_SNAPSHOT_REASON_UNKNOWN_POSITION:
		fmt.Fprintln(l.Errors, "the server's data was replaced; what follows may repeat messages or lack some")
		last = 0
	case chatv1.SnapshotReason_SNAPSHOT_REASON_TOO_FAR_BEHIND, chatv1.SnapshotReason_SNAPSHOT_REASON_TRIMMED:
		if messages := s.GetMessages(); len(messages) > 0 && messages[0].GetSeq() > last+1 {
			fmt.Fprintf(l.Errors, "fell behind: %d messages are not printed\n", messages[0].GetSeq()-last-1)
		}
	}
	for _, message := range s.GetMessages() {
		if message.GetSeq() <= last {
			continue
		}
		if err := l.write("posted", message); err != nil {
			return last, err
		}
	}
	return s.GetRoom().GetHeadSeq(), nil
}

// passed notes how far everything is printed.
func (l *lines) passed(event *chatv1.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shown = l.shown || event.GetSnapshot() != nil
	if rev := event.GetRev(); rev > 0 {
		if event.GetSnapshot() != nil && rev < l.printed {
			l.target = 0 // of revs that are no more
		}
		l.printed = rev
	}
	l.finishLocked()
}

// line is a message as JSON, one a line.
type line struct {
	Event    string    `json:"event"` // posted, edited or deleted
	Room     string    `json:"room"`
	Seq      uint64    `json:"seq"`
	Rev      uint64    `json:"rev"`
	Time     time.Time `json:"time"`
	SenderID string    `json:"sender_id"`
	Sender   string    `json:"sender"`
	ClientID string    `json:"client_id,omitempty"`
	ReplyTo  uint64    `json:"reply_to,omitempty"`
	Mentions []string  `json:"mentions,omitempty"`
	Text     string    `json:"text"`
	DataType string    `json:"data_type,omitempty"`
	Data     []byte    `json:"data,omitempty"`
}

func (l *lines) write(event string, m *chatv1.Message) error {
	at := m.GetCreateTime().AsTime().In(l.Local)
	if l.JSON {
		encoded, err := json.Marshal(line{
			Event: event, Room: m.GetRoom(), Seq: m.GetSeq(), Rev: m.GetRev(), Time: at,
			SenderID: m.GetSender().GetId(), Sender: m.GetSender().GetDisplayName(), ClientID: m.GetClientId(),
			ReplyTo: m.GetReplyTo(), Mentions: m.GetMentions(),
			Text: m.GetText(), DataType: m.GetData().GetType(), Data: m.GetData().GetValue(),
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(l.Out, "%s\n", escapeHidden(encoded))
		return err
	}
	text := CleanLine(bodyText(m))
	if event != "posted" {
		text = fmt.Sprintf("(%s #%d) %s", event, m.GetSeq(), text)
	}
	_, err := fmt.Fprintf(l.Out, "%s %s: %s\n", at.Format(time.TimeOnly), CleanLine(m.GetSender().GetDisplayName()), text)
	return err
}

// bodyText says in words what a message is that has no text.
func bodyText(m *chatv1.Message) string {
	switch {
	case m.GetDeleteTime() != nil:
		return "(deleted)"
	case m.GetData() != nil:
		return fmt.Sprintf("(%d bytes of %s)", len(m.GetData().GetValue()), m.GetData().GetType())
	case m.GetBody() == nil:
		return "(a kind of message that this version does not know)"
	default:
		return m.GetText()
	}
}
