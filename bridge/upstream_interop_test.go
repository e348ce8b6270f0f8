package bridge_test

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/reflection"
)

// The same cases of grpc-go's interop suite with its server behind the bridge, as an upstream.
func TestInteropThroughUpstream(t *testing.T) {
	t.Parallel()
	if name := os.Getenv(interopCaseVariable); name != "" {
		b := startBackend(t, func(s *grpc.Server) {
			testgrpc.RegisterTestServiceServer(s, interop.NewTestServer())
			reflection.Register(s)
		})
		cc := dialServer(t, front(t, b.addr, exposed))
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		interopCases[name](ctx, cc)
		return
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name := range interopCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), program, "-test.run=^TestInteropThroughUpstream$", "-test.timeout=60s")
			command.Env = append(os.Environ(), interopCaseVariable+"="+name)
			if output, err := command.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}
