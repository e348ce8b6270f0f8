package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rialto-rpc/rialto/internal/bench"
)

// benchCommand measures a server. Flags that are not given have the scenario's default.
type benchCommand struct {
	Scenario string `arg:"" enum:"fanout,rooms,publish,echo,idle,storm,slow,history" help:"What clients do; see above."`

	Vs   string `enum:"none,floor" default:"none" placeholder:"floor" help:"Take turns with the floor: one write a message and client, nothing stored. Prints the ratio."`
	Runs *int   `placeholder:"N" help:"How often each server is measured (5)."`
	JSON bool   `name:"json" help:"Print the report as JSON."`

	Wire         string         `enum:"plain,tls,json,mux,grpc" default:"plain" placeholder:"WIRE" group:"The load" help:"plain (a WebSocket with protobuf), tls (the same over TLS), json (the same with JSON), mux (multiplexed mode) or grpc (${default})."`
	Rooms        *int           `placeholder:"N" group:"The load" help:"How many rooms."`
	PerRoom      *int           `placeholder:"N" group:"The load" help:"Clients in each room."`
	Rate         *float64       `placeholder:"N" group:"The load" help:"Messages a second over all rooms; 0: as fast as --in-flight allows."`
	InFlight     *int           `placeholder:"N" group:"The load" help:"With --rate 0: messages under way in each room (64)."`
	MessageBytes *int           `placeholder:"N" group:"The load" help:"Length of a message's text (128)."`
	Warmup       *time.Duration `placeholder:"TIME" group:"The load" help:"Load before the measurement (2s)."`
	Duration     *time.Duration `placeholder:"TIME" group:"The load" help:"How long is measured (10s)."`
	Rest         *time.Duration `placeholder:"TIME" group:"The load" help:"idle: how long nothing is said (1m). slow: how long the readers stop (30s)."`
	Offline      *int           `placeholder:"N" group:"The load" help:"storm: messages each room gets while its clients are away, at most 500 (50)."`
	Preload      *int           `placeholder:"N" group:"The load" help:"history: messages stored before, over all rooms (100000)."`

	ServerFlags []string `placeholder:"FLAG" sep:"none" group:"The server" help:"A flag for the servers that are started, as in --server-flags=--heartbeat=1m; may be repeated."`
	TempDir     string   `type:"path" placeholder:"DIR" group:"The server" help:"Where their data directories are made. What is in memory (tmpfs) has no fsync to speak of."`
	URL         string   `name:"url" placeholder:"HOST:PORT" group:"The server" help:"Measure the server that listens here, on this machine, instead of starting one: its port for browsers, or with --wire grpc the one for gRPC."`
	PID         int      `name:"pid" placeholder:"N" group:"The server" help:"Its process, whose CPU time and memory are taken."`
}

// Help implements [kong.HelpProvider].
func (*benchCommand) Help() string {
	var b strings.Builder
	b.WriteString(`Each run starts a server of its own on a temporary directory, as a process, and ends it. Every delivery is
counted and checked: a run in which anything was lost, doubled or out of order, or in which this program needed more
than 0.9 cores, counts for nothing. Other work on the machine shows in the spread. The servers it starts have no limits of
rates; one that is measured with --url should have none either (rialto serve --user-writes=0 and so on).

Scenarios:

`)
	for _, s := range bench.Scenarios() {
		fmt.Fprintf(&b, "  %-9s %s\n", s.Name, s.What)
	}
	b.WriteString(`
Examples:

  rialto bench fanout --vs floor
      1,000 clients in one room, 50 messages a second, in turns with the least a chat can do.

  rialto bench fanout --rate 0 --in-flight 64
      The same room, as fast as it goes.

  rialto bench idle --rest 10m --wire mux
      A soak: 10,000 multiplexed sockets that hear nothing for ten minutes, and what memory does.

  rialto bench rooms --wire grpc --runs 1 --duration 5s --json | jq .medians.rialto
      500 rooms of 10 over native gRPC.`)
	return b.String()
}

// Validate implements kong's check after parsing.
func (b *benchCommand) Validate() error {
	if b.Scenario == "" {
		return nil // kong says that it is missing, after this
	}
	if b.URL == "" && b.PID != 0 {
		return errors.New("--pid: of which server? Give --url, too")
	}
	cfg, err := b.config()
	if err != nil {
		return err
	}
	return cfg.Validate()
}

func (b *benchCommand) config() (bench.Config, error) {
	cfg, err := bench.Defaults(bench.Scenario(b.Scenario))
	if err != nil {
		return cfg, err
	}
	cfg.Wire = bench.Wire(b.Wire)
	cfg.VsFloor = b.Vs == "floor"
	override(&cfg.Runs, b.Runs)
	override(&cfg.Rooms, b.Rooms)
	override(&cfg.PerRoom, b.PerRoom)
	override(&cfg.Rate, b.Rate)
	override(&cfg.InFlight, b.InFlight)
	override(&cfg.MessageBytes, b.MessageBytes)
	override(&cfg.Warmup, b.Warmup)
	override(&cfg.Duration, b.Duration)
	override(&cfg.Rest, b.Rest)
	override(&cfg.Offline, b.Offline)
	override(&cfg.Preload, b.Preload)
	cfg.ServerFlags, cfg.TempDir = b.ServerFlags, b.TempDir
	if b.URL != "" {
		address := hostPort(b.URL)
		cfg.Attach = &bench.Attach{Addresses: bench.Addresses{HTTP: address, GRPC: address}, PID: b.PID}
	}
	return cfg, nil
}

// hostPort is the address in what may be a whole URL.
func hostPort(url string) string {
	if _, rest, ok := strings.Cut(url, "://"); ok {
		url = rest
	}
	return strings.TrimSuffix(url, "/")
}

func override[T any](value *T, given *T) {
	if given != nil {
		*value = *given
	}
}

// Run measures and prints. An interrupted benchmark has no result.
func (b *benchCommand) Run(ctx context.Context, c console) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := b.config()
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cfg.ServeCommand = []string{program, "serve"}
	cfg.FloorCommand = []string{program, "bench-floor"}
	progress, done := showProgress(c.stderr)
	report, err := bench.Run(ctx, cfg, progress)
	done()
	if ctx.Err() != nil {
		return interrupted{}
	}
	if err != nil {
		return err
	}
	if b.JSON {
		out := json.NewEncoder(c.stdout)
		out.SetIndent("", "  ")
		return out.Encode(report)
	}
	return report.WriteTable(c.stdout)
}

// showProgress writes one line over and over on a terminal, and nothing elsewhere.
func showProgress(w io.Writer) (show bench.Progress, done func()) {
	if !isTerminal(w) {
		return nil, func() {}
	}
	const clearLine = "\r\x1b[K"
	return func(line string) { fmt.Fprint(w, clearLine, line) }, func() { fmt.Fprint(w, clearLine) }
}

// benchFloorCommand is the floor's process; bench starts it.
type benchFloorCommand struct {
	PortFile string `required:"" type:"path" placeholder:"FILE" help:"Where to write the address listened on."`
}

// Run serves until it is ended.
func (b *benchFloorCommand) Run(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	return bench.ServeFloor(ctx, b.PortFile)
}
