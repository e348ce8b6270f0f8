package client

import (
	"strconv"
	"time"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// nextRequest returns what to send now and marks it sent, or nil and when to look again at the latest. Its order is
// that of urgency; publications keep theirs.
func (c *Client) nextRequest(now time.Time) (*chatv1.ConnectRequest, time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session.end != nil {
		return nil, now, c.session.end
	}
	if c.session.helloID == "" {
		return c.helloLocked(), now, nil
	}
	due := now.Add(time.Hour)
	if c.stuckLocked(now, &due) {
		return nil, now, errStuck
	}
	// Before there is a token, nothing but hello: if this stream broke now, the next one would be somebody else, and
	// what we repeated there would be stored twice.
	if c.session.welcomed || c.token != "" {
		if request := c.nextCommandLocked(now, &due); request != nil {
			return request, now, nil
		}
	}
	if silent := now.Sub(c.session.lastReceived); c.session.probed {
		due = earlier(due, now.Add(probeAfter)) // the watchdog decides
	} else if silent >= probeAfter {
		c.session.probed = true
		return &chatv1.ConnectRequest{}, now, nil
	} else {
		due = earlier(due, now.Add(probeAfter-silent))
	}
	return nil, due, nil
}

// nextCommandLocked returns the next command, or nil, with due moved to when one may follow.
func (c *Client) nextCommandLocked(now time.Time, due *time.Time) *chatv1.ConnectRequest {
	for id := range c.leaving {
		delete(c.leaving, id)
		return &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Leave{Leave: &chatv1.Leave{Room: id}}}
	}
	for _, r := range c.rooms {
		if r.join == joinDue {
			if r.joinAt.After(now) {
				*due = earlier(*due, r.joinAt)
				continue
			}
			return c.joinLocked(r)
		}
	}
	if request := c.publishLocked(now, due); request != nil {
		return request
	}
	for _, r := range c.rooms {
		if r.join != joinDone {
			continue
		}
		if request := c.markReadLocked(r, now, due); request != nil {
			return request
		}
		if request := r.typingLocked(now); request != nil {
			return request
		}
	}
	return nil
}

// stuckLocked reports whether the server owes a room something for too long, although it is alive. That is a fault of the
// server, which another session may not meet.
func (c *Client) stuckLocked(now time.Time, due *time.Time) bool {
	for _, r := range c.rooms {
		if r.join == joinDue || r.settledLocked() {
			continue
		}
		at := r.heard.Add(stuckAfter)
		if !at.After(now) {
			return true
		}
		*due = earlier(*due, at)
	}
	return false
}

func (c *Client) helloLocked() *chatv1.ConnectRequest {
	c.session.helloID = c.nextIDLocked()
	return &chatv1.ConnectRequest{
		RequestId: c.session.helloID,
		Command:   &chatv1.ConnectRequest_Hello{Hello: &chatv1.Hello{DisplayName: c.displayName}},
	}
}

// joinLocked joins r where it stands: after the last rev it kept, or afresh.
func (c *Client) joinLocked(r *Room) *chatv1.ConnectRequest {
	join := &chatv1.Join{Room: r.id}
	if r.kept.Epoch != "" {
		join.Start = &chatv1.Join_Resume{Resume: &chatv1.Resume{Epoch: r.kept.Epoch, Rev: r.kept.Rev}}
	} else {
		join.Start = &chatv1.Join_History{History: r.history}
	}
	r.join, r.joinID, r.heard, r.moved = joinSent, c.nextIDLocked(), time.Now(), false
	return &chatv1.ConnectRequest{RequestId: r.joinID, Command: &chatv1.ConnectRequest_Join{Join: join}}
}

// publishLocked sends the first publication that was not sent on this stream. One that has to wait holds up those
// behind it, so that they keep their order. Once one was refused for now they go one at a time, until none is left: more of them
// would be refused, too, and those that were not would get ahead.
func (c *Client) publishLocked(now time.Time, due *time.Time) *chatv1.ConnectRequest {
	for _, p := range c.publications {
		if p.sent && c.oneByOne {
			return nil
		}
		if p.sent {
			continue
		}
		if p.sendAt.After(now) {
			*due = earlier(*due, p.sendAt)
			return nil
		}
		p.sent = true
		return &chatv1.ConnectRequest{
			RequestId: p.requestID,
			Command:   &chatv1.ConnectRequest_Publish{Publish: p.publish},
		}
	}
	return nil
}

func (c *Client) nextIDLocked() string {
	c.lastID++
	return strconv.FormatUint(c.lastID, 36)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
