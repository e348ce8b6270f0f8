//go:build !linux

package bench

import (
	"errors"
	"time"
)

var errNoProc = errors.New("a process's CPU time and memory are measured on Linux only")

func cpuTime(int) (time.Duration, error) { return 0, errNoProc }

func residentBytes(int) (int64, error) { return 0, errNoProc }

func kernelVersion() string { return "unknown" }
