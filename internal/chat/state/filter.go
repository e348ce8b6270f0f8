package state

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// filter says of keys that they are surely not in the store, so that the look-up can be left out: a Bloom filter in memory
// over all first results of publishes. It never says so of one that is there, and wrongly does not of about one in 200.
//
// It is filled in the background after the store was opened, and knows nothing until that is done. It grows by parts, each
// twice as large as the one before, up to [maxFilterKeys]; a store with more has to be looked up always.
type filter struct {
	seed  maphash.Seed // another in every process: only how long something takes depends on it
	ready atomic.Bool  // all keys are in it

	mu    sync.Mutex // guards what follows
	parts []*filterPart
	keys  int
}

const (
	filterBlockBits  = 512 // one cache line: a look-up costs one miss a part
	filterBitsPerKey = 12
	filterProbes     = 7
	firstFilterKeys  = 1 << 16
	// maxFilterKeys bounds the filter to 192 MiB.
	maxFilterKeys = 128 << 20
)

type filterBlock [filterBlockBits / 64]uint64

type filterPart struct {
	blocks []filterBlock
	room   int // for how many more keys
}

func newFilter() *filter { return &filter{seed: maphash.MakeSeed()} }

// mayHave reports false for a key that was surely never added.
func (f *filter) mayHave(key []byte) bool {
	if !f.ready.Load() {
		return true
	}
	h := maphash.Bytes(f.seed, key)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.parts {
		if p.block(h).has(h) {
			return true
		}
	}
	return false
}

// add adds keys.
func (f *filter) add(keys ...[]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, key := range keys {
		f.addLocked(maphash.Bytes(f.seed, key))
	}
}

func (f *filter) addLocked(h uint64) {
	if f.keys >= maxFilterKeys {
		f.ready.Store(false) // for good: load has ended, or will see it
		f.parts = nil
		return
	}
	last := len(f.parts) - 1
	if last < 0 || f.parts[last].room == 0 {
		last++
		n := firstFilterKeys << last
		f.parts = append(f.parts, &filterPart{make([]filterBlock, n*filterBitsPerKey/filterBlockBits), n})
	}
	p := f.parts[last]
	p.block(h).set(h)
	p.room--
	f.keys++
}

// complete says that all keys are in the filter, unless there are too many.
func (f *filter) complete() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ready.Store(f.keys < maxFilterKeys)
}

// block returns the block of a hash. It is chosen by the upper half, and the bits in it by the lower.
func (p *filterPart) block(h uint64) *filterBlock {
	return &p.blocks[(h>>32)*uint64(len(p.blocks))>>32]
}

func (b *filterBlock) has(h uint64) bool {
	bits, step := probes(h)
	for range filterProbes {
		i := bits % filterBlockBits
		if b[i/64]&(1<<(i%64)) == 0 {
			return false
		}
		bits += step
	}
	return true
}

func (b *filterBlock) set(h uint64) {
	bits, step := probes(h)
	for range filterProbes {
		i := bits % filterBlockBits
		b[i/64] |= 1 << (i % 64)
		bits += step
	}
}

// probes returns where the bits of a hash begin and how far they are apart: an odd number, so that they differ.
func probes(h uint64) (start, step uint32) { return uint32(h) >> 16, uint32(h)&0xffff | 1 }

// loadFilter adds the keys of the first results that s shows. It ends early, without completing the filter, when stop is
// closed, and on an error: whoever looks something up meets it again.
func loadFilter(f *filter, s *snapshot, stop <-chan struct{}) {
	iter, err := s.iterate([]byte{tableRows}, []byte{tableRows + 1})
	if err != nil {
		return
	}
	var batch [256][]byte
	n := 0
	for ok := iter.First(); ok; {
		room, kind, _ := splitRow(iter.Key())
		if kind != rowDedupe {
			next := appendRowPrefix(nil, RoomID(room), rowDedupe)
			if kind > rowDedupe { // behind those of this room
				next = append(append([]byte{tableRows}, room...), 1)
			}
			ok = iter.SeekGE(next)
			continue
		}
		batch[n] = append(batch[n][:0], iter.Key()...)
		if n++; n == len(batch) {
			f.add(batch[:n]...)
			n = 0
			select {
			case <-stop:
				_ = iter.Close() // nothing was wrong
				return
			default:
			}
		}
		ok = iter.Next()
	}
	f.add(batch[:n]...)
	if iter.Error() == nil && iter.Close() == nil {
		f.complete()
	}
}
