//go:build !unix

package bench

import "time"

// ownCPU is not known here; nor is the server's, so that nothing is measured.
func ownCPU() time.Duration { return 0 }
