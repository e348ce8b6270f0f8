package main

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/rialto-rpc/rialto/bridge"
	"github.com/rialto-rpc/rialto/internal/interoptest"
	"github.com/rialto-rpc/rialto/internal/server"
)

// Every usable case of grpc-go's interop suite, from the bridge's client through `rialto proxy` to the suite's server.
func TestInteropThroughProxy(t *testing.T) {
	t.Parallel()
	interoptest.Run(t, func(t testing.TB) grpc.ClientConnInterface {
		cc, err := bridge.Dial("ws://" + startProxy(t, startInteropServer(t)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cc.Close() })
		return cc
	})
}

func startInteropServer(t testing.TB) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	behind := grpc.NewServer()
	testgrpc.RegisterTestServiceServer(behind, interoptest.NewServer())
	served := make(chan struct{})
	go func() { // ends with Stop
		defer close(served)
		behind.Serve(listener)
	}()
	t.Cleanup(func() {
		behind.Stop()
		<-served
	})
	return listener.Addr().String()
}

// startProxy runs the program in front of a server, and returns where it listens.
func startProxy(t testing.TB, upstream string) (address string) {
	t.Helper()
	ports := filepath.Join(t.TempDir(), "ports.json")
	// Without reflection behind, the services are named.
	proxy := exec.Command("rialto", "proxy", "--upstream", upstream, "--http", "localhost:0", "--admin", "", "--port-file", ports,
		"--services", "grpc.testing.TestService,grpc.testing.UnimplementedService")
	var log strings.Builder
	proxy.Stderr = &log
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- proxy.Wait() }() // ends with the process
	t.Cleanup(func() {
		_ = proxy.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			t.Errorf("the proxy ended with %v\n%s", err, &log)
		}
	})
	for {
		data, err := os.ReadFile(ports)
		if err == nil {
			var addresses server.Addresses
			if err := json.Unmarshal(data, &addresses); err != nil {
				t.Fatal(err)
			}
			return addresses.HTTP
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the proxy ended with %v\n%s", err, &log)
		case <-time.After(10 * time.Millisecond): // another process writes it: there is nothing to wait on
		}
	}
}
