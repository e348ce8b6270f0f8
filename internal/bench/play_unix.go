//go:build unix

package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// ownCPU returns the CPU time of this process, which is the generator.
func ownCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
