package chat

import "fmt"

// Limits are the sizes that an operator may set. What the API fixes (ids, names, titles, reactions) is not here. The
// zero value of a field means its default.
type Limits struct {
	TextBytes int // of a message's text; default 16 KiB
	DataBytes int // of a message's typed bytes; default 64 KiB
}

// The defaults of [Limits], and how far they may be raised: a response never exceeds 1 MiB, and a message must fit into
// one with all its reactions.
const (
	DefaultTextBytes = 16 << 10
	DefaultDataBytes = 64 << 10
	MaxBodyBytes     = 512 << 10
)

// Validate says whether a server can run with these limits.
func (l Limits) Validate() error {
	if l.TextBytes < 0 || l.TextBytes > MaxBodyBytes {
		return fmt.Errorf("text limit of %d bytes is not within 1 to %d", l.TextBytes, MaxBodyBytes)
	}
	if l.DataBytes < 0 || l.DataBytes > MaxBodyBytes {
		return fmt.Errorf("data limit of %d bytes is not within 1 to %d", l.DataBytes, MaxBodyBytes)
	}
	return nil
}

func (l Limits) withDefaults() Limits {
	if l.TextBytes == 0 {
		l.TextBytes = DefaultTextBytes
	}
	if l.DataBytes == 0 {
		l.DataBytes = DefaultDataBytes
	}
	return l
}
