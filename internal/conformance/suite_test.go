package conformance

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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

var (
	totals = regexp.MustCompile(`(?m)^(\d+) passed, (\d+) failed`)
	failed = regexp.MustCompile(`(?m)^\s*FAILED: ([^\s:](?:[^\n]*[^:\n])?)(:| was expected to fail)`)
)

// timed are the suites of cases that have to be made within 200 ms, or 2 s, of the real clock.
var timed = regexp.MustCompile(`^(Timeouts|Deadline Propagation)/`)

// trial is one run of the suites.
type trial struct {
	mode, config string
	role         string   // of this test binary, which is under test or starts what is
	args         []string // that it gets
	knownFailing string   // a list of the suites' own; empty: none
	atLeast      int      // cases that have to pass
	cases        []string // none: all
}

// outcome is what came of a trial.
type outcome struct {
	report         string
	passed, failed int
	late           []string // cases that failed, if all that did are timed
}

// run makes a trial. All cases have to pass but those that are known to fail, which have to fail. Timed cases that failed get
// another chance, one after another: while the others run, a busy machine may not get to them in time.
func (s suite) run(t *testing.T, try trial) {
	t.Helper()
	o := s.attempt(t, try)
	if len(o.late) > 0 {
		t.Logf("%d passed, %d failed; those that have to be in time once more: %q", o.passed, o.failed, o.late)
		again := try
		again.cases, again.knownFailing = o.late, ""
		passed := o.passed
		o = s.attempt(t, again)
		o.passed += passed
	}
	t.Logf("%d passed, %d failed", o.passed, o.failed)
	if o.passed < try.atLeast || o.failed != 0 {
		t.Errorf("%d passed, %d failed, want at least %d and no failure:\n%s", o.passed, o.failed, try.atLeast, o.report)
	}
}

func (s suite) attempt(t *testing.T, try trial) outcome {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--mode", try.mode, "--conf", try.config}
	if try.knownFailing != "" {
		args = append(args, "--known-failing", "@"+try.knownFailing)
	}
	if len(try.cases) > 0 {
		args = append(args, "--max-servers", "1")
	}
	if len(try.cases) > 0 && try.mode == "server" {
		args = append(args, "--parallel", "1")
	}
	for _, name := range try.cases {
		args = append(args, "--run", name)
	}
	cmd := exec.CommandContext(t.Context(), s.runner, append(append(args, "--", self), try.args...)...)
	// A program that has a data race fails its cases, rather than only saying so.
	cmd.Env = append(os.Environ(), roleVariable+"="+try.role, "GORACE=halt_on_error=1")
	report, err := cmd.CombinedOutput()
	o := outcomeOf(string(report))
	if err != nil && o.failed == 0 {
		t.Fatalf("%v\n%s", err, report)
	}
	return o
}

// outcomeOf reads a report. One without totals counts as a failure.
func outcomeOf(report string) outcome {
	o := outcome{report: report, failed: 1}
	counts := totals.FindStringSubmatch(report)
	if counts == nil {
		return o
	}
	o.passed, _ = strconv.Atoi(counts[1])
	o.failed, _ = strconv.Atoi(counts[2])
	for _, match := range failed.FindAllStringSubmatch(report, -1) {
		if !timed.MatchString(match[1]) || match[2] != ":" {
			o.late = nil
			return o
		}
		o.late = append(o.late, match[1])
	}
	if len(o.late) != o.failed {
		o.late = nil
	}
	return o
}

// A report is read to the letter: only where every failure is of a timed case is there another chance.
func TestOutcome(t *testing.T) {
	t.Parallel()
	const late = "Timeouts/HTTPVersion:2/Protocol:PROTOCOL_GRPC/TLS:false/unary"
	for report, want := range map[string]outcome{
		"FAILED: " + late + ":\n\tx\nTotal cases: 3\n2 passed, 1 failed":                                    {passed: 2, failed: 1, late: []string{late}},
		"FAILED: " + late + ":\n\tx\nFAILED: Basic/Codec:x/unary:\n\tx\nTotal cases: 3\n1 passed, 2 failed": {passed: 1, failed: 2},
		"FAILED: " + late + " was expected to fail but did not\nTotal cases: 3\n2 passed, 1 failed":         {passed: 2, failed: 1},
		"Total cases: 3\n3 passed, 0 failed":                                                                {passed: 3},
		"":                                                                                                  {failed: 1},
	} {
		got := outcomeOf(report)
		if got.passed != want.passed || got.failed != want.failed || !slices.Equal(got.late, want.late) {
			t.Errorf("%q: %d passed, %d failed, %q; want %d, %d, %q", report, got.passed, got.failed, got.late, want.passed, want.failed, want.late)
		}
	}
}
