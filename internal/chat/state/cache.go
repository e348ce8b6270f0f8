package state

// cache holds the values used last, in two generations: when the young one is full it becomes the old one, and what was in
// the old one and not used since is forgotten.
type cache[K comparable, V any] struct {
	size       int // of a generation
	young, old map[K]V
}

func (c *cache[K, V]) get(k K) (V, bool) {
	if v, ok := c.young[k]; ok {
		return v, true
	}
	v, ok := c.old[k]
	if ok {
		c.put(k, v)
	}
	return v, ok
}

func (c *cache[K, V]) put(k K, v V) {
	if c.young == nil {
		c.young = make(map[K]V)
	}
	c.young[k] = v
}

// evict is called between transactions only, for what one changed must be found again by the same.
func (c *cache[K, V]) evict() {
	if len(c.young) >= c.size {
		c.young, c.old = nil, c.young
	}
}
