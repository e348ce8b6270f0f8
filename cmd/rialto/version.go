package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// versionCommand prints what this binary was built from.
type versionCommand struct{}

// Run prints one line.
func (versionCommand) Run(c console) error {
	_, err := fmt.Fprintf(c.stdout, "rialto %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// versionFlag is --version: it does what the command does, whatever else is asked.
type versionFlag bool

// BeforeReset implements kong's hook for flags that end the program.
func (versionFlag) BeforeReset(app *kong.Kong, c console) error {
	err := versionCommand{}.Run(c)
	app.Exit(exitOK)
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
