package server

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
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
