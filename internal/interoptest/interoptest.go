// Package interoptest runs grpc-go's interop suite over any [grpc.ClientConnInterface], in tests.
package interoptest

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// cases are those of the suite that take any grpc.ClientConnInterface. The others need a *grpc.ClientConn, Google's accounts
// or a balancer.
var cases = map[string]func(context.Context, grpc.ClientConnInterface){
	"empty_unary":                 testCase(interop.DoEmptyUnaryCall),
	"large_unary":                 testCase(interop.DoLargeUnaryCall),
	"client_streaming":            testCase(interop.DoClientStreaming),
	"server_streaming":            testCase(interop.DoServerStreaming),
	"ping_pong":                   testCase(interop.DoPingPong),
	"empty_stream":                testCase(interop.DoEmptyStream),
	"timeout_on_sleeping_server":  testCase(interop.DoTimeoutOnSleepingServer),
	"cancel_after_begin":          testCase(interop.DoCancelAfterBegin),
	"cancel_after_first_response": testCase(interop.DoCancelAfterFirstResponse),
	"custom_metadata":             testCase(interop.DoCustomMetadata),
	"status_code_and_message":     testCase(interop.DoStatusCodeAndMessage),
	"special_status_message":      testCase(interop.DoSpecialStatusMessage),
	"unimplemented_service": func(ctx context.Context, cc grpc.ClientConnInterface) {
		interop.DoUnimplementedService(ctx, testgrpc.NewUnimplementedServiceClient(cc))
	},
}

func testCase(
	run func(context.Context, testgrpc.TestServiceClient, ...grpc.CallOption),
) func(context.Context, grpc.ClientConnInterface) {
	return func(ctx context.Context, cc grpc.ClientConnInterface) { run(ctx, testgrpc.NewTestServiceClient(cc)) }
}

// caseVariable names the case that a test process runs.
const caseVariable = "RIALTO_INTEROP_CASE"

// patience is for one case; never reached when all is well.
const patience = time.Minute

// Run runs every usable case as a subtest of t, a test of the top level: each in a process of its own, because the suite's
// functions end the process when they fail. dial is called in that process, for a connection to an interop server
// ([NewServer]), and cleans up by itself.
func Run(t *testing.T, dial func(testing.TB) grpc.ClientConnInterface) {
	t.Helper()
	if name := os.Getenv(caseVariable); name != "" {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		cases[name](ctx, dial(t))
		return
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	test := "-test.run=^" + t.Name() + "$"
	for name := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), program, test, "-test.timeout=2m")
			command.Env = append(os.Environ(), caseVariable+"="+name)
			if output, err := command.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}

// NewServer is grpc-go's own service for the suite.
func NewServer() testgrpc.TestServiceServer { return interop.NewTestServer() }
