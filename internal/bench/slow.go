package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// slowEvery is which readers stop: each so-manieth.
const slowEvery = 100

// playSlow is fanout in which some readers stop, for the configured rest, and then go on. One that the server disconnects
// meanwhile comes back and resumes. Nothing may be lost to anybody, and the server's memory is looked at.
func playSlow(p *play) (Metrics, error) {
	f, err := p.openFleet()
	if err != nil {
		return nil, err
	}
	m, err := p.measureSlow(f)
	if err := errors.Join(err, p.finish(f)); err != nil {
		return nil, err
	}
	f.latencies().describe(m)
	return m, nil
}

func (p *play) measureSlow(f *fleet) (Metrics, error) {
	ctx, stop := context.WithCancel(p.ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- p.speak(ctx, f) }() // ends with ctx, awaited below
	m, err := p.stopAndGo(f)
	stop()
	return m, errors.Join(err, <-ended)
}

func (p *play) stopAndGo(f *fleet) (Metrics, error) {
	if err := p.hold(p.cfg.Warmup); err != nil {
		return nil, err
	}
	before, err := p.serverRSS()
	if err != nil {
		return nil, err
	}
	var slow []*client
	for i := slowEvery - 1; i < len(f.clients); i += slowEvery {
		slow = append(slow, f.clients[i])
	}
	if len(slow) == 0 {
		slow = f.clients[len(f.clients)-1:]
	}
	stopMeter, err := p.startMeter()
	if err != nil {
		return nil, err
	}
	deliveries := f.deliveries()
	f.measuring.Store(true)
	for _, c := range slow {
		c.slow.Store(true) // what they see late is no latency of the server
		c.paused.Store(true)
	}
	p.tell(fmt.Sprintf("%d of %d readers have stopped", len(slow), len(f.clients)))
	if err := p.hold(p.cfg.Rest); err != nil {
		return nil, err
	}
	f.measuring.Store(false)
	rss, err := p.serverRSS()
	if err != nil {
		return nil, err
	}
	c, err := stopMeter()
	if err != nil {
		return nil, err
	}
	m := c.metrics(f.deliveries() - deliveries)
	m[ServerRSS], m[SlowRSS] = float64(rss)/(1<<20), float64(rss-before)/(1<<20)
	p.tell("the stopped readers go on")
	return m, p.catchUp(f, slow, m)
}

// catchUp lets the stopped readers go on and waits until each has all that was published up to now.
func (p *play) catchUp(f *fleet, slow []*client, m Metrics) error {
	want, start, cut := f.published[0].Load(), time.Now(), 0
	for _, c := range slow {
		c.unpause()
	}
	for _, c := range slow {
		for tick := time.Tick(time.Millisecond); c.deliveries.Load() < want; {
			select {
			case <-tick:
			case <-p.ctx.Done():
				return p.ctx.Err()
			case <-c.ended:
				if err := c.close(); err != nil {
					return err
				}
				cut++
				if err := c.open(p.ctx, p.dial, c.position()); err != nil {
					return fmt.Errorf("client %d comes back: %w", c.index, err)
				}
			}
		}
	}
	m[SlowSeconds], m[SlowCut] = time.Since(start).Seconds(), float64(cut)
	return nil
}
