package bridge

import "sync"

// parking waits for the sockets of a Handler that are quiet, so that no goroutine has to wait for each: parkingLot is how the
// system does that for all at once. It exists while there are sockets that have used it.
type parking struct {
	mu    sync.Mutex // guards lot, users and the parkingSpace of each connection
	lot   *parkingLot
	users int // connections that have a place in lot
}

// parkingSpace is what a connection needs to be parked.
type parkingSpace struct {
	sleeper sleeper // whom to wake; nil: it is not parked
	place   int32   // in the lot; see parkingLot
	placed  bool    // it has one
	awake   bool    // it has a read deadline, and must not be parked
	closed  bool    // nor then
}

// sleeper is whoever reads a socket, but not now.
type sleeper interface {
	// wakeUp is called, in a goroutine of its own, when there is something to read, or a deadline for it, or when the connection
	// is closed.
	wakeUp()
}

// park has s woken up when there is something to read from c; once, and not if it returns false: then somebody has to wait.
func (p *parking) park(c *meteredConn, s sleeper) bool {
	p.mu.Lock()
	defer p.unlock()
	if c.space.awake || c.space.closed || !p.placeLocked(c) {
		return false
	}
	c.reading.Store(true)
	c.space.sleeper = s
	if p.lot.watch(c) {
		return true
	}
	c.space.sleeper = nil
	return false
}

// unlock closes the lot if nobody is there.
func (p *parking) unlock() {
	var empty *parkingLot
	if p.users == 0 {
		empty, p.lot = p.lot, nil
	}
	p.mu.Unlock()
	if empty != nil {
		empty.close()
	}
}

// placeLocked gives c a place in the lot, which it keeps until it leaves.
func (p *parking) placeLocked(c *meteredConn) bool {
	if c.space.placed {
		return true
	}
	if p.lot == nil {
		p.lot = newParkingLot(p)
	}
	if p.lot == nil || !p.lot.enter(c) {
		return false
	}
	c.space.placed = true
	p.users++
	return true
}

// wakeLocked wakes whoever waits for c, if somebody does.
func (p *parking) wakeLocked(c *meteredConn) {
	if s := c.space.sleeper; s != nil {
		c.space.sleeper = nil
		go s.wakeUp() // its owner is the call or the connection that has parked
	}
}

// setAwake says whether c must not be parked. It is woken if it is.
func (p *parking) setAwake(c *meteredConn, awake bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.space.awake = awake
	if awake {
		p.wakeLocked(c)
	}
}

// leave is called before c is closed, which may be more than once.
func (p *parking) leave(c *meteredConn) {
	p.mu.Lock()
	defer p.unlock()
	c.space.closed = true
	p.wakeLocked(c)
	if c.space.placed {
		c.space.placed = false
		p.lot.leave(c)
		p.users--
	}
}
