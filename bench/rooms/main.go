// Command rooms measures Rialto's rooms next to servers that store nothing: gorilla's hub, centrifuge, ws and socket.io. It
// is `rialto bench` with more subjects, which take turns in the same run:
//
//	npm --prefix rooms ci                    # once: ws and socket.io
//	go run ./rooms fanout                    # in bench/
//	go run ./rooms rooms --runs 3 --json
//
// Each peer has its own protocol and an adapter to the generator's; a server numbers each room's messages, so that loss,
// repetition and order are checked for all alike.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/rialto-rpc/rialto/internal/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "rooms:", err)
		os.Exit(1)
	}
}

// The arguments by which the program starts itself as a server.
const (
	serveHub        = "serve-hub"
	serveCentrifuge = "serve-centrifuge"
	serveFloor      = "serve-floor"
)

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("which scenario? fanout or rooms")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	if serve := servers[args[0]]; serve != nil {
		portFile := flags.String("port-file", "", "where to write the address listened on")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return serve(ctx, *portFile)
	}
	return measure(ctx, flags, args, out)
}

var servers = map[string]func(ctx context.Context, portFile string) error{
	serveHub:        runHub,
	serveCentrifuge: runCentrifuge,
	serveFloor:      bench.ServeFloor,
}

func measure(ctx context.Context, flags *flag.FlagSet, args []string, out io.Writer) error {
	cfg, err := bench.Defaults(bench.Scenario(args[0]))
	if err != nil {
		return err
	}
	only := flags.String("peers", "hub,centrifuge,ws,socket.io", "which, with commas between")
	asJSON := flags.Bool("json", false, "print the report as JSON")
	flags.IntVar(&cfg.Runs, "runs", cfg.Runs, "how often each server is measured")
	flags.IntVar(&cfg.Rooms, "rooms", cfg.Rooms, "how many rooms")
	flags.IntVar(&cfg.PerRoom, "per-room", cfg.PerRoom, "clients in each")
	flags.Float64Var(&cfg.Rate, "rate", cfg.Rate, "messages a second over all rooms; 0: as fast as -in-flight allows")
	flags.IntVar(&cfg.InFlight, "in-flight", cfg.InFlight, "without a rate: messages under way in each room")
	flags.DurationVar(&cfg.Warmup, "warmup", cfg.Warmup, "load before the measurement")
	flags.DurationVar(&cfg.Duration, "duration", cfg.Duration, "how long is measured")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "rooms-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := commands(ctx, &cfg, dir, strings.Split(*only, ",")); err != nil {
		return err
	}
	report, err := bench.Run(ctx, cfg, nil)
	if err != nil {
		return err
	}
	if *asJSON {
		return json.NewEncoder(out).Encode(report)
	}
	return report.WriteTable(out)
}

// commands fills in how each subject is started.
func commands(ctx context.Context, cfg *bench.Config, dir string, names []string) error {
	rialto := filepath.Join(dir, "rialto")
	root, err := goList(ctx, "-m", "github.com/rialto-rpc/rialto")
	if err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", rialto, "./cmd/rialto")
	build.Dir = root // the product's own module: its dependencies are none of this one's
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build rialto: %w\n%s", err, text)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cfg.ServeCommand, cfg.FloorCommand, cfg.VsFloor = []string{rialto, "serve"}, []string{self, serveFloor}, true
	for _, name := range names {
		peer, err := newPeer(ctx, name, self)
		if err != nil {
			return err
		}
		cfg.Peers = append(cfg.Peers, peer)
	}
	return nil
}

func newPeer(ctx context.Context, name, self string) (bench.Peer, error) {
	switch name {
	case "hub":
		return bench.Peer{Name: "gorilla hub", Command: []string{self, serveHub}}, nil
	case "centrifuge":
		return bench.Peer{Name: "centrifuge", Command: []string{self, serveCentrifuge}, Dial: dialCentrifuge}, nil
	case "ws", "socket.io":
		dir, err := nodeDir(ctx)
		if err != nil {
			return bench.Peer{}, err
		}
		if name == "ws" {
			return bench.Peer{Name: "ws", Command: []string{"node", filepath.Join(dir, "ws.mjs")}}, nil
		}
		return bench.Peer{Name: "socket.io", Command: []string{"node", filepath.Join(dir, "socketio.mjs")}, Dial: dialSocketIO}, nil
	}
	return bench.Peer{}, fmt.Errorf("unknown peer %q", name)
}

// nodeDir is where this command's JavaScript is.
func nodeDir(ctx context.Context) (string, error) {
	dir, err := goList(ctx, "github.com/rialto-rpc/rialto/bench/rooms")
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		return "", fmt.Errorf("npm packages are missing; in bench/: npm --prefix rooms ci")
	}
	return dir, nil
}

// goList returns the directory of a package or module.
func goList(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", append([]string{"list", "-f", "{{.Dir}}"}, args...)...).Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w (run in bench/)", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// writePortFile tells the generator where a server listens, in one step.
func writePortFile(path, address string) error {
	b, err := json.Marshal(bench.Addresses{HTTP: address})
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", b, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

const readHeaderTimeout = time.Minute
