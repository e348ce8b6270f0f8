package limit

import "time"

// Bucket is a token bucket of one's own. The zero value is full. It is not safe for concurrent use.
//
// It is kept as one time, as in the generic cell rate algorithm (ITU-T I.371, annex A): when it will be full again. A
// bucket that has been full since before now is the same as one that was never used, which is what lets [Buckets] forget.
type Bucket struct {
	full time.Duration
}

// Take takes a token and returns 0, or returns how long it takes until there is one. now is the time since any moment that
// is always the same; it may not go back.
func (b *Bucket) Take(r Rate, now time.Duration) (wait time.Duration) {
	if r.N == 0 {
		return 0
	}
	if wait := b.Wait(r, now); wait > 0 {
		return wait
	}
	b.full = max(b.full, now) + r.interval()
	return 0
}

// Wait returns how long it takes until there is a token, 0 if there is one, and takes none.
func (b *Bucket) Wait(r Rate, now time.Duration) time.Duration {
	if r.N == 0 {
		return 0
	}
	return max(0, max(b.full, now)+r.interval()-now-r.Per)
}

// Spend takes a token also where there is none: the bucket then owes it, but never more than all that it holds.
func (b *Bucket) Spend(r Rate, now time.Duration) {
	if r.N != 0 {
		b.full = min(max(b.full, now)+r.interval(), now+2*r.Per)
	}
}
