package bridge

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The sizes and times that docs/protocol.md prints are the ones that hold.
func TestProtocolDocPrintsLimits(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	c := defaultHandlerConfig()
	mib := func(n int) string { return fmt.Sprintf("%d MiB", n>>20) }
	kib := func(n int) string { return fmt.Sprintf("%d KiB", n>>10) }
	seconds := func(d time.Duration) string { return fmt.Sprintf("%d s", int(d.Seconds())) }
	plain := section(t, string(doc), "## Limits")
	mux := section(t, string(doc), "## Limits of multiplexed mode")
	connection := section(t, string(doc), "## Connection\n")
	for _, row := range []struct{ in, want string }{
		{plain, "| a received message | " + mib(c.maxRecvMsgSize)},
		{plain, "| metadata in `@open`: name + value + 32 bytes each | " + kib(c.maxMetadataBytes)},
		{plain, "| until the call starts | " + seconds(c.firstFrameTimeout)},
		{plain, "| taking nothing of what the server writes | " + seconds(c.writeTimeout)},
		{plain, "| answering a close frame | " + seconds(closeTimeout)},
		{mux, "| a received message, after decompression | " + mib(c.maxRecvMsgSize)},
		{mux, "| unfinished and just decompressed messages of a connection | " + mib(c.mux.maxAssemblyBytes)},
		{mux, "| metadata in OPEN | " + kib(c.maxMetadataBytes)},
		{mux, fmt.Sprintf("| concurrent streams | %d |", c.mux.maxStreams)},
		{mux, fmt.Sprintf("| calls reset by the client or refused | %s, and %d each second |", thousands(maxResets.burst), int(maxResets.perSecond))},
		{mux, fmt.Sprintf("| PINGs | %d, and %d each second |", maxPings.burst, int(maxPings.perSecond))},
		{mux, fmt.Sprintf("| control frames waiting for the client to read | %s |", thousands(maxControlFrames))},
		{mux, "| until SETTINGS | " + seconds(c.firstFrameTimeout)},
		{mux, "| taking nothing of what the server writes | " + seconds(c.writeTimeout)},
		{connection, fmt.Sprintf("| stream window | %s bytes | 2^31-1 |", thousands(startStreamWindow))},
		{connection, fmt.Sprintf("| connection window | %s bytes | 2^31-1 |", thousands(startConnectionWindow))},
		{connection, fmt.Sprintf("| chunk (payload of DATA, message in OPEN) | %s bytes | %s |", thousands(startChunkBytes), thousands(maxChunkLimit))},
		{connection, fmt.Sprintf("| concurrent streams (from a server) | %d |", startMaxStreams)},
		{connection, fmt.Sprintf("| metadata of one frame: name + value + 32 each | %s bytes |", thousands(startMetadataBytes))},
		{connection, fmt.Sprintf("of at most %s bytes", thousands(maxControlBytes))},
		{section(t, string(doc), "## Heartbeat"), fmt.Sprintf("pings every %d seconds", int(c.heartbeat.Seconds()))},
	} {
		if !strings.Contains(row.in, row.want) {
			t.Errorf("docs/protocol.md does not say %q", row.want)
		}
	}
}

// section is what follows a heading, up to the next of its level.
func section(t *testing.T, doc, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(doc, "\n"+heading)
	if !ok {
		t.Fatalf("docs/protocol.md has no section %q", heading)
	}
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

// thousands is n with commas.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
