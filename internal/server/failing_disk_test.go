package server

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// failingDiskEnv makes the test binary a server whose disk fails, in the directory it names. It is a process of its own
// because what Pebble was doing at that moment hangs until the process ends.
const failingDiskEnv = "RIALTO_TEST_FAILING_DISK"

func TestFailingDiskEndsRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), failingDiskEnv+"="+t.TempDir())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 3 || lines[0] != "post: OK" || lines[1] != "post: Unavailable" ||
		!strings.HasPrefix(lines[2], "Run: store: ") || !strings.Contains(lines[2], syscall.EIO.Error()) {
		t.Errorf("the server with a failing disk said:\n%s", out)
	}
}

// serveOnFailingDisk posts a message, lets the write-ahead log fail, posts another, and prints how each ended and what
// Run returned.
func serveOnFailingDisk(dir string) error {
	var failing atomic.Bool
	cfg := newTestConfig(dir)
	cfg.store.FS = errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		write := op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData
		if failing.Load() && write && path.Ext(op.Path) == ".log" {
			return syscall.EIO
		}
		return nil
	}))
	ready := make(chan Addresses, 1)
	cfg.OnReady = func(a Addresses) error {
		ready <- a
		return nil
	}
	ended := make(chan error, 1)
	go func() { ended <- Run(context.Background(), cfg) }() // ends with the disk
	conn, err := grpc.NewClient((<-ready).GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	guest, err := chatv1.NewChatServiceClient(conn).CreateGuest(context.Background(), &chatv1.CreateGuestRequest{})
	if err != nil {
		return err
	}
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+guest.GetGuestToken())
	for _, broken := range []bool{false, true} {
		failing.Store(broken)
		_, err := chatv1.NewMessageServiceClient(conn).PostMessage(ctx, &chatv1.PostMessageRequest{
			Room: "lobby", Body: &chatv1.PostMessageRequest_Text{Text: "hello"},
		})
		fmt.Println("post:", status.Code(err))
	}
	fmt.Println("Run:", <-ended)
	return nil
}
