package bridge

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestCompressionRoundTrip(t *testing.T) {
	t.Parallel()
	c, ok := compressionNamed("gzip")
	if !ok {
		t.Fatal("no gzip")
	}
	message := []byte(strings.Repeat("again and ", 200))
	short, compressed, err := c.compress(message)
	if err != nil || !compressed || len(short) >= len(message) {
		t.Fatalf("%d bytes become %d, %v, %v", len(message), len(short), compressed, err)
	}
	for _, test := range []struct {
		limit, budget int
		want          error
	}{
		{len(message), len(message), nil},
		{len(message) - 1, len(message), errTooLarge(len(message) - 1)},
		{len(message), len(message) - 1, errAssembly},
	} {
		budget := &assemblyBudget{limit: int64(test.budget)}
		long, err := c.decompressWithin(short, test.limit, budget)
		switch {
		case test.want == nil:
			if err != nil || !bytes.Equal(long, message) || budget.used.Load() != int64(len(message)) {
				t.Errorf("%d bytes, %v; the budget has %d", len(long), err, budget.used.Load())
			}
		case err == nil || err.Error() != test.want.Error():
			t.Errorf("limit %d, budget %d: %v, want %v", test.limit, test.budget, err, test.want)
		case budget.used.Load() != 0:
			t.Errorf("limit %d, budget %d: %d bytes are left", test.limit, test.budget, budget.used.Load())
		}
	}
}

// What would not become shorter travels as it is.
func TestCompressionThatDoesNotHelp(t *testing.T) {
	t.Parallel()
	gzip, _ := compressionNamed("gzip")
	none, ok := compressionNamed("")
	if !ok || none != nil {
		t.Fatalf("no compression is %v, %v", none, ok)
	}
	noise := make([]byte, 1000)
	rand.NewChaCha8([32]byte{}).Read(noise)
	if data, compressed, err := gzip.compress(noise); !bytes.Equal(data, noise) || compressed || err != nil {
		t.Errorf("noise: %d bytes, %v, %v", len(data), compressed, err)
	}
	for _, c := range []*compression{gzip, none} {
		if data, compressed, err := c.compress([]byte("short")); string(data) != "short" || compressed || err != nil {
			t.Errorf("short: %q, %v, %v", data, compressed, err)
		}
	}
	if _, err := none.decompress([]byte("x"), 10); err != errNotCompressed {
		t.Errorf("error %v", err)
	}
	if _, ok := compressionNamed("nonsense"); ok {
		t.Error("nonsense is a compression")
	}
}
