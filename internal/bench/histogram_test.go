package bench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogramBucketsHoldTheirValues(t *testing.T) {
	t.Parallel()
	last := 0
	for us := time.Duration(0); us < 60_000_000; us = us*101/100 + 1 {
		d := us * time.Microsecond
		bucket := bucketOf(d)
		if bucket < last || upperBound(bucket) <= d || float64(upperBound(bucket)) > 1.04*float64(d)+2000 {
			t.Fatalf("%v is in bucket %d, which ends at %v; the one before was %d", d, bucket, upperBound(bucket), last)
		}
		last = bucket
	}
	if got := bucketOf(-time.Second); got != 0 {
		t.Errorf("a negative latency is in bucket %d", got)
	}
	if got := bucketOf(time.Hour); got != bucketCount-1 {
		t.Errorf("an hour is in bucket %d", got)
	}
}

func TestQuantilesAreThoseOfTheSamples(t *testing.T) {
	t.Parallel()
	var a, b histogram
	var all []time.Duration
	for i := range 20_000 {
		d := time.Duration(rand.ExpFloat64() * float64(5*time.Millisecond))
		all = append(all, d)
		if i%2 == 0 {
			a.add(d)
		} else {
			b.add(d)
		}
	}
	a.merge(&b)
	slices.Sort(all)
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 0.999} {
		want, got := all[int(q*float64(len(all)))], a.quantile(q)
		if got < want || float64(got) > 1.04*float64(want)+2000 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if a.quantile(1) != all[len(all)-1] {
		t.Errorf("the greatest is %v, want %v", a.quantile(1), all[len(all)-1])
	}
	if new(histogram).quantile(0.5) != 0 {
		t.Error("an empty histogram has a median")
	}
}
