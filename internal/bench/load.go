package bench

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"
)

// playLoad is fanout and rooms: everybody is joined, and all take turns to speak. What is measured lies between the
// warm-up and the end of the sending, so that connecting, presence and idle rooms are no part of it.
func playLoad(p *play) (Metrics, error) {
	f, err := p.openFleet()
	if err != nil {
		return nil, err
	}
	m, err := p.measureLoad(f)
	if err := errors.Join(err, p.finish(f)); err != nil {
		return nil, err
	}
	f.latencies().describe(m)
	return m, nil
}

func (p *play) measureLoad(f *fleet) (Metrics, error) {
	ctx, stop := context.WithCancel(p.ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- p.speak(ctx, f) }() // ends with ctx, awaited below
	m, err := p.measure(f)
	stop()
	return m, errors.Join(err, <-ended)
}

// measure lets the load warm up and then measures it for the configured time.
func (p *play) measure(f *fleet) (Metrics, error) {
	return p.measureWith(f, func() {}, func(Metrics, cost) {})
}

// measureWith is measure for a scenario that counts something else, too: begin and end are called at the limits of the
// measurement.
func (p *play) measureWith(f *fleet, begin func(), end func(Metrics, cost)) (Metrics, error) {
	p.tell("warming up")
	if err := p.hold(p.cfg.Warmup); err != nil {
		return nil, err
	}
	p.tell("measuring")
	stopMeter, err := p.startMeter()
	if err != nil {
		return nil, err
	}
	deliveries, sent := f.deliveries(), f.next.Load()
	begin()
	f.measuring.Store(true)
	if err := p.hold(p.cfg.Duration); err != nil {
		return nil, err
	}
	f.measuring.Store(false)
	deliveries, sent = f.deliveries()-deliveries, f.next.Load()-sent
	c, err := stopMeter()
	if err != nil {
		return nil, err
	}
	m := c.metrics(deliveries)
	end(m, c)
	m[MessagesPerSecond] = float64(sent) / c.wall.Seconds()
	rss, err := p.serverRSS()
	m[ServerRSS] = float64(rss) / (1 << 20)
	return m, err
}

// speak publishes until ctx ends: at the rate, from one client after another, room by room; or in every room as much as
// may be in flight.
func (p *play) speak(ctx context.Context, f *fleet) error {
	size := p.cfg.MessageBytes
	if p.cfg.Rate > 0 {
		return pace(ctx, p.cfg.Rate, func(n int) error { return f.publish(f.speaker(n), size) })
	}
	group, ctx := errgroup.WithContext(ctx)
	for room := range f.rooms {
		group.Go(func() error {
			return keepInFlight(ctx, p.cfg.InFlight,
				func() uint64 { return f.undelivered(room) },
				func(k int) error { return f.publish(room*f.perRoom()+k%f.perRoom(), size) })
		})
	}
	return group.Wait()
}

// speaker is whose turn the n-th is: rooms in turn, and in each its clients in turn.
func (f *fleet) speaker(n int) int {
	room, turn := n%f.rooms, n/f.rooms
	return room*f.perRoom() + turn%f.perRoom()
}
