package bridge

import (
	"strings"
	"testing"

	"google.golang.org/grpc/status"
)

// FuzzImprobableHeader: a client's first frame is metadata that obeys every rule, or a status.
func FuzzImprobableHeader(f *testing.F) {
	for _, seed := range []string{
		"", "content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\n", "grpc-timeout: 99999999H", "key-bin: AAE=,AQ\nX: y",
		":path: /x\r\n\r\n", "a", "-bin: =", "grpc-timeout: 0n", "content-type: application/grpc-web+json; charset=utf-8",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, block string) {
		opened, err := parseImprobableHeader(block, 256)
		if err != nil {
			if _, ok := status.FromError(err); !ok {
				t.Errorf("no status: %v", err)
			}
			return
		}
		if opened.codec == nil || opened.timeout < 0 {
			t.Errorf("%+v", opened)
		}
		if err := validateMetadata(opened.metadata); err != nil {
			t.Error(err)
		}
		size := 0
		for key, values := range opened.metadata {
			if isReserved(key) {
				t.Errorf("a frame has set %q", key)
			}
			for range values {
				size += len(key) + 32
			}
		}
		if size > 256 {
			t.Errorf("metadata of %d bytes", size)
		}
	})
}

// FuzzPercentEncode: what is encoded is printable and decodes to itself.
func FuzzPercentEncode(f *testing.F) {
	f.Add("100% zu spät\r\n")
	f.Fuzz(func(t *testing.T, message string) {
		encoded := percentEncode(message)
		if !isPrintable(encoded) {
			t.Errorf("%q became %q", message, encoded)
		}
		var decoded strings.Builder
		for rest := encoded; rest != ""; {
			if rest[0] != '%' {
				decoded.WriteByte(rest[0])
				rest = rest[1:]
				continue
			}
			const digits = "0123456789ABCDEF"
			decoded.WriteByte(byte(strings.IndexByte(digits, rest[1])<<4 | strings.IndexByte(digits, rest[2])))
			rest = rest[3:]
		}
		if decoded.String() != message {
			t.Errorf("%q became %q, then %q", message, encoded, decoded.String())
		}
	})
}
