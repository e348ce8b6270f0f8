package bridge_test

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/rialto-rpc/rialto/bridge"
)

// interopCases are the cases of grpc-go's interop suite that take any grpc.ClientConnInterface. The others need a
// *grpc.ClientConn, Google's accounts or a balancer.
var interopCases = map[string]func(context.Context, grpc.ClientConnInterface){
	"empty_unary":                 interopCase(interop.DoEmptyUnaryCall),
	"large_unary":                 interopCase(interop.DoLargeUnaryCall),
	"client_streaming":            interopCase(interop.DoClientStreaming),
	"server_streaming":            interopCase(interop.DoServerStreaming),
	"ping_pong":                   interopCase(interop.DoPingPong),
	"empty_stream":                interopCase(interop.DoEmptyStream),
	"timeout_on_sleeping_server":  interopCase(interop.DoTimeoutOnSleepingServer),
	"cancel_after_begin":          interopCase(interop.DoCancelAfterBegin),
	"cancel_after_first_response": interopCase(interop.DoCancelAfterFirstResponse),
	"custom_metadata":             interopCase(interop.DoCustomMetadata),
	"status_code_and_message":     interopCase(interop.DoStatusCodeAndMessage),
	"special_status_message":      interopCase(interop.DoSpecialStatusMessage),
	"unimplemented_service": func(ctx context.Context, cc grpc.ClientConnInterface) {
		interop.DoUnimplementedService(ctx, testgrpc.NewUnimplementedServiceClient(cc))
	},
}

func interopCase(
	run func(context.Context, testgrpc.TestServiceClient, ...grpc.CallOption),
) func(context.Context, grpc.ClientConnInterface) {
	return func(ctx context.Context, cc grpc.ClientConnInterface) { run(ctx, testgrpc.NewTestServiceClient(cc)) }
}

// interopCaseVariable names the case that a test process runs; interop's functions end the process when they fail.
const interopCaseVariable = "RIALTO_INTEROP_CASE"

// Every usable case of grpc-go's interop suite, against its own server on the bridge's handler, over TCP. Each runs in a process
// of its own.
func TestInteropOverClient(t *testing.T) {
	t.Parallel()
	if name := os.Getenv(interopCaseVariable); name != "" {
		runInteropCase(t, name)
		return
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name := range interopCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), program, "-test.run=^TestInteropOverClient$", "-test.timeout=60s")
			command.Env = append(os.Environ(), interopCaseVariable+"="+name)
			if output, err := command.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}

func runInteropCase(t *testing.T, name string) {
	h, err := bridge.NewHandler()
	if err != nil {
		t.Fatal(err)
	}
	testgrpc.RegisterTestServiceServer(h, interop.NewTestServer())
	cc := dialServer(t, serveHandler(t, h))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	interopCases[name](ctx, cc)
}
