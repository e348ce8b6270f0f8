package bridge

import "encoding/binary"

// inMessages is a line of messages, of which it keeps what is not in their bytes: length and whether they are compressed, as a
// varint. So a message of up to 63 bytes costs a byte, and none costs more than its credit (ADR 0004).
type inMessages struct {
	varints []byte
	head    int     // where the first begins
	room    [8]byte // where varints begin: there are seldom more messages than one
}

// init is called where m stays.
func (m *inMessages) init() { m.varints = m.room[:0] }

func (m *inMessages) empty() bool { return m.head == len(m.varints) }

func (m *inMessages) push(bytes int, compressed bool) {
	v := uint64(bytes) << 1
	if compressed {
		v |= 1
	}
	m.varints = binary.AppendUvarint(m.varints, v)
}

// pop takes the first; there is one.
func (m *inMessages) pop() (bytes int, compressed bool) {
	v, n := binary.Uvarint(m.varints[m.head:])
	if m.head += n; m.empty() {
		m.varints, m.head = m.varints[:0], 0
	}
	return int(v >> 1), v&1 != 0
}

// reclaim makes room. It keeps no memory that was needed once.
func (m *inMessages) reclaim() {
	switch {
	case m.empty() && cap(m.varints) > maxKeptBytes:
		m.varints, m.head = m.room[:0], 0
	case m.head > len(m.varints)/2:
		m.varints = m.varints[:copy(m.varints, m.varints[m.head:])]
		m.head = 0
	}
}
