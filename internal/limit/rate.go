// Package limit says how often something may happen, for one or for each of many: token buckets.
package limit

import (
	"encoding"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is how often something may happen: N times at once, and N times again in every Per, evenly. The zero Rate is no
// limit.
type Rate struct {
	N   int
	Per time.Duration
}

// Bounds of a [Rate] that is a limit.
const (
	MaxN   = 1_000_000
	MinPer = time.Second
	MaxPer = 24 * time.Hour
)

// ParseRate reads "0", which is no limit, and rates such as "100/2s", "60/m" and "20/1h30m": how many, a slash, and a
// duration, whose number may be left out where it is 1.
func ParseRate(s string) (Rate, error) {
	if s == "0" {
		return Rate{}, nil
	}
	many, per, ok := strings.Cut(s, "/")
	n, err := strconv.Atoi(many)
	if !ok || err != nil {
		return Rate{}, errors.New("expected a rate such as 100/2s or 60/m, or 0 for no limit")
	}
	if per != "" && strings.IndexByte("0123456789.", per[0]) < 0 {
		per = "1" + per
	}
	d, err := time.ParseDuration(per)
	if err != nil {
		return Rate{}, fmt.Errorf("%q is no duration such as s, 2s or 1h", per)
	}
	r := Rate{N: n, Per: d}
	return r, r.Validate()
}

// Validate returns an error that says what of r is out of bounds.
func (r Rate) Validate() error {
	switch {
	case r == Rate{}:
		return nil
	case r.N < 1 || r.N > MaxN:
		return fmt.Errorf("%d times: expected 1 to %d, or 0 alone for no limit", r.N, MaxN)
	case r.Per < MinPer || r.Per > MaxPer:
		return fmt.Errorf("per %v: expected %v to %v", r.Per, MinPer, MaxPer)
	}
	return nil
}

// interval is how long one token takes to come back; a microsecond at least of a valid rate.
func (r Rate) interval() time.Duration { return r.Per / time.Duration(r.N) }

// String returns r as [ParseRate] reads it.
func (r Rate) String() string {
	if r.N == 0 {
		return "0"
	}
	return strconv.Itoa(r.N) + "/" + r.Per.String()
}

var (
	_ encoding.TextUnmarshaler = (*Rate)(nil)
	_ encoding.TextMarshaler   = Rate{}
)

// UnmarshalText implements [encoding.TextUnmarshaler], by [ParseRate].
func (r *Rate) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRate(string(text))
	return err
}

// MarshalText implements [encoding.TextMarshaler], by [Rate.String].
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }
