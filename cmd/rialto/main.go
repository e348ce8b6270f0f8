// Command rialto is the chat server, its terminal client, and the bridge for other gRPC servers.
//
//	rialto                     run a server: browsers on localhost:8080, gRPC on localhost:9090
//	rialto serve --help        what can be set, each as a flag, an environment variable and a line of rialto.yaml
//	rialto proxy --upstream localhost:9000
//	                           a bridge in front of any gRPC server, in any language
//	rialto chat --name ana     talk in the terminal, or from a script
//	rialto admin rooms         look after a running server
//	rialto bench fanout        measure what a server can do on this machine
//	rialto version
//
// It ends with 0 when all went well, 2 when it was called wrongly (flags, environment, configuration file) and 1 when
// something else failed. Errors are one line on standard error.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/rialto-rpc/rialto/internal/server"
)

// commandLine is what can be asked of rialto. Every flag --foo-bar is also the environment variable RIALTO_FOO_BAR (of bench
// RIALTO_BENCH_FOO_BAR) and, for serve, the key foo-bar of the configuration file, of which other commands read data and admin.
type commandLine struct {
	Serve   serveCommand   `cmd:"" default:"withargs" help:"Run a server. This is what rialto does without a command."`
	Proxy   proxyCommand   `cmd:"" help:"Put a bridge in front of a gRPC server: browsers reach it over WebSocket."`
	Chat    chatCommand    `cmd:"" help:"Chat in the terminal, or from a script."`
	Admin   adminCommand   `cmd:"" help:"Look after a running server: rooms, bans, backups."`
	Bench   benchCommand   `cmd:"" help:"Measure what a server can do on this machine."`
	Backup  backupCommand  `cmd:"" help:"Copy a data directory while no server uses it."`
	Restore restoreCommand `cmd:"" help:"Make a data directory of a backup; clients load their rooms anew."`
	Repair  repairCommand  `cmd:"" help:"Look at a data directory whose log is damaged, and give up what comes after the damage."`
	Compact compactCommand `cmd:"" help:"Rewrite a data directory while no server uses it, so that nothing deleted is left in any file."`
	Version versionCommand `cmd:"" help:"Print the version."`

	VersionFlag versionFlag `name:"version" env:"-" help:"Print the version."`

	BenchFloor benchFloorCommand `cmd:"" hidden:""`
}

// Help implements [kong.HelpProvider]: the examples of --help.
func (commandLine) Help() string {
	return `Examples:

  rialto
      A server on this machine: open http://localhost:8080.

  rialto chat --room lobby --name ana
      Talk in the terminal; from a script, each line of the input is a message.

  rialto serve --help
      All that can be set, as flags, environment variables or in rialto.yaml.`
}

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// console is where a command reads and writes; injected, so that commands can be tested.
type console struct {
	stdout, stderr io.Writer
}

func main() {
	os.Exit(run(os.Args[1:], console{stdout: os.Stdout, stderr: os.Stderr}))
}

// run parses the arguments, runs the command and returns the exit code.
func run(args []string, c console) int {
	exited := -1 // set by --help and --version, which end by themselves
	parser, err := newParser(c, func(code int) { exited = code })
	if err != nil {
		fmt.Fprintln(c.stderr, "rialto:", err)
		return exitFailed
	}
	cmd, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(c.stderr, "rialto: %v (see %s --help)\n", err, explained(args, err))
		return exitUsage
	}
	cmd.BindTo(context.Background(), (*context.Context)(nil))
	if err := cmd.Run(); err != nil {
		return fail(c.stderr, err)
	}
	return exitOK
}

// explained is the command whose --help has what args got wrong: that of args, or serve, which is meant where none is named.
func explained(args []string, err error) string {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return "rialto serve"
	}
	name := "rialto"
	var wrong *kong.ParseError
	if !errors.As(err, &wrong) || wrong.Context == nil {
		return name
	}
	for _, step := range wrong.Context.Path {
		if step.Command != nil && slices.Contains(args, step.Command.Name) { // serve is there also where nobody named it
			name += " " + step.Command.Name
		}
	}
	return name
}

// fail reports an error of a command; one that chooses its exit code keeps it, and one without a text is silent.
func fail(stderr io.Writer, err error) int {
	if text := err.Error(); text != "" {
		fmt.Fprintln(stderr, "rialto:", text)
	}
	var coder kong.ExitCoder
	var config *server.ConfigError
	switch {
	case errors.As(err, &coder):
		return coder.ExitCode()
	case errors.As(err, &config):
		return exitUsage
	}
	return exitFailed
}

// nameBenchVariables gives the flags of bench variables of their own: what is measured is not what RIALTO_URL names for
// everyday use.
func nameBenchVariables(k *kong.Kong) error {
	for _, command := range k.Model.Children {
		if command.Name != "bench" {
			continue
		}
		for _, flag := range command.Flags {
			name := "RIALTO_BENCH_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
			flag.Envs = []string{name}
			flag.Value.Tag.Envs = flag.Envs // for --help
		}
	}
	return nil
}

func newParser(c console, exit func(int)) (*kong.Kong, error) {
	return kong.New(new(commandLine),
		kong.Name("rialto"),
		kong.Description("Durable chat rooms for browsers and gRPC clients."),
		kong.PostBuild(nameBenchVariables), // before the others, which it leaves out
		kong.DefaultEnvars("RIALTO"),
		flagValues(),
		kong.Writers(c.stdout, c.stderr),
		kong.Exit(exit),
		kong.Bind(c),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
	)
}
