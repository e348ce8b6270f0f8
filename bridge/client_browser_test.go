package bridge_test

import (
	"os"
	"os/exec"
	"testing"
)

// The package builds for browsers. internal/e2e runs it in one.
func TestClientBuildsForBrowsers(t *testing.T) {
	t.Parallel()
	build := exec.CommandContext(t.Context(), "go", "build", ".")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if output, err := build.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}
