package bench

import (
	"errors"
	"fmt"
)

// idleMessages is what each idle client has heard before it rests.
const idleMessages = 3

// warmClients come and go before memory is first looked at, so that what a process needs once is not counted.
const warmRooms = 50

// playIdle opens all clients on a warm process, lets each room hear a few messages, rests, and divides by their number
// what the server's resident memory has grown. A long rest is a soak: what memory does meanwhile is told apart. The kernel's memory for the sockets is not in it.
func playIdle(p *play) (Metrics, error) {
	if p.subject.pid == 0 {
		return nil, errors.New("idle measures the server's memory: its process must be known (--pid)")
	}
	warm, err := openFleet(p.ctx, p.dial, 0, min(warmRooms, p.cfg.Rooms), p.cfg.PerRoom, func(int, int) {})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(p.say(warm), p.finish(warm), p.hold(p.cfg.Warmup)); err != nil {
		return nil, err
	}
	before, err := p.serverRSS()
	if err != nil {
		return nil, err
	}
	f, err := p.openFleetAt(warm.rooms)
	if err != nil {
		return nil, err
	}
	m, err := p.measureIdle(f, before)
	return m, errors.Join(err, p.finish(f))
}

// say lets every room hear idleMessages.
func (p *play) say(f *fleet) error {
	for n := range idleMessages * f.rooms {
		if err := f.publish(f.speaker(n), p.cfg.MessageBytes); err != nil {
			return err
		}
	}
	return nil
}

func (p *play) measureIdle(f *fleet, before int64) (Metrics, error) {
	if err := p.say(f); err != nil {
		return nil, err
	}
	f.settle(p.ctx)
	p.tell(fmt.Sprintf("resting for %v", p.cfg.Rest))
	busy, err := p.serverRSS()
	if err != nil {
		return nil, err
	}
	stop, err := p.startMeter()
	if err != nil {
		return nil, err
	}
	if err := p.hold(p.cfg.Rest); err != nil {
		return nil, err
	}
	c, err := stop()
	if err != nil {
		return nil, err
	}
	after, err := p.serverRSS()
	m := c.metrics(0)
	m[ServerRSS] = float64(after) / (1 << 20)
	m[RestRSS] = float64(after-busy) / (1 << 20)
	m[MemoryPerClient] = float64(after-before) / 1024 / float64(len(f.clients))
	return m, err
}
