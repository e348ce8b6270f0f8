package chat

import "github.com/rialto-rpc/rialto/internal/chat/state"

// shutOutLocked makes the cursor of somebody whom o is about end at its rev, or at once where the room was deleted. Of visitors each
// cursor finds out by itself whether its user is one. The room's mutex is held.
func (c *cursor) shutOutLocked(o state.ShutOut) {
	switch {
	case o.Visitors:
		c.doubt = o.Rev
	case o.Deleted, o.User == c.session.actor.ID:
		c.last = min(c.last, o.Rev)
		c.deleted = c.deleted || o.Deleted
		if o.Member { // since the room was shut for visitors, too
			c.doubt = 0
		}
	}
}

// settle finds out by a View whether the cursor's user may see the room since it was shut for visitors, which the committer does not:
// it would have to read all members. Who may not has got all they might up to that rev, since visitors saw the room until then,
// however often it was shut and opened before.
func (c *cursor) settle() (turn, error) {
	e := c.session.service.engine
	v := e.views.View()
	defer v.Close()
	room, _, err := v.Room(c.room.id)
	if err != nil {
		return turn{}, e.internal("read room", err)
	}
	_, refusal, err := e.visitor(v, room, c.session.actor.ID)
	if err != nil {
		return turn{}, err
	}
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	switch {
	case c.doubt == 0: // they were a member until just now
	case c.doubt > room.Head.Rev: // by a commit whose View is not published yet; when it is, the cursor is woken
		return turn{}, nil
	case refusal != state.Accepted:
		c.last = min(c.last, c.doubt)
	}
	c.doubt = 0
	return turn{more: true}, nil
}
