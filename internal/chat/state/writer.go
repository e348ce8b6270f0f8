package state

// maxCachedWriters bounds the marks in memory; a server appends as one writer, a cluster as few.
const maxCachedWriters = 1024

// writerMarks holds the marks of some writers, by writer.
type writerMarks map[uint64]uint64

// evict drops all marks, which are on disk, when there are many.
func (m writerMarks) evict() {
	if len(m) > maxCachedWriters {
		clear(m)
	}
}

// advanceWriter moves a writer's mark to n; false if it was there already. Marks are kept for good: 17 bytes for every
// start of a server.
func (t *transaction) advanceWriter(writer, n uint64) (bool, error) {
	mark, ok := t.store.writers[writer]
	if !ok {
		var err error
		if mark, err = t.base.getUint64(appendWriterKey(nil, writer)); err != nil {
			return false, err
		}
	}
	if n <= mark {
		return false, nil
	}
	t.store.writers[writer] = n
	t.writers[writer] = struct{}{}
	return true, nil
}
