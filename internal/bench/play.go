package bench

import (
	"context"
	"fmt"
	"time"
)

// play is one run of a scenario against one subject.
type play struct {
	ctx     context.Context
	cfg     *Config
	subject *subject
	tell    func(doing string)
	faults  Faults
}

// openFleet connects the configuration's clients and tells how far that is.
func (p *play) openFleet() (*fleet, error) { return p.openFleetAt(0) }

// openFleetAt is openFleet for rooms that are numbered from first.
func (p *play) openFleetAt(first int) (*fleet, error) {
	return openFleet(p.ctx, p.dial, first, p.cfg.Rooms, p.cfg.PerRoom, func(done, of int) {
		if done%50 == 0 || done == of {
			p.tell(fmt.Sprintf("connecting %d of %d", done, of))
		}
	})
}

// dial opens a session: over the configuration's wire to Rialto, over the only one that they have to the others.
func (p *play) dial(ctx context.Context) (Session, error) {
	switch {
	case p.subject.dial != nil:
		return p.subject.dial(ctx, p.subject.at)
	case p.subject.name != subjectRialto:
		return dial(ctx, Plain, p.subject.at)
	}
	return dial(ctx, p.cfg.Wire, p.subject.at)
}

// settleTimeout is how long what was sent may take until everybody has it; what is missing then is lost.
const settleTimeout = 20 * time.Second

// finish waits for what is under way, closes the fleet and counts the faults.
func (p *play) finish(f *fleet) error {
	p.tell("waiting for the last deliveries")
	ctx, cancel := context.WithTimeout(p.ctx, settleTimeout)
	defer cancel()
	f.settle(ctx)
	err := f.close()
	p.faults.add(f.faults())
	if p.ctx.Err() != nil {
		return p.ctx.Err()
	}
	return err
}

// cost is what a stretch of time cost.
type cost struct {
	wall, server, generator time.Duration
}

// startMeter begins a measurement; calling what it returns ends it.
func (p *play) startMeter() (stop func() (cost, error), err error) {
	start := time.Now()
	server, err := p.serverCPU()
	if err != nil {
		return nil, err
	}
	generator := ownCPU()
	return func() (cost, error) {
		now, err := p.serverCPU()
		return cost{time.Since(start), now - server, ownCPU() - generator}, err
	}, nil
}

// serverCPU is 0 for a server whose process is not known.
func (p *play) serverCPU() (time.Duration, error) {
	if p.subject.pid == 0 {
		return 0, nil
	}
	return cpuTime(p.subject.pid)
}

func (p *play) serverRSS() (int64, error) {
	if p.subject.pid == 0 {
		return 0, nil
	}
	return residentBytes(p.subject.pid)
}

// metrics are those that every load has.
func (c cost) metrics(deliveries uint64) Metrics {
	m := Metrics{
		ServerCores:    c.server.Seconds() / c.wall.Seconds(),
		GeneratorCores: c.generator.Seconds() / c.wall.Seconds(),
	}
	if deliveries > 0 {
		m[DeliveriesPerSecond] = float64(deliveries) / c.wall.Seconds()
		m[CPUPerDelivery] = float64(c.server.Microseconds()) / float64(deliveries)
	}
	return m
}

// hold waits for d, or until the run is called off.
func (p *play) hold(d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}
