//go:build !linux

package state

import "path/filepath"

// identifyFile returns where the file is: enough to notice a directory that was copied or moved elsewhere, not one that
// was put back in its place.
func identifyFile(path string) (string, error) { return filepath.Abs(path) }
