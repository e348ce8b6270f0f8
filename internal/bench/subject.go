package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Addresses are where a server listens, as `rialto serve --port-file` writes them.
type Addresses struct {
	HTTP string `json:"http"`
	GRPC string `json:"grpc"`
}

// The names of subjects in reports.
const (
	subjectRialto = "rialto"
	subjectFloor  = "floor"
)

// subject is a server under load.
type subject struct {
	name string
	at   Addresses
	pid  int
	stop func()                                            // ends what start began
	dial func(context.Context, Addresses) (Session, error) // a peer's own; nil: none
	// restart starts it again on the same directory, nothing of which is in memory then; nil: it cannot be.
	restart func(context.Context) error
}

// noLimits are the flags of a server whose clients all come from one address, as fast as they can.
var noLimits = []string{
	"--connection-commands=0", "--user-writes=0", "--room-writes=0", "--address-writes=0", "--user-rooms=0", "--address-rooms=0",
	"--address-guests=0", "--address-connections=0",
}

// startTimeout is how long a server may take until it answers.
const startTimeout = 30 * time.Second

// startSubject starts a server of its own for one run: a Rialto on a directory of its own below cfg.TempDir, or the
// floor.
func startSubject(ctx context.Context, cfg *Config, name string) (*subject, error) {
	if name == subjectRialto && cfg.Attach != nil {
		return &subject{name: name, at: cfg.Attach.Addresses, pid: cfg.Attach.PID, stop: func() {}}, nil
	}
	dir, err := os.MkdirTemp(cfg.TempDir, "rialto-bench-")
	if err != nil {
		return nil, err
	}
	portFile := filepath.Join(dir, "ports.json")
	command, dial := cfg.command(name, dir)
	if cfg.Wire == TLS {
		flags, err := makeCertificate(dir)
		if err != nil {
			os.RemoveAll(dir)
			return nil, err
		}
		command = append(command, flags...)
	}
	s, err := startProcess(ctx, name, append(command, "--port-file", portFile), portFile)
	if err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	s.dial = dial
	end := s.stop
	s.stop = func() { end(); os.RemoveAll(dir) }
	s.restart = func(ctx context.Context) error {
		end()
		end = func() {}
		if err := errors.Join(dropCaches(ctx, dir), os.Remove(portFile)); err != nil {
			return err
		}
		again, err := startProcess(ctx, name, append(command, "--port-file", portFile), portFile)
		if err != nil {
			return fmt.Errorf("start %s again: %w", name, err)
		}
		s.at, s.pid, end = again.at, again.pid, again.stop
		return nil
	}
	return s, nil
}

// command returns what starts a subject, but for its port file, and how its sessions are opened if not by a wire.
func (c *Config) command(name, dir string) (args []string, dial func(context.Context, Addresses) (Session, error)) {
	switch name {
	case subjectFloor:
		return slices.Clone(c.FloorCommand), nil
	case subjectRialto:
		args = append(slices.Clone(c.ServeCommand), "--data", filepath.Join(dir, "data"), "--http", "127.0.0.1:0",
			"--grpc", "127.0.0.1:0", "--admin", "", "--log-level", "warn", "--log-format", "json")
		return append(append(args, noLimits...), c.ServerFlags...), nil
	}
	i := slices.IndexFunc(c.Peers, func(p Peer) bool { return p.Name == name })
	return slices.Clone(c.Peers[i].Command), c.Peers[i].Dial
}

// startProcess runs a command and waits until it has written its port file.
func startProcess(ctx context.Context, name string, args []string, portFile string) (*subject, error) {
	cmd := exec.Command(args[0], args[1:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() { // ends with the process, which stop ends
		_ = cmd.Wait()
		close(ended)
	}()
	s := &subject{name: name, pid: cmd.Process.Pid, stop: func() {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		<-ended
	}}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for tick := time.Tick(10 * time.Millisecond); ; {
		b, err := os.ReadFile(portFile)
		if err == nil {
			if err := json.Unmarshal(b, &s.at); err != nil {
				s.stop()
				return nil, fmt.Errorf("port file: %w", err)
			}
			return s, nil
		}
		select {
		case <-tick:
		case <-ended:
			return nil, fmt.Errorf("it ended: %s", strings.TrimSpace(stderr.String()))
		case <-ctx.Done():
			s.stop()
			return nil, errors.Join(ctx.Err(), errors.New(strings.TrimSpace(stderr.String())))
		}
	}
}
