package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// client is one session in one room. Its reader, started by open, counts and checks what comes.
type client struct {
	index int
	room  string
	conn  Session
	ended chan struct{} // closed when the reader has ended

	joined chan struct{} // closed with the answer to the join and the start of the room's events

	// What others look at while the reader writes it.
	rev        atomic.Uint64 // of the last event
	deliveries atomic.Uint64 // posted messages
	acks       atomic.Uint64
	paused     atomic.Bool // the reader takes nothing more off the wire until it is resumed
	resume     chan struct{}
	slow       atomic.Bool            // its latencies do not count
	onAck      atomic.Pointer[func()] // called with each answer to a publish; nil: nobody is told
	onPosted   atomic.Pointer[func()] // called with each message

	sendMu sync.Mutex // one writer at a time

	// The reader's own, and anybody's after ended.
	err        error
	epoch      string
	replied    bool // to the join
	started    bool // by a snapshot or by resuming
	resumed    bool
	seq        uint64
	order      uint64     // a hash of all that was seen, in its order: equal for all who saw the same
	latency    *histogram // nil: this client is not sampled
	duplicated uint64
	reordered  uint64
	lost       uint64
	refused    uint64
	measuring  *atomic.Bool // latencies count only while it is set
}

// open connects, joins and starts the reader. A client whose resume is set continues where it was.
func (c *client) open(ctx context.Context, dial dialer, resume *chatv1.Resume) error {
	conn, err := dial(ctx)
	if err != nil {
		return err
	}
	c.conn = conn
	c.ended, c.joined, c.resume = make(chan struct{}), make(chan struct{}), make(chan struct{}, 1)
	c.replied, c.started, c.resumed = false, false, resume != nil
	go func() { // ends with the connection, which close ends
		defer close(c.ended)
		c.err = c.read()
	}()
	if err := c.send(joinRequest(c.room, resume)); err != nil {
		return errors.Join(err, c.close())
	}
	select {
	case <-c.joined:
		return nil
	case <-c.ended:
		return fmt.Errorf("join: %w", c.err)
	case <-ctx.Done():
		return errors.Join(ctx.Err(), c.close())
	}
}

// position is where the client would resume. Call it when the reader has ended.
func (c *client) position() *chatv1.Resume { return &chatv1.Resume{Epoch: c.epoch, Rev: c.rev.Load()} }

// close ends the connection and waits for the reader. The error is a promise that was broken before.
func (c *client) close() error {
	c.conn.Close()
	c.unpause()
	<-c.ended
	var broken *brokenError
	if errors.As(c.err, &broken) {
		return broken
	}
	return nil
}

func (c *client) send(request []byte) error {
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	return c.conn.Send(request)
}

func (c *client) publish(clientID string, size int) error {
	return c.send(publishRequest(c.room, clientID, size, sinceStart()))
}

func (c *client) unpause() {
	if c.paused.CompareAndSwap(true, false) {
		c.resume <- struct{}{}
	}
}

func (c *client) read() error {
	for {
		b, err := c.conn.Receive()
		if err != nil {
			return err
		}
		if err := decodeResponse(b, c); err != nil {
			return err
		}
		if c.paused.Load() {
			<-c.resume
		}
	}
}

// brokenError is something that a server must never send.
type brokenError struct{ text string }

func (e *brokenError) Error() string { return e.text }

func broken(format string, args ...any) error { return &brokenError{fmt.Sprintf(format, args...)} }

func (c *client) reply(r *chatv1.Reply) error {
	if err := r.GetError(); err != nil {
		if r.GetRequestId() == joinID {
			return fmt.Errorf("join refused: %s", err.GetMessage())
		}
		c.refused++
		c.acked()
		return nil
	}
	if join := r.GetJoin(); join != nil {
		if c.resumed && join.GetResumed() && join.GetEpoch() != c.epoch {
			return broken("resumed in epoch %s at a position of %s", join.GetEpoch(), c.epoch)
		}
		c.started = c.started || join.GetResumed()
		c.replied = true
		c.tellJoined()
		return nil
	}
	c.acked()
	return nil
}

func (c *client) acked() {
	c.acks.Add(1)
	if told := c.onAck.Load(); told != nil {
		(*told)()
	}
}

func (c *client) tellJoined() {
	select {
	case <-c.joined:
	default:
		if c.replied && c.started {
			close(c.joined)
		}
	}
}

func (c *client) event(e *event) error {
	switch {
	case e.whole != nil:
		return c.snapshot(e)
	case e.rev == 0 || string(e.room) != c.room:
		return nil
	case !c.started && c.resumed && e.rev == c.rev.Load()+1:
		c.started = true // what was missed may come before the reply to the join
		c.tellJoined()
	case !c.started:
		return broken("rev %d before a snapshot", e.rev)
	}
	last := c.rev.Load()
	switch {
	case e.rev == last+1:
	case e.rev <= last:
		c.duplicated++
		return nil
	default:
		c.lost += e.rev - last - 1
	}
	c.rev.Store(e.rev)
	if !e.posted {
		return nil
	}
	if e.seq <= c.seq {
		c.reordered++
	}
	c.seq = e.seq
	c.order = mix(mix(c.order, e.seq), e.rev)
	for _, b := range e.text[:min(len(e.text), stampBytes)] {
		c.order = mix(c.order, uint64(b))
	}
	c.deliveries.Add(1)
	if told := c.onPosted.Load(); told != nil {
		(*told)()
	}
	if c.latency == nil || c.slow.Load() || !c.measuring.Load() {
		return nil
	}
	at, ok := sentAt(e.text)
	if !ok {
		return broken("rev %d has a text that nobody sent", e.rev)
	}
	c.latency.add(sinceStart() - at)
	return nil
}

// snapshot starts the room's events at its rev. After a resume it may only come in place of it.
func (c *client) snapshot(e *event) error {
	s := new(chatv1.Snapshot)
	if err := proto.Unmarshal(e.whole, s); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if s.GetMore() {
		return nil
	}
	c.epoch = s.GetEpoch()
	c.seq = s.GetRoom().GetHeadSeq()
	c.rev.Store(e.rev)
	c.started = true
	c.tellJoined()
	return nil
}

// mix is a step of FNV-1a, by words.
func mix(h, v uint64) uint64 { return (h ^ v) * 1099511628211 }
