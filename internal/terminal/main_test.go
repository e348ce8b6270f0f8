package terminal

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Bubble Tea's reader waits for ever if something was typed in the moment that the program ended: it sends what it has
	// parsed without looking at the program's context. A process ends then; a test goes on.
	reader := goleak.IgnoreTopFunction("github.com/charmbracelet/ultraviolet.(*TerminalReader).sendEvents")
	goleak.VerifyTestMain(m, reader)
}
