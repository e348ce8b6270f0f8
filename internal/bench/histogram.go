package bench

import (
	"math/bits"
	"time"
)

// histogram counts durations in buckets of about 3 % of their value, from 1 us to 70 s. The zero value is empty. Not for
// concurrent use.
type histogram struct {
	counts [bucketCount]uint64
	total  uint64
	max    time.Duration
}

const (
	subBits     = 5 // 32 buckets for each doubling
	bucketCount = (27 - subBits) << subBits
)

func bucketOf(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < 1<<subBits {
		return int(us)
	}
	shift := bits.Len64(us) - subBits - 1
	return min(shift<<subBits+int(us>>shift), bucketCount-1)
}

// upperBound is the end of a bucket.
func upperBound(bucket int) time.Duration {
	if bucket < 1<<subBits {
		return time.Duration(bucket+1) * time.Microsecond
	}
	shift := bucket>>subBits - 1
	return time.Duration(bucket-shift<<subBits+1) << shift * time.Microsecond
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucketOf(d)]++
	h.total++
	h.max = max(h.max, d)
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
	h.max = max(h.max, other.max)
}

// quantile returns a value that the part q of the samples does not exceed, to the bucket's width; 0 without samples.
func (h *histogram) quantile(q float64) time.Duration {
	rank := uint64(q * float64(h.total))
	for i, n := range h.counts {
		if n > rank {
			return min(upperBound(i), h.max)
		}
		rank -= n
	}
	return h.max
}
