// Crashload is people in one room, as a process of its own: somebody else kills the server, or stops this process, and at
// the end it says whether every promise was kept. It is a part of web/e2e/crash.test.ts, which starts and kills the server
// and compares what browsers saw, and of internal/e2e.
//
// It works until its standard input ends; each line before means that the server was killed just now. Then it prints a
// [load.Report] as JSON. Exit code 1 and a text on standard error say what is wrong.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/rialto-rpc/rialto/internal/e2e/load"
)

func main() {
	addr := flag.String("grpc", "", "the server's gRPC address")
	room := flag.String("room", "crash", "the room")
	publishers := flag.Int("publishers", 50, "how many publish at once, each with an identity of its own")
	eager := flag.Int("eager", 3, "how many of them hardly wait")
	observers := flag.Int("observers", 3, "how many follow the room with the SDK")
	resumers := flag.Int("resumers", 3, "how many follow it by the bare protocol")
	readers := flag.Int("readers", 3, "how many read pages of it")
	every := flag.Duration("every", 200*time.Millisecond, "how long each waits between two messages or pages")
	strangers := flag.Bool("strangers", false, "others publish in the room, too")
	limit := flag.Duration("limit", 5*time.Minute, "the longest run, whatever standard input does")
	flag.Parse()

	ctx, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	report, err := run(ctx, *addr, load.Options{
		Room: *room, Publishers: *publishers, Eager: *eager, Observers: *observers, Resumers: *resumers, Readers: *readers, Every: *every,
		Strangers: *strangers,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "crashload:", err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, addr string, opts load.Options) (*load.Report, error) {
	soon := backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 200 * time.Millisecond}
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: soon}))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	opts.Conn = func(int) (grpc.ClientConnInterface, error) { return conn, nil }
	crew, err := load.Start(ctx, opts)
	if err != nil {
		return nil, err
	}
	for input := bufio.NewScanner(os.Stdin); input.Scan(); {
		crew.Crashed()
	}
	return crew.Finish(ctx, conn)
}
