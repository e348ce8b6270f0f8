package bridge

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
)

// docs/protocol.md prints the table of close codes; it and the code cannot drift apart.
func TestProtocolDocPrintsCloseTable(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| code | name | meaning | reconnect |\n|---|---|---|---|\n")
	for _, row := range closeTable {
		reconnect := "no"
		if row.retry {
			reconnect = "yes"
		}
		fmt.Fprintf(&want, "| %d | %s | %s | %s |\n", int(row.code), row.name, row.meaning, reconnect)
	}
	if !strings.Contains(string(doc), "\n"+want.String()+"\n") {
		t.Errorf("docs/protocol.md should print this table:\n%s", want.String())
	}
}

func TestEveryGRPCCodeHasItsCloseCode(t *testing.T) {
	t.Parallel()
	for c := codes.OK; c <= codes.Unauthenticated; c++ {
		closed := CloseCodeOf(c)
		if c != codes.OK && int(closed) != 4000+int(c) {
			t.Errorf("%v: close code %d", c, closed)
		}
		if got := closed.Status("why").Code(); got != c {
			t.Errorf("%v comes back as %v", c, got)
		}
		if strings.HasSuffix(closed.String(), fmt.Sprint(int(closed))) {
			t.Errorf("%v is not in the table", closed)
		}
	}
}

func TestCloseCodesOutsideTheTable(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code CloseCode
		want codes.Code
	}{
		{1001, codes.Unavailable},
		{1006, codes.Unavailable},
		{1002, codes.Internal},
		{4408, codes.Unavailable},
		{4415, codes.Internal},
		{4099, codes.Code(99)},
		{3000, codes.Internal},
	} {
		if got := test.code.Status("").Code(); got != test.want {
			t.Errorf("%v: %v, want %v", test.code, got, test.want)
		}
	}
	if got := CloseCodeOf(codes.Code(99)); got != 4099 {
		t.Errorf("code 99: %v", got)
	}
	if got := CloseCodeOf(codes.Code(400)); got != 4002 {
		t.Errorf("code 400 runs into the connection errors: %v", got)
	}
}

func TestCloseReasonFitsItsFrame(t *testing.T) {
	t.Parallel()
	for _, message := range []string{
		"", "short", strings.Repeat("a", 123), strings.Repeat("a", 124), strings.Repeat("a", 122) + "é",
		strings.Repeat("€", 100), strings.Repeat("🂡", 31), "broken \xff here", strings.Repeat("\xff", 200),
	} {
		reason := closeReason(message)
		if len(reason) > 123 || !utf8.ValidString(reason) {
			t.Errorf("%q: %d bytes, %q", message, len(reason), reason)
		}
		if utf8.ValidString(message) && len(message) <= 123 && reason != message {
			t.Errorf("%q was changed to %q", message, reason)
		}
	}
}
