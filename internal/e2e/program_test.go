package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rialto-rpc/rialto/internal/server"
)

// program is the real server as a process of its own, on the same data and, from its second start on, the same ports.
type program struct {
	binary, dir, data string
	at                server.Addresses
	process           *exec.Cmd // nil: it does not run
	ended             chan error
}

func buildProgram(t *testing.T) *program {
	t.Helper()
	dir := t.TempDir()
	p := &program{
		binary: filepath.Join(dir, "rialto"), dir: dir, data: filepath.Join(dir, "data"),
		at: server.Addresses{HTTP: "127.0.0.1:0", GRPC: "127.0.0.1:0", Admin: "127.0.0.1:0"},
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", p.binary, "../../cmd/rialto").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() { p.kill() })
	return p
}

// start starts it, without limits of rates, and waits until it answers; what it said if it ended instead.
func (p *program) start(t *testing.T) (said string, ok bool) {
	t.Helper()
	portFile := filepath.Join(p.dir, "ports.json")
	_ = os.Remove(portFile)
	args := []string{
		"serve", "--http", p.at.HTTP, "--grpc", p.at.GRPC, "--admin", p.at.Admin, "--data", p.data, "--port-file", portFile,
		"--log-level", "warn", "--connection-commands=0", "--user-writes=0", "--room-writes=0", "--address-writes=0",
		"--user-rooms=0", "--address-rooms=0", "--address-guests=0", "--address-connections=0",
	}
	var output strings.Builder
	cmd := exec.Command(p.binary, args...)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the process, which kill ends
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile(portFile)
		if err == nil && json.Unmarshal(b, &p.at) == nil {
			p.process, p.ended = cmd, ended
			return "", true
		}
		select {
		case <-ended:
			return output.String(), false
		default:
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			t.Fatalf("it does not answer, and does not end: %v", <-ended)
		}
	}
}

// kill ends it as a crash does.
func (p *program) kill() { p.end(syscall.SIGKILL) }

// stop asks it to drain and end.
func (p *program) stop() { p.end(syscall.SIGTERM) }

func (p *program) end(signal syscall.Signal) {
	if p.process == nil {
		return
	}
	_ = p.process.Process.Signal(signal)
	<-p.ended
	p.process = nil
}
