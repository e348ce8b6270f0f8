package conformance

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

const module = "connectrpc.com/conformance"

// suite is the suites' programs and the descriptors of their service, in a directory of the test's own.
type suite struct {
	runner      string // the program that makes the calls and judges
	grpcServer  string // the service on grpc-go's server
	descriptors string // of the service, a FileDescriptorSet
}

// buildSuite builds the programs from their pinned sources; the build cache keeps them.
func buildSuite(t *testing.T) suite {
	t.Helper()
	dir := t.TempDir()
	output(t, "go", "build", "-modfile=../../tools/conformance.mod", "-o", dir+"/",
		module+"/cmd/connectconformance", module+"/cmd/grpcserver")
	var source struct{ Dir string }
	if err := json.Unmarshal(output(t, "go", "list", "-modfile=../../tools/conformance.mod", "-m", "-json", module), &source); err != nil {
		t.Fatal(err)
	}
	s := suite{
		runner:      filepath.Join(dir, "connectconformance"),
		grpcServer:  filepath.Join(dir, "grpcserver"),
		descriptors: filepath.Join(dir, "service.binpb"),
	}
	output(t, "go", "tool", "-modfile=../../tools/buf.mod", "buf", "build", filepath.Join(source.Dir, "proto"), "-o", s.descriptors)
	return s
}

func output(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v", name, args, err)
	}
	return out
}

var totals = regexp.MustCompile(`(?m)^(\d+) passed, (\d+) failed`)

// run runs the suites in a mode with a configuration against this test binary in a role, to which it gives args. All cases
// have to pass, and there must be at least so many.
func (s suite) run(t *testing.T, mode, config, role string, atLeast int, args ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), s.runner, append([]string{"--mode", mode, "--conf", config, "--", self}, args...)...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	report, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, report)
	}
	counts := totals.FindSubmatch(report)
	if counts == nil {
		t.Fatalf("no totals in:\n%s", report)
	}
	t.Logf("%s", counts[0])
	if passed, _ := strconv.Atoi(string(counts[1])); passed < atLeast || string(counts[2]) != "0" {
		t.Errorf("%s, want at least %d and no failure:\n%s", counts[0], atLeast, report)
	}
}
