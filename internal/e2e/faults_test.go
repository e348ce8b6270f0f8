package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/rialto-rpc/rialto/bridge"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/e2e/load"
)

// TestFaultyNetwork has people talk through a network that delays, cuts, truncates and swallows, over native gRPC and the
// bridge, and lets the checker judge what they were told and shown.
func TestFaultyNetwork(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	s := startServer(t)
	native, web := startFaultyProxy(t, s.conn.Target(), seed), startFaultyProxy(t, s.http, seed+1)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	crew, err := load.Start(ctx, load.Options{
		Room: "faulty", Publishers: 12, Eager: 2, Observers: 4, Resumers: 4, Readers: 2, Every: 40 * time.Millisecond,
		Try: time.Second,
		Conn: func(n int) (grpc.ClientConnInterface, error) {
			if n%2 == 0 {
				return dialNative(t, native.addr), nil
			}
			return dialWeb(t, web.addr), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer crew.Close()
	if err := crew.WaitForAcks(ctx, 600); err != nil {
		t.Fatal(err)
	}
	native.heal()
	web.heal()
	report, err := crew.Finish(ctx, s.conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d acknowledged, %d retries, %d of them stored, %d resumes, %d resets, %d pages; native %v, web %v", report.Acked,
		report.Retries, report.Repeated, report.Resumed, report.Reset, report.Pages, native.fates, web.fates)
	for _, name := range []string{"cut", "reset", "truncate", "swallow", "delay"} {
		if native.fates[name]+web.fates[name] == 0 {
			t.Errorf("no connection had the fate %q", name)
		}
	}
}

var soon = grpc.ConnectParams{
	Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 200 * time.Millisecond},
}

func dialNative(t *testing.T, addr string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithConnectParams(soon))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func dialWeb(t *testing.T, addr string) *bridge.ClientConn {
	t.Helper()
	conn, err := bridge.Dial("ws://"+addr, bridge.WithConnectParams(soon))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestStoppedClients stops a whole process of clients with SIGSTOP while others say more than sockets hold, until the
// server has given them up, and lets it go on: every one of them must get what it missed, or be told that it did not.
func TestStoppedClients(t *testing.T) {
	t.Parallel()
	s := startServerWith(t, time.Second)
	program := filepath.Join(t.TempDir(), "crashload")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./crashload").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), program, "--grpc", s.conn.Target(), "--room", "stopped", "--publishers", "6",
		"--eager", "0", "--every", "50ms", "--strangers", "--limit", "2m")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitForMessages(t, s, "stopped", 150)
	for range 2 {
		signalTo(t, cmd, syscall.SIGSTOP)
		sayMuch(t, s, "stopped", 600, strings.Repeat("x", 16<<10))
		signalTo(t, cmd, syscall.SIGCONT)
		waitForMessages(t, s, "stopped", 150)
	}
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var report load.Report
	if err := json.NewDecoder(&stdout).Decode(&report); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d acknowledged, %d resumes, %d resets, %d messages", report.Acked, report.Resumed, report.Reset, len(report.Messages))
	if report.Reset == 0 {
		t.Error("nobody missed more than 500 changes: the stop was too short")
	}
}

func signalTo(t *testing.T, cmd *exec.Cmd, signal syscall.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// waitForMessages follows the room until so many more messages have been posted.
func waitForMessages(t *testing.T, s *running, room string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stream, err := chatv1.NewChatServiceClient(s.conn).Subscribe(ctx, &chatv1.SubscribeRequest{Rooms: []*chatv1.Join{{Room: room}}})
	if err != nil {
		t.Fatal(err)
	}
	for n > 0 {
		resp, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range resp.GetEvents() {
			if e.GetPosted() != nil {
				n--
			}
		}
	}
	cancel()
	for err == nil { // until the stream is gone
		_, err = stream.Recv()
	}
	if err == io.EOF {
		t.Error("the subscription ended by itself")
	}
}

// sayMuch posts n messages.
func sayMuch(t *testing.T, s *running, room string, n int, text string) {
	t.Helper()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.guest(t))
	client := chatv1.NewMessageServiceClient(s.conn)
	for i := range n {
		_, err := client.PostMessage(ctx, &chatv1.PostMessageRequest{
			Room: room, ClientId: fmt.Sprint("much-", i, "-", rand.Uint64()), Body: &chatv1.PostMessageRequest_Text{Text: text},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
