//go:build !linux

package bench

import "os"

// dropFromCache does nothing: what is called cold then is so for the server alone.
func dropFromCache(*os.File) error { return nil }
