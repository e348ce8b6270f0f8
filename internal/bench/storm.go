package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// playStorm closes all connections but that of each room's first client, which then says Offline messages; and then all
// come back at once, resume, and must get exactly what they missed.
func playStorm(p *play) (Metrics, error) {
	f, err := p.openFleet()
	if err != nil {
		return nil, err
	}
	m, err := p.measureStorm(f)
	if err := errors.Join(err, p.finish(f)); err != nil {
		return nil, err
	}
	return m, nil
}

func (p *play) measureStorm(f *fleet) (Metrics, error) {
	if err := p.say(f); err != nil {
		return nil, err
	}
	f.settle(p.ctx)
	if err := p.hold(p.cfg.Warmup); err != nil {
		return nil, err
	}
	p.tell("closing")
	away, err := f.leave()
	if err != nil {
		return nil, err
	}
	for n := range p.cfg.Offline {
		for room := range f.rooms {
			if err := f.publish(room*f.perRoom(), p.cfg.MessageBytes); err != nil {
				return nil, fmt.Errorf("message %d: %w", n, err)
			}
		}
	}
	f.settleFirst(p.ctx)
	stop, err := p.startMeter()
	if err != nil {
		return nil, err
	}
	p.tell("coming back")
	times, err := p.comeBack(f, away)
	if err != nil {
		return nil, err
	}
	c, err := stop()
	if err != nil {
		return nil, err
	}
	m := c.metrics(0)
	times.describe(m)
	m[StormSeconds] = c.wall.Seconds()
	m[CPUPerReconnect] = float64(c.server.Microseconds()) / float64(max(len(away), 1))
	rss, err := p.serverRSS()
	m[ServerRSS] = float64(rss) / (1 << 20)
	return m, err
}

// leave closes all clients but the first of each room.
func (f *fleet) leave() (away []*client, err error) {
	for i, c := range f.clients {
		if i%f.perRoom() != 0 {
			away = append(away, c)
			err = errors.Join(err, c.close())
		}
	}
	return away, err
}

// settleFirst waits until the first client of each room has seen all.
func (f *fleet) settleFirst(ctx context.Context) {
	for tick := time.Tick(5 * time.Millisecond); ; {
		missing := false
		for room := range f.rooms {
			missing = missing || f.clients[room*f.perRoom()].deliveries.Load() < f.published[room].Load()
		}
		if !missing {
			return
		}
		select {
		case <-tick:
		case <-ctx.Done():
			return
		}
	}
}

// stormConnecting is how many come back at a time: as many as there is any sense in on one machine.
const stormConnecting = 256

// comeBack reopens clients and returns how long after the storm's beginning each had all that it had missed.
func (p *play) comeBack(f *fleet, away []*client) (*histogram, error) {
	start := time.Now()
	times := new(histogram)
	var mu sync.Mutex // guards times
	group, ctx := errgroup.WithContext(p.ctx)
	group.SetLimit(stormConnecting)
	for _, c := range away {
		group.Go(func() error {
			if err := c.open(ctx, p.dial, c.position()); err != nil {
				return fmt.Errorf("client %d comes back: %w", c.index, err)
			}
			want := f.published[c.index/f.perRoom()].Load()
			for tick := time.Tick(time.Millisecond); c.deliveries.Load() < want; {
				select {
				case <-tick:
				case <-ctx.Done():
					return ctx.Err()
				case <-c.ended:
					return fmt.Errorf("client %d came back and lost its connection: %w", c.index, c.err)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			times.add(time.Since(start))
			return nil
		})
	}
	return times, group.Wait()
}
