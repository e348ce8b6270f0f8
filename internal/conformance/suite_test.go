package conformance

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const module = "connectrpc.com/conformance"

// suite is the suites' programs, which are in the build cache, and the descriptors of their service.
type suite struct {
	runner      string // the program that makes the calls and judges
	grpcClient  string // the client on grpc-go
	grpcServer  string // the service on grpc-go's server
	source      string // the suites' module
	descriptors string // of the service, a FileDescriptorSet, in a directory of the test's own
}

// buildSuite builds the programs from their pinned sources.
func buildSuite(t *testing.T) suite {
	t.Helper()
	program := func(name string) string {
		return strings.TrimSpace(string(output(t, "go", "tool", "-modfile=../../tools/conformance.mod", "-n", name)))
	}
	var source struct{ Dir string }
	download := output(t, "go", "mod", "download", "-modfile=../../tools/conformance.mod", "-json", module)
	if err := json.Unmarshal(download, &source); err != nil {
		t.Fatal(err)
	}
	s := suite{
		runner:      program("connectconformance"),
		grpcClient:  program("grpcclient"),
		grpcServer:  program("grpcserver"),
		source:      source.Dir,
		descriptors: filepath.Join(t.TempDir(), "service.binpb"),
	}
	output(t, "go", "tool", "-modfile=../../tools/buf.mod", "buf", "build", filepath.Join(source.Dir, "proto"), "-o", s.descriptors)
	return s
}

// knownFailing returns the suites' own list of what a program of theirs fails.
func (s suite) knownFailing(program string) string {
	return filepath.Join(s.source, "testing", program+"-known-failing.txt")
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

// trial is one run of the suites.
type trial struct {
	mode, config string
	role         string   // of this test binary, which is under test or starts what is
	args         []string // that it gets
	knownFailing string   // a list of the suites' own; empty: none
	atLeast      int      // cases that have to pass
}

// run makes a trial. All cases have to pass but those that are known to fail, which have to fail.
func (s suite) run(t *testing.T, try trial) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--mode", try.mode, "--conf", try.config}
	if try.knownFailing != "" {
		args = append(args, "--known-failing", "@"+try.knownFailing)
	}
	cmd := exec.CommandContext(t.Context(), s.runner, append(append(args, "--", self), try.args...)...)
	// A program that has a data race fails its cases, rather than only saying so.
	cmd.Env = append(os.Environ(), roleVariable+"="+try.role, "GORACE=halt_on_error=1")
	report, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, report)
	}
	counts := totals.FindSubmatch(report)
	if counts == nil {
		t.Fatalf("no totals in:\n%s", report)
	}
	t.Logf("%s", counts[0])
	if passed, _ := strconv.Atoi(string(counts[1])); passed < try.atLeast || string(counts[2]) != "0" {
		t.Errorf("%s, want at least %d and no failure:\n%s", counts[0], try.atLeast, report)
	}
}
