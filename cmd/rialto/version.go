package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCommand prints what this binary was built from.
type versionCommand struct{}

// Run prints one line.
func (versionCommand) Run(c console) error {
	_, err := fmt.Fprintf(c.stdout, "rialto %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// version returns the module's version as the build recorded it: a tag, or a pseudo-version with the commit, with
// "+dirty" for a changed tree; "devel" where the build knew nothing.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
