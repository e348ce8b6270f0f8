package limit_test

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rialto-rpc/rialto/internal/limit"
)

var tenASecond = limit.Rate{N: 10, Per: time.Second}

func TestBucket(t *testing.T) {
	t.Parallel()
	var b limit.Bucket
	for i := range 10 {
		if wait := b.Take(tenASecond, time.Hour); wait != 0 {
			t.Fatalf("token %d: wait %v", i, wait)
		}
	}
	for _, step := range []struct{ at, wait time.Duration }{
		{0, 100 * time.Millisecond},                                                   // empty
		{60 * time.Millisecond, 40 * time.Millisecond},                                // refusals take nothing
		{100 * time.Millisecond, 0}, {100 * time.Millisecond, 100 * time.Millisecond}, // the wait was exact
	} {
		if wait := b.Take(tenASecond, time.Hour+step.at); wait != step.wait {
			t.Errorf("after %v: wait %v, want %v", step.at, wait, step.wait)
		}
	}
	for i := range 10 {
		if wait := b.Take(tenASecond, 2*time.Hour); wait != 0 {
			t.Errorf("token %d of a bucket that is full again: wait %v", i, wait)
		}
	}
	if b.Take(tenASecond, 2*time.Hour) == 0 {
		t.Error("a bucket holds more than its size")
	}
}

// TestDebt: what is spent without being asked for is owed, up to as much as a bucket holds.
func TestDebt(t *testing.T) {
	t.Parallel()
	b := limit.NewBuckets[string](tenASecond)
	if b.Wait("ana", 0) != 0 || b.Len() != 0 {
		t.Error("asking is not free")
	}
	for n, wait := range map[int]time.Duration{9: 0, 10: 100 * time.Millisecond, 12: 300 * time.Millisecond, 50: 1100 * time.Millisecond} {
		key := fmt.Sprint(n)
		for range n {
			b.Spend(key, 0)
		}
		if got := b.Wait(key, 0); got != wait {
			t.Errorf("after %d: wait %v, want %v", n, got, wait)
		}
		if b.Wait(key, wait) != 0 || b.Take(key, wait) != 0 {
			t.Errorf("after %d: no token after %v", n, wait)
		}
	}
}

func TestBucketsAreSeparate(t *testing.T) {
	t.Parallel()
	b := limit.NewBuckets[string](limit.Rate{N: 1, Per: time.Minute})
	for _, key := range []string{"ana", "ben"} {
		if b.Take(key, 0) != 0 || b.Take(key, 0) != time.Minute {
			t.Errorf("%s has not one token", key)
		}
	}
}

func TestNoLimit(t *testing.T) {
	t.Parallel()
	b := limit.NewBuckets[string](limit.Rate{})
	for range 1000 {
		if wait := b.Take("ana", 0); wait != 0 {
			t.Fatalf("wait %v", wait)
		}
	}
	if b.Len() != 0 {
		t.Errorf("%d buckets", b.Len())
	}
}

func TestFullBucketsAreForgotten(t *testing.T) {
	t.Parallel()
	b := limit.NewBuckets[int](tenASecond)
	now := time.Minute
	for i := range 10_000 {
		b.Take(i, now)
	}
	for range 10 {
		b.Take(-1, now)
	}
	if n := b.Len(); n != 10_001 {
		t.Fatalf("%d buckets", n)
	}
	now += 999 * time.Millisecond // all but one are full
	for i := range 1000 {
		b.Take(100_000+i, now)
	}
	now += time.Millisecond // each shard is swept by its next new key
	for i := range 1000 {
		b.Take(200_000+i, now)
	}
	if n := b.Len(); n > 2001 {
		t.Errorf("%d buckets are remembered", n)
	}
	if b.Take(-1, now) != 0 {
		t.Error("an old bucket is not full")
	}
}

func TestBucketsAreBounded(t *testing.T) {
	t.Parallel()
	b := limit.NewBuckets[int](tenASecond)
	for range 10 {
		b.Take(-1, 0)
	}
	for i := range 1 << 18 {
		if wait := b.Take(i, 0); wait != 0 {
			t.Fatalf("key %d: a new bucket is not full", i)
		}
	}
	if n := b.Len(); n > 1<<16 {
		t.Errorf("%d buckets are remembered", n)
	}
	if b.Take(-1, 0) == 0 {
		t.Error("an empty bucket went before those that are nearly full")
	}
}

func TestConcurrentTakes(t *testing.T) {
	t.Parallel()
	b := limit.NewBuckets[string](limit.Rate{N: 1000, Per: time.Hour})
	var taken atomic.Int64
	var people sync.WaitGroup
	for range 8 {
		people.Go(func() {
			for range 500 {
				if b.Take("room", 0) == 0 {
					taken.Add(1)
				}
			}
		})
	}
	people.Wait()
	if taken.Load() != 1000 {
		t.Errorf("%d tokens of 1000", taken.Load())
	}
}

// BenchmarkTake is what a publish pays for each limit. It allocates nothing.
func BenchmarkTake(b *testing.B) {
	rate := limit.Rate{N: limit.MaxN, Per: time.Second}
	b.Run("users", func(b *testing.B) {
		users := make([]string, 1024)
		for i := range users {
			users[i] = fmt.Sprintf("guest-%026d", i)
		}
		buckets := limit.NewBuckets[string](rate)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			buckets.Take(users[i%len(users)], time.Duration(i)*time.Microsecond)
		}
	})
	b.Run("one address, all processors", func(b *testing.B) {
		buckets := limit.NewBuckets[netip.Prefix](rate)
		address := netip.MustParsePrefix("2001:db8::/64")
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				buckets.Take(address, time.Duration(i)*time.Microsecond)
			}
		})
	})
}
