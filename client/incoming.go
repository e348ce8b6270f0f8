package client

import (
	"time"

	"google.golang.org/grpc/status"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// handle takes one response in. It never waits for a consumer.
func (c *Client) handle(response *chatv1.ConnectResponse) {
	var fresh *chatv1.Welcome
	wake := len(response.GetReplies()) > 0
	c.mu.Lock()
	c.session.lastReceived, c.session.probed = time.Now(), false
	for _, event := range response.GetEvents() {
		if welcome := event.GetWelcome(); welcome != nil {
			c.welcomeLocked(welcome)
			wake = true
			if welcome.GetGuestToken() != "" {
				fresh = welcome
			}
		} else if feed := event.GetFeed(); feed != nil {
			c.feed.accept(feed)
		} else if r := c.rooms[event.GetRoom()]; r != nil {
			r.acceptLocked(event)
			wake = wake || r.join == joinDue
		}
	}
	for _, reply := range response.GetReplies() {
		c.replyLocked(reply)
	}
	c.settlePhaseLocked()
	first := c.session.welcomed && !isClosed(c.ready)
	c.mu.Unlock()

	if fresh != nil {
		var expires time.Time
		if t := fresh.GetTokenExpires(); t != nil {
			expires = t.AsTime()
		}
		c.config.saveToken(fresh.GetGuestToken(), expires)
	}
	if first {
		close(c.ready) // only here, and only one stream is received from at a time
	}
	if wake {
		c.wakeUp()
	}
}

func (c *Client) welcomeLocked(welcome *chatv1.Welcome) {
	c.session.welcomed = true
	c.user = welcome.GetUser()
	if token := welcome.GetGuestToken(); token != "" {
		c.token = token
		c.feed.beginEmpty()
	}
	c.config.logger.Debug("welcome", "user", c.user.GetId())
}

// replyLocked finds the command that reply is about. One that is not found was given up, or belongs to a join that has
// been repeated since.
func (c *Client) replyLocked(reply *chatv1.Reply) {
	id, err := reply.GetRequestId(), status.ErrorProto(reply.GetError())
	if id == "" {
		c.config.logger.Debug("command refused", "code", status.Code(err))
		return
	}
	if id == c.session.helloID {
		if err != nil {
			c.session.end = err
		}
		return
	}
	for _, p := range c.publications {
		if p.requestID == id {
			c.publishReplyLocked(p, reply.GetPublish(), err)
			return
		}
	}
	for _, r := range c.rooms {
		switch id {
		case r.joinID:
			c.joinReplyLocked(r, reply.GetJoin(), err)
			return
		case r.mark.requestID:
			r.markReplyLocked(err)
			return
		}
	}
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
