package client

import (
	"time"

	"google.golang.org/grpc/status"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

const (
	typingEvery = 3 * time.Second // others show it for 6
	markEvery   = time.Second     // the server stores it no more often
)

// typing is what to tell others about the keyboard. It dies with the stream.
type typing struct {
	wanted bool
	fresh  bool // wanted was said again since it was sent
	shown  bool // what others were told
	sentAt time.Time
}

// mark is a read marker on its way to the server; it survives the stream.
type mark struct {
	seq       uint64
	due       bool      // to be sent
	requestID string    // of the one sent on this stream, without an answer
	sendAt    time.Time // no sooner
	refusals  int       // in a row, for now
}

// Typing says that this user is typing, or has stopped. Call it with each key stroke: it never waits, sends no more than
// is useful, and does nothing while there is no connection.
func (r *Room) Typing(active bool) {
	c := r.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.join == joinDone {
		r.typing.wanted, r.typing.fresh = active, true
		c.wakeUp()
	}
}

// typingLocked returns the signal that is due. A "true" too early after the last is not kept for later: the next key
// stroke brings another.
func (r *Room) typingLocked(now time.Time) *chatv1.ConnectRequest {
	t := &r.typing
	fresh := t.fresh
	t.fresh = false
	if !fresh || !t.wanted && !t.shown || t.wanted && t.shown && now.Sub(t.sentAt) < typingEvery {
		return nil
	}
	t.shown, t.sentAt = t.wanted, now
	return &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Signal{Signal: &chatv1.Signal{
		Room:   r.id,
		Signal: &chatv1.Signal_Typing{Typing: t.wanted},
	}}}
}

// MarkRead says that this user has read the room up to message seq. It never waits: the newest call wins, is sent when
// there is a connection and at most once a second, and comes back as a Read event. To be sure of it, or to hear of a
// refusal, call MarkRead of [Client.Members].
func (r *Room) MarkRead(seq uint64) {
	c := r.client
	c.mu.Lock()
	defer c.mu.Unlock()
	r.mark.seq, r.mark.due = seq, true
	c.wakeUp()
}

// markReadLocked returns the marker that is due, or moves due to when it will be.
func (c *Client) markReadLocked(r *Room, now time.Time, due *time.Time) *chatv1.ConnectRequest {
	m := &r.mark
	if !m.due || m.requestID != "" {
		return nil
	}
	if m.sendAt.After(now) {
		*due = earlier(*due, m.sendAt)
		return nil
	}
	m.due, m.sendAt, m.requestID = false, now.Add(markEvery), c.nextIDLocked()
	return &chatv1.ConnectRequest{
		RequestId: m.requestID,
		Command:   &chatv1.ConnectRequest_MarkRead{MarkRead: &chatv1.MarkRead{Room: r.id, Seq: m.seq}},
	}
}

// markReplyLocked takes the answer to a marker. One that was refused for now is sent again, or a newer one in its place; one
// that was refused for good is not: the next message brings another.
func (r *Room) markReplyLocked(err error) {
	m, c := &r.mark, r.client
	m.requestID = ""
	switch {
	case err == nil:
		m.refusals = 0
	case refusedForNow(err):
		m.due, m.sendAt = true, time.Now().Add(c.config.backoff.delay(m.refusals, err))
		m.refusals++
	default:
		c.config.logger.Debug("mark_read refused", "room", r.id, "code", status.Code(err))
	}
}
