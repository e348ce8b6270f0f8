package main

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rialto-rpc/rialto/internal/server"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"rialto": main})
}

// TestScripts runs the command line as people do: each script in testdata is one scenario, in a directory of its own.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			// Every server of a script takes free ports unless it says otherwise.
			e.Setenv("RIALTO_HTTP", "localhost:0")
			e.Setenv("RIALTO_GRPC", "localhost:0")
			e.Setenv("RIALTO_ADMIN", "localhost:0")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fails":     fails,
			"ports":     ports,
			"terminate": terminate,
			"hold":      hold,
			"draining":  draining,
			"certify":   certify,
			"measures":  measures,
		},
		RequireUniqueNames: true,
	})
}

// fails CODE COMMAND... runs a command that must end with an exit code.
func fails(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != want {
		ts.Fatalf("%s: %v, want exit code %d", strings.Join(args[1:], " "), err, want)
	}
}

// ports FILE waits for a port file and puts its addresses into $HTTP, $GRPC and $ADMIN.
func ports(ts *testscript.TestScript, _ bool, args []string) {
	var data []byte
	for deadline := time.Now().Add(time.Minute); ; {
		var err error
		if data, err = os.ReadFile(ts.MkAbs(args[0])); err == nil {
			break
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no port file: %v", err)
		}
		time.Sleep(10 * time.Millisecond) // another process writes it: there is nothing to wait on
	}
	var addresses server.Addresses
	ts.Check(json.Unmarshal(data, &addresses))
	ts.Setenv("HTTP", addresses.HTTP)
	ts.Setenv("GRPC", addresses.GRPC)
	ts.Setenv("ADMIN", addresses.Admin)
}

// terminate sends SIGTERM to everything in the background.
func terminate(ts *testscript.TestScript, _ bool, _ []string) {
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	}
}

// hold begins a request to the given address and never ends it, which keeps a server in its drain: once the server has
// accepted the connection, as $ADMIN says.
func hold(ts *testscript.TestScript, _ bool, args []string) {
	conn, err := net.Dial("tcp", args[0])
	ts.Check(err)
	ts.Defer(func() { conn.Close() })
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\n")
	ts.Check(err)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get("http://" + ts.Getenv("ADMIN") + "/metrics")
		ts.Check(err)
		metrics, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		ts.Check(err)
		if strings.Contains(string(metrics), `rialto_connections{port="http"} 1`) {
			return
		}
	}
	ts.Fatalf("the server at %s accepts no connection", args[0])
}

// draining waits until the server at the given address says that it is.
func draining(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get("http://" + args[0] + "/readyz")
		ts.Check(err)
		resp.Body.Close()
		if resp.StatusCode == http.StatusServiceUnavailable {
			return
		}
	}
	ts.Fatalf("the server at %s does not drain", args[0])
}
