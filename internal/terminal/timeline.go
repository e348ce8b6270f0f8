package terminal

import (
	"slices"
	"time"

	"github.com/charmbracelet/x/ansi"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// maxHeld is how many messages are held while the newest are looked at; older ones are fetched again when they are
// wanted.
const maxHeld = 1000

// timeline is what is held of one room: a gapless run of messages up to the newest, and this user's own that are not
// among them yet.
type timeline struct {
	messages []*chatv1.Message // by rising seq
	pending  []*pending        // in the order they were written
}

// pending is a message of one's own on its way.
type pending struct {
	clientID string
	text     string
	replyTo  uint64 // 0: none
	time     time.Time
	seq      uint64 // once it is stored; its event may come later
	failure  string // why it was refused; empty while it is on its way
}

// first returns the seq of the oldest message held, 0 if there is none.
func (t *timeline) first() uint64 {
	if len(t.messages) == 0 {
		return 0
	}
	return t.messages[0].GetSeq()
}

// last returns the seq of the newest message, 0 if there is none.
func (t *timeline) last() uint64 {
	if n := len(t.messages); n > 0 {
		return t.messages[n-1].GetSeq()
	}
	return 0
}

// apply takes an event of the room; own is this user's id.
func (t *timeline) apply(event *chatv1.Event, own string) {
	switch kind := event.GetKind().(type) {
	case *chatv1.Event_Snapshot:
		t.messages = slices.Clone(kind.Snapshot.GetMessages())
		head := kind.Snapshot.GetRoom().GetHeadSeq()
		t.pending = slices.DeleteFunc(t.pending, func(p *pending) bool { return p.seq > 0 && p.seq <= head })
		for _, m := range t.messages {
			t.arrived(m, own)
		}
	case *chatv1.Event_Posted:
		t.messages = append(t.messages, kind.Posted)
		t.countReply(kind.Posted)
		t.arrived(kind.Posted, own)
	case *chatv1.Event_Edited:
		t.replace(kind.Edited)
	case *chatv1.Event_Deleted:
		t.replace(kind.Deleted)
	case *chatv1.Event_Reacted:
		t.replace(kind.Reacted)
	case *chatv1.Event_Trimmed:
		t.dropBelow(kind.Trimmed.GetFirstSeq())
	}
}

// dropBelow lets go of messages that have left the room: those below a seq.
func (t *timeline) dropBelow(seq uint64) {
	t.messages = slices.DeleteFunc(t.messages, func(m *chatv1.Message) bool { return m.GetSeq() < seq })
}

// arrived takes a message of one's own out of those on their way.
func (t *timeline) arrived(m *chatv1.Message, own string) {
	if m.GetClientId() == "" || m.GetSender().GetId() != own {
		return
	}
	t.pending = slices.DeleteFunc(t.pending, func(p *pending) bool { return p.clientID == m.GetClientId() })
}

// countReply adds an answer to the thread of the message that it answers, as rialto.chat.v1.Thread says.
func (t *timeline) countReply(m *chatv1.Message) {
	i, held := t.find(m.GetReplyTo())
	if !held || t.messages[i].GetThread().GetLastSeq() >= m.GetSeq() {
		return
	}
	parent := proto.CloneOf(t.messages[i]) // events are not ours to write to
	parent.Thread = &chatv1.Thread{
		Count: parent.GetThread().GetCount() + 1, LastSeq: m.GetSeq(), LastTime: m.GetCreateTime(),
	}
	t.messages[i] = parent
}

// get returns a message that is held, or nil.
func (t *timeline) get(seq uint64) *chatv1.Message {
	if i, held := t.find(seq); held {
		return t.messages[i]
	}
	return nil
}

// maxQuote is how many columns of an answered message are shown with its answer.
const maxQuote = 48

// quote says in a few words which message it is.
func (t *timeline) quote(seq uint64) string {
	m := t.get(seq)
	if m == nil {
		return "an older message"
	}
	return ansi.Truncate(CleanLine(m.GetSender().GetDisplayName()+": "+bodyText(m)), maxQuote, "…")
}

// replace puts the newer form of a message where it is held.
func (t *timeline) replace(m *chatv1.Message) {
	i, held := t.find(m.GetSeq())
	if !held || t.messages[i].GetRev() >= m.GetRev() {
		return
	}
	if thread := t.messages[i].GetThread(); thread.GetLastSeq() > m.GetThread().GetLastSeq() {
		m = proto.CloneOf(m)
		m.Thread = thread
	}
	t.messages[i] = m
}

// prepend adds a page of older messages. A message that is held already keeps its newer form.
func (t *timeline) prepend(page []*chatv1.Message) {
	older := make([]*chatv1.Message, 0, len(page)+len(t.messages))
	for _, m := range page {
		if t.first() == 0 || m.GetSeq() < t.first() {
			older = append(older, m)
		} else {
			t.replace(m)
		}
	}
	if n := len(older); n > 0 && t.first() > 0 && older[n-1].GetSeq()+1 != t.first() {
		return // a page of a time before the room was reset
	}
	t.messages = append(older, t.messages...)
}

// trim lets go of the oldest messages beyond what is held.
func (t *timeline) trim() {
	if n := len(t.messages) - maxHeld; n > 0 {
		t.messages = slices.Clone(t.messages[n:])
	}
}

func (t *timeline) find(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(t.messages, seq, func(m *chatv1.Message, seq uint64) int {
		return int(m.GetSeq()) - int(seq)
	})
}

// failed returns the messages that were refused.
func (t *timeline) failed() []*pending {
	var failed []*pending
	for _, p := range t.pending {
		if p.failure != "" {
			failed = append(failed, p)
		}
	}
	return failed
}

func (t *timeline) remove(p *pending) {
	t.pending = slices.DeleteFunc(t.pending, func(other *pending) bool { return other == p })
}

func (t *timeline) findPending(clientID string) *pending {
	for _, p := range t.pending {
		if p.clientID == clientID {
			return p
		}
	}
	return nil
}

// message returns p as the message it is going to be.
func (p *pending) message(sender *chatv1.User) *chatv1.Message {
	return &chatv1.Message{
		ReplyTo:    p.replyTo,
		Sender:     sender,
		CreateTime: timestamppb.New(p.time),
		Body:       &chatv1.Message_Text{Text: p.text},
	}
}
