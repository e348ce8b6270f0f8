package bench

import (
	"context"
	"time"
)

// pace calls f for n = 0, 1, 2, … at a rate a second until ctx ends or f fails. Late calls are made up for, without a
// pause: the rate is that of an open system, which does not wait for the server.
func pace(ctx context.Context, rate float64, f func(n int) error) error {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; ; n++ {
		at := start.Add(time.Duration(float64(n) / rate * float64(time.Second)))
		if wait := time.Until(at); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return nil
			}
		} else if ctx.Err() != nil {
			return nil
		}
		if err := f(n); err != nil {
			return err
		}
	}
}

// pollEvery is how often a closed loop looks how far the slowest client is.
const pollEvery = 500 * time.Microsecond

// keepInFlight calls send as often as it takes to keep n messages under way in a room, until ctx ends or send fails. A
// message is under way until the slowest client has it.
func keepInFlight(ctx context.Context, n int, underWay func() uint64, send func(k int) error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for k := 0; ; {
		for free := n - int(underWay()); free > 0; free-- {
			if err := send(k); err != nil {
				return err
			}
			k++
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
