package limit

import (
	"hash/maphash"
	"sync"
	"time"
)

const (
	shards = 16 // a power of two
	// maxBuckets bounds what is remembered: about 100 bytes each with a key such as a user's id.
	maxBuckets = 1 << 16
	// sampled is how many buckets are looked at when one has to go.
	sampled = 8
)

// Buckets are a token bucket for each key, of the same rate. Safe for concurrent use: calls with different keys hardly
// ever wait for one another.
//
// Buckets that are full again are forgotten. There are at most 65,536 of those that are not: a further key takes the place
// of one that is nearly full, whose holder so gets a full one a little early. Whoever has that many keys is not held by a
// limit for each of them anyway.
type Buckets[K comparable] struct {
	rate   Rate
	seed   maphash.Seed
	shards [shards]shard[K]
}

type shard[K comparable] struct {
	mu      sync.Mutex // guards all below; a leaf
	buckets map[K]Bucket
	swept   time.Duration
	_       [40]byte // each on a cache line of its own
}

// NewBuckets returns full buckets of a valid rate.
func NewBuckets[K comparable](rate Rate) *Buckets[K] {
	b := &Buckets[K]{rate: rate, seed: maphash.MakeSeed()}
	for i := range b.shards {
		b.shards[i].buckets = make(map[K]Bucket)
	}
	return b
}

// Take is [Bucket.Take] on the bucket of a key.
func (b *Buckets[K]) Take(key K, now time.Duration) (wait time.Duration) {
	if b.rate.N == 0 {
		return 0
	}
	s := b.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	bucket := s.bucket(key, b.rate, now)
	wait = bucket.Take(b.rate, now)
	s.buckets[key] = bucket
	return wait
}

// Wait is [Bucket.Wait] on the bucket of a key, which is not remembered for that.
func (b *Buckets[K]) Wait(key K, now time.Duration) time.Duration {
	if b.rate.N == 0 {
		return 0
	}
	s := b.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	bucket := s.buckets[key]
	return bucket.Wait(b.rate, now)
}

// Spend is [Bucket.Spend] on the bucket of a key.
func (b *Buckets[K]) Spend(key K, now time.Duration) {
	if b.rate.N == 0 {
		return
	}
	s := b.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	bucket := s.bucket(key, b.rate, now)
	bucket.Spend(b.rate, now)
	s.buckets[key] = bucket
}

func (b *Buckets[K]) shard(key K) *shard[K] {
	return &b.shards[maphash.Comparable(b.seed, key)%shards]
}

// bucket returns a bucket to be changed and put back, for which there is a place.
func (s *shard[K]) bucket(key K, rate Rate, now time.Duration) Bucket {
	bucket, known := s.buckets[key]
	if !known {
		s.makeRoom(rate, now)
	}
	return bucket
}

// Len returns how many buckets are remembered.
func (b *Buckets[K]) Len() int {
	n := 0
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		n += len(s.buckets)
		s.mu.Unlock()
	}
	return n
}

// makeRoom forgets full buckets when all that were there at the last sweep are full by now unless they were used again: so
// sweeping costs each bucket a constant. A sweep leaves a map that is no larger than it needs to be.
func (s *shard[K]) makeRoom(rate Rate, now time.Duration) {
	if now-s.swept >= rate.Per {
		s.swept = now
		kept := make(map[K]Bucket)
		for key, bucket := range s.buckets {
			if bucket.full > now {
				kept[key] = bucket
			}
		}
		s.buckets = kept
	}
	if len(s.buckets) >= maxBuckets/shards {
		s.evict()
	}
}

// evict forgets the one of a few buckets that is full first.
func (s *shard[K]) evict() {
	var victim K
	first, n := time.Duration(0), 0
	for key, bucket := range s.buckets {
		if n == 0 || bucket.full < first {
			victim, first = key, bucket.full
		}
		if n++; n == sampled {
			break
		}
	}
	delete(s.buckets, victim)
}
