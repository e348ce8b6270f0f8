package bench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// serveVariable makes this test binary the server of the way it names.
	serveVariable = "RIALTO_BENCH_SERVE"

	// profileVariable is where a server writes its CPU profile; the client's is `go test -cpuprofile`.
	profileVariable = "RIALTO_BENCH_SERVER_PROFILE"
)

// A server is this binary once more. It says its address, answers every line with its usage, and ends with its input.
func TestMain(m *testing.M) {
	name := os.Getenv(serveVariable)
	if name == "" {
		os.Exit(m.Run())
	}
	if err := runServer(name); err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
}

func runServer(name string) error {
	stop, err := startProfile(os.Getenv(profileVariable))
	if err != nil {
		return err
	}
	defer stop()
	for _, w := range ways {
		if w.name != name {
			continue
		}
		addr, err := w.serve()
		if err != nil {
			return err
		}
		fmt.Println(addr)
		return answerUsage()
	}
	return fmt.Errorf("no such way")
}

func startProfile(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		file.Close()
	}, nil
}

func answerUsage() error {
	encoder := json.NewEncoder(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := encoder.Encode(usageNow()); err != nil {
			return err
		}
	}
	return nil
}

// usage is what a process has used since it began.
type usage struct {
	CPU    time.Duration // user and system
	Allocs uint64
	Bytes  uint64 // allocated
}

func usageNow() usage {
	var of syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &of); err != nil {
		panic(err)
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return usage{time.Duration(of.Utime.Nano() + of.Stime.Nano()), memory.Mallocs, memory.TotalAlloc}
}

func (u usage) minus(v usage) usage {
	return usage{u.CPU - v.CPU, u.Allocs - v.Allocs, u.Bytes - v.Bytes}
}

func (u usage) plus(v usage) usage {
	return usage{u.CPU + v.CPU, u.Allocs + v.Allocs, u.Bytes + v.Bytes}
}

// server is the other process.
type server struct {
	addr   string
	input  io.Writer
	output *bufio.Reader
}

// startServer starts the server of a way. It ends with the test.
func startServer(t testing.TB, name string) *server {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(executable)
	cmd.Env = append(os.Environ(), serveVariable+"="+name)
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("server of %s: %v", name, err)
		}
	})
	s := &server{input: input, output: bufio.NewReader(output)}
	s.addr = strings.TrimSpace(s.line(t))
	return s
}

func (s *server) line(t testing.TB) string {
	t.Helper()
	line, err := s.output.ReadString('\n')
	if err != nil {
		t.Fatal("the server has ended:", err)
	}
	return line
}

// usage is what the server has used until now.
func (s *server) usage(t testing.TB) usage {
	t.Helper()
	if _, err := io.WriteString(s.input, "\n"); err != nil {
		t.Fatal("the server has ended:", err)
	}
	var u usage
	if err := json.Unmarshal([]byte(s.line(t)), &u); err != nil {
		t.Fatal(err)
	}
	return u
}
