package bridge

import "time"

// rate is how often something may happen.
type rate struct {
	burst     int     // at once
	perSecond float64 // in the long run
}

// bucket measures a rate. It is used by one goroutine.
type bucket struct {
	rate
	used float64
	last time.Time
}

// take counts one more; false if that is too many.
func (b *bucket) take(now time.Time) bool {
	if !b.last.IsZero() {
		b.used = max(b.used-now.Sub(b.last).Seconds()*b.perSecond, 0)
	}
	b.last = now
	b.used++
	return b.used <= float64(b.burst)
}
