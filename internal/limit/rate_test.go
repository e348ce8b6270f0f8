package limit_test

import (
	"testing"
	"time"

	"github.com/rialto-rpc/rialto/internal/limit"
)

func TestParseRate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]limit.Rate{
		"0":         {},
		"100/2s":    {N: 100, Per: 2 * time.Second},
		"60/m":      {N: 60, Per: time.Minute},
		"1/1h30m":   {N: 1, Per: 90 * time.Minute},
		"5/1.5s":    {N: 5, Per: 1500 * time.Millisecond},
		"1000000/s": {N: 1_000_000, Per: time.Second},
	} {
		got, err := limit.ParseRate(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
		if again, err := limit.ParseRate(got.String()); err != nil || again != got {
			t.Errorf("%q: %v becomes %v, %v", text, got, again, err)
		}
	}
	for _, bad := range []string{
		"", "/", "10", "10/", "/s", "-1/s", "0/s", "1.5/s", "10/x", "10/-1s", "10/0s", "10/999ms", "10/25h", "1000001/s", "10/s/s", "00",
	} {
		if got, err := limit.ParseRate(bad); err == nil {
			t.Errorf("%q is the rate %v", bad, got)
		}
	}
}

// FuzzParseRate: what can be read can be written and read again, and is a rate that buckets take.
func FuzzParseRate(f *testing.F) {
	for _, seed := range []string{"0", "100/2s", "60/m", "1/1h30m", "1e3/s", "/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := limit.ParseRate(text)
		if err != nil {
			return
		}
		if again, err := limit.ParseRate(r.String()); err != nil || again != r {
			t.Errorf("%q: %v becomes %v, %v", text, r, again, err)
		}
		if wait := new(limit.Bucket).Take(r, 0); wait != 0 {
			t.Errorf("%q: a full bucket has nothing for %v", text, wait)
		}
	})
}
