package server

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/e2e/load"
)

// measuredDisk is a disk with as much free space as a test says.
type measuredDisk struct {
	vfs.FS
	free atomic.Uint64
}

func (d *measuredDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free.Load()}, nil
}

// While the disk is nearly full, reads go on, writes are refused with a reason, and /readyz says so; afterwards all is well.
func TestNearlyFullDisk(t *testing.T) {
	t.Parallel()
	disk := &measuredDisk{FS: vfs.Default}
	disk.free.Store(1 << 30)
	cfg := testConfig(t)
	cfg.MinFreeBytes = 256 << 20
	cfg.store.FS = disk
	i := start(t, cfg)
	conn := dial(t, i.GRPC, nil)
	messages := chatv1.NewMessageServiceClient(conn)
	ctx := newGuest(t, conn)
	try := func() error {
		_, err := messages.PostMessage(ctx, &chatv1.PostMessageRequest{
			Room: "lobby", Body: &chatv1.PostMessageRequest_Text{Text: "hello"},
		})
		return err
	}
	if err := try(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		free  uint64
		code  codes.Code
		ready string
	}{{256<<20 - 1, codes.ResourceExhausted, "serving reads only"}, {256 << 20, codes.OK, "serving\n"}} {
		disk.free.Store(c.free)
		eventually(t, "the disk was looked at", func() bool { return status.Code(try()) == c.code })
		if code, _, body := get(t, "http://"+i.HTTP+"/readyz"); code != 200 || !strings.HasPrefix(body, c.ready) {
			t.Errorf("/readyz with %d bytes free: %d %q", c.free, code, body)
		}
		list, err := messages.ListMessages(ctx, &chatv1.ListMessagesRequest{Room: "lobby"})
		if err != nil || len(list.GetMessages()) == 0 {
			t.Errorf("reading: %v, %v", list, err)
		}
	}
}

// The disk is full to the floor again and again while people talk: whoever is refused repeats, and the checker finds
// every message once, whatever anybody was told or shown meanwhile.
func TestDiskFullToTheFloorUnderLoad(t *testing.T) {
	t.Parallel()
	disk := &measuredDisk{FS: vfs.Default}
	disk.free.Store(1 << 30)
	cfg := testConfig(t)
	cfg.MinFreeBytes = 256 << 20
	cfg.store.FS = disk
	i := start(t, cfg)
	conn := dial(t, i.GRPC, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	crew, err := load.Start(ctx, load.Options{
		Room: "full", Publishers: 8, Eager: 2, Observers: 2, Resumers: 2, Readers: 2, Every: 20 * time.Millisecond,
		Conn: func(int) (grpc.ClientConnInterface, error) { return conn, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer crew.Close()
	guest := newGuest(t, conn)
	refused := func() bool {
		_, err := chatv1.NewMessageServiceClient(conn).PostMessage(guest, &chatv1.PostMessageRequest{
			Room: "elsewhere", Body: &chatv1.PostMessageRequest_Text{Text: "hello"},
		})
		return status.Code(err) == codes.ResourceExhausted
	}
	for range 3 {
		if err := crew.WaitForAcks(ctx, 50); err != nil {
			t.Fatal(err)
		}
		disk.free.Store(1 << 20)
		eventually(t, "writes are refused", refused)
		disk.free.Store(1 << 30)
	}
	report, err := crew.Finish(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	if report.Retries == 0 {
		t.Error("nobody was refused")
	}
}
