package client

import (
	"context"
	"iter"
	"time"
)

// Phase is where a session stands:
//
//	Connecting -> CatchingUp -> Live -> Waiting -> Connecting …
//
// Every phase but Closed may go to Waiting (the connection broke) and to Closed.
type Phase int

// The phases of a session.
const (
	// Connecting: no server has said welcome yet.
	Connecting Phase = iota
	// CatchingUp: connected, but some room has not arrived at its head.
	CatchingUp
	// Live: connected, and every room has arrived at the head it was joined at.
	Live
	// Waiting: broken, until State.RetryAt.
	Waiting
	// Closed: over, by Close or for the reason in State.Err.
	Closed
)

func (p Phase) String() string {
	return [...]string{"connecting", "catching up", "live", "waiting", "closed"}[p]
}

// State is what to tell a person about the connection.
type State struct {
	Phase   Phase
	Err     error     // why the last session ended; nil before that and once another is live
	RetryAt time.Time // when the next attempt begins; only while Waiting
}

// State returns the present state.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// States yields the present state and then each newest one: a slow loop misses those in between. It ends with ctx, or
// after it has yielded Closed. Any number of loops may run.
func (c *Client) States(ctx context.Context) iter.Seq[State] {
	return func(yield func(State) bool) {
		for {
			c.mu.Lock()
			state, changed := c.state, c.stateChanged
			c.mu.Unlock()
			if !yield(state) || state.Phase == Closed {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
		}
	}
}

func (c *Client) setStateLocked(s State) {
	if s == c.state {
		return
	}
	c.state = s
	close(c.stateChanged)
	c.stateChanged = make(chan struct{})
}

// settlePhaseLocked moves between CatchingUp and Live.
func (c *Client) settlePhaseLocked() {
	if !c.session.welcomed || c.state.Phase == Waiting || c.state.Phase == Closed {
		return
	}
	for _, r := range c.rooms {
		if !r.settledLocked() {
			c.setStateLocked(State{Phase: CatchingUp, Err: c.state.Err})
			return
		}
	}
	c.setStateLocked(State{Phase: Live})
}
