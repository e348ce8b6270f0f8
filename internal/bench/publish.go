package bench

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// playPublish keeps InFlight publishes of each client without an answer. Who publishes is told by the answers themselves,
// in the readers' goroutines: a thousand clients need no thousand tickers.
func playPublish(p *play) (Metrics, error) {
	f, err := p.openFleet()
	if err != nil {
		return nil, err
	}
	c := publishing{play: p, fleet: f, sent: make([]chan time.Duration, len(f.clients))}
	m, err := c.measure()
	if err := errors.Join(err, p.finish(f)); err != nil {
		return nil, err
	}
	c.latency.describe(m)
	return m, nil
}

type publishing struct {
	*play
	fleet *fleet
	sent  []chan time.Duration // by client: when those without an answer were sent, oldest first
	stop  atomic.Bool

	mu      sync.Mutex // guards what follows
	latency histogram
	err     error
}

// again sends a client's next publish.
func (c *publishing) again(i int) {
	if c.stop.Load() {
		return
	}
	c.sent[i] <- sinceStart() // has room: one for each in flight
	if err := c.fleet.publish(i, c.cfg.MessageBytes); err != nil {
		c.mu.Lock()
		c.err = errors.Join(c.err, err)
		c.mu.Unlock()
	}
}

// answered takes the time of the oldest publish: replies may overtake one another, but here all are of one kind.
func (c *publishing) answered(i int) {
	at := <-c.sent[i]
	if i%sampleEvery == 0 && c.fleet.measuring.Load() {
		c.mu.Lock()
		c.latency.add(sinceStart() - at)
		c.mu.Unlock()
	}
	c.again(i)
}

func (c *publishing) measure() (Metrics, error) {
	for i := range c.fleet.clients {
		c.sent[i] = make(chan time.Duration, c.cfg.InFlight)
		told := func() { c.answered(i) }
		c.fleet.clients[i].onAck.Store(&told)
	}
	for i := range c.fleet.clients {
		for range c.cfg.InFlight {
			c.again(i)
		}
	}
	defer c.stop.Store(true)
	var acks uint64
	m, err := c.play.measureWith(c.fleet, func() { acks = c.fleet.acks() }, func(m Metrics, spent cost) {
		acks = c.fleet.acks() - acks
		m[AcksPerSecond] = float64(acks) / spent.wall.Seconds()
		m[CPUPerAck] = float64(spent.server.Microseconds()) / float64(max(acks, 1))
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	return m, errors.Join(err, c.err)
}
