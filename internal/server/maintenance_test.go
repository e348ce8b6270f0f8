package server

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/metadata"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// epochOf asks a running server.
func epochOf(t *testing.T, i *instance) string {
	t.Helper()
	_, _, body := get(t, "http://"+i.Admin+"/readyz")
	var d details
	if err := json.Unmarshal([]byte(body), &d); err != nil {
		t.Fatal(err)
	}
	return d.Epoch
}

// A backup that is restored holds what was there, under a new epoch, and knows who everybody is; the original goes on as it was.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	i := start(t, cfg)
	conn := dial(t, i.GRPC, nil)
	ctx := newGuest(t, conn)
	post(t, conn, ctx, "lobby", "hello")
	epoch := epochOf(t, i)
	if _, err := Backup(cfg.DataDir, filepath.Join(t.TempDir(), "backup")); err == nil {
		t.Error("backed up under a running server")
	}
	i.stop(t)

	backup, restored := filepath.Join(t.TempDir(), "backup"), testConfig(t)
	if err := os.Mkdir(backup, 0o755); err != nil {
		t.Fatal(err)
	}
	if bytes, err := Backup(cfg.DataDir, backup); err != nil || bytes == 0 {
		t.Fatal(bytes, err)
	}
	checkOwnerOnly(t, backup)
	if _, err := Backup(cfg.DataDir, backup); err == nil {
		t.Error("a backup over a backup")
	}
	if _, err := Restore(backup, cfg.DataDir); err == nil {
		t.Error("restored over a data directory")
	}
	if _, err := Restore(t.TempDir(), filepath.Join(t.TempDir(), "data")); err == nil {
		t.Error("restored from nothing")
	}
	if err := os.MkdirAll(restored.DataDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(backup, restored.DataDir); err != nil {
		t.Fatal(err)
	}
	checkOwnerOnly(t, restored.DataDir)
	for _, c := range []struct {
		cfg  Config
		same bool
	}{{cfg, true}, {restored, false}} {
		i := start(t, c.cfg)
		if got := epochOf(t, i); (got == epoch) != c.same {
			t.Errorf("%s: the same epoch: %v", c.cfg.DataDir, got == epoch)
		}
		md, _ := metadata.FromOutgoingContext(ctx)
		list, err := chatv1.NewMessageServiceClient(dial(t, i.GRPC, nil)).ListMessages(
			metadata.NewOutgoingContext(t.Context(), md), &chatv1.ListMessagesRequest{Room: "lobby"})
		if err != nil || len(list.GetMessages()) != 1 || list.GetMessages()[0].GetText() != "hello" {
			t.Errorf("%s: %v, %v", c.cfg.DataDir, list, err)
		}
		i.stop(t)
	}
}

// checkOwnerOnly checks that what is in a directory only its owner can read, and that the directory, which everybody could, is as
// it was: it may be another's, who has given it to be written in.
func checkOwnerOnly(t *testing.T, dir string) {
	t.Helper()
	for name, want := range map[string]fs.FileMode{".": 0o755, storeDir: 0o700, keyFile: 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s in a directory of mode 0755: %v, %v; want %v", name, info, err, want)
		}
	}
}

// A backup that was killed when all was in its place can be restored.
func TestRestoreOfABackupThatWasKilledLast(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	start(t, cfg).stop(t)
	backup, restored := filepath.Join(t.TempDir(), "backup"), testConfig(t)
	if _, err := Backup(cfg.DataDir, backup); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(backup, unfinished), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(backup, restored.DataDir); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(restored.DataDir); err != nil || len(entries) != 2 {
		t.Errorf("restored %v, %v", entries, err)
	}
	start(t, restored).stop(t)
}

// Of many backups to the same place one is made, and whole; a failed one leaves nothing of its own and all that was there.
func TestBackupsToTheSamePlace(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	i := start(t, cfg)
	conn := dial(t, i.GRPC, nil)
	post(t, conn, newGuest(t, conn), "lobby", "hello")
	i.stop(t)
	store, err := state.Open(filepath.Join(cfg.DataDir, storeDir), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for round := range 10 {
		to := filepath.Join(t.TempDir(), "backups", "backup")
		var all sync.WaitGroup
		var made atomic.Int64
		for range 4 {
			all.Go(func() {
				if _, err := backUp(store, cfg.DataDir, to); err == nil {
					made.Add(1)
				}
			})
		}
		all.Wait()
		if made.Load() != 1 {
			t.Fatalf("%d were made", made.Load())
		}
		if entries, err := os.ReadDir(to); err != nil || len(entries) != 2 {
			t.Errorf("it holds %v, %v", entries, err)
		}
		restored := testConfig(t)
		if _, err := Restore(to, restored.DataDir); err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			start(t, restored).stop(t)
		}
	}
	for _, there := range []bool{false, true} {
		to := filepath.Join(t.TempDir(), "backup")
		if there {
			if err := os.Mkdir(to, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := backUp(store, t.TempDir(), to); err == nil { // there is no key
			t.Error("backed up without a key")
		}
		entries, err := os.ReadDir(to)
		if len(entries) != 0 || (err == nil) != there {
			t.Errorf("there before: %v; left %v, %v", there, entries, err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := backUp(store, cfg.DataDir, filepath.Join(t.TempDir(), "backup")); err == nil {
		t.Error("a closed store was backed up")
	}
}

// A damaged log is named by the server and by repair, which cuts it only when it may.
func TestRepairSaysWhatItDoes(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	for range 2 { // the first log of a directory is flushed away
		i := start(t, cfg)
		conn := dial(t, i.GRPC, nil)
		ctx := newGuest(t, conn)
		for range 5 {
			post(t, conn, ctx, "lobby", "hello")
		}
		i.shutdown()
		<-i.ended
	}
	var said bytes.Buffer
	if err := Repair(cfg.DataDir, true, &said); err != nil || !strings.Contains(said.String(), "not damaged") {
		t.Errorf("of a log that is well: %q, %v", said.String(), err)
	}
	logs, err := filepath.Glob(filepath.Join(cfg.DataDir, storeDir, "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatal(logs, err)
	}
	wal := logs[len(logs)-1]
	data, err := os.ReadFile(wal)
	if err != nil {
		t.Fatal(err)
	}
	data[200] ^= 0x55
	if err := os.WriteFile(wal, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Repair(cfg.DataDir, false, &said); err == nil || !strings.Contains(err.Error(), wal) || !strings.Contains(err.Error(), "--accept-loss") {
		t.Errorf("looking: %v", err)
	}
	said.Reset()
	if err := Repair(cfg.DataDir, true, &said); err != nil || !strings.Contains(said.String(), "is lost") {
		t.Errorf("repairing: %q, %v", said.String(), err)
	}
	start(t, cfg).stop(t)
}

// What was deleted, edited away or in a deleted room is in no file of a data directory that was compacted.
func TestCompactLeavesNothingDeleted(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	i := start(t, cfg)
	if err := Compact(t.Context(), cfg.DataDir, io.Discard); err == nil {
		t.Error("compacted under a running server")
	}
	conn := dial(t, i.GRPC, nil)
	ctx := newGuest(t, conn)
	messages, rooms := chatv1.NewMessageServiceClient(conn), chatv1.NewRoomServiceClient(conn)
	// Random bytes, many of them, so that no compression changes them; but for the text that is edited.
	deleted, gone, kept, edited := randomBytes(), randomBytes(), randomBytes(), []byte(rand.Text())
	for _, p := range []struct {
		room string
		data []byte
	}{{"lobby", deleted}, {"lobby", nil}, {"lobby", kept}, {"den", gone}} {
		req := &chatv1.PostMessageRequest{Room: p.room, Body: &chatv1.PostMessageRequest_Text{Text: string(edited)}}
		if p.data != nil {
			req.Body = &chatv1.PostMessageRequest_Data{Data: &chatv1.Data{Type: "random", Value: p.data}}
		}
		if _, err := messages.PostMessage(ctx, req); err != nil {
			t.Fatal(err)
		}
	}
	_, err1 := messages.DeleteMessage(ctx, &chatv1.DeleteMessageRequest{Room: "lobby", Seq: 1})
	_, err2 := messages.EditMessage(ctx, &chatv1.EditMessageRequest{Room: "lobby", Seq: 2, Text: "otherwise"})
	_, err3 := rooms.DeleteRoom(ctx, &chatv1.DeleteRoomRequest{Room: "den"})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	i.stop(t)
	if !inFiles(t, cfg.DataDir, deleted) || !inFiles(t, cfg.DataDir, edited) || !inFiles(t, cfg.DataDir, gone) {
		t.Error("nothing was there before")
	}
	leftBehind := filepath.Join(cfg.DataDir, storeDir, "000001.log.damaged")
	if err := os.WriteFile(leftBehind, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	if err := Compact(t.Context(), cfg.DataDir, &said); err != nil || !strings.Contains(said.String(), leftBehind) {
		t.Fatalf("%v, %q", err, said.String())
	}
	for i, body := range [][]byte{deleted, edited, gone} {
		if inFiles(t, cfg.DataDir, body) {
			t.Errorf("number %d is still there", i)
		}
	}
	if !inFiles(t, cfg.DataDir, kept) {
		t.Error("what was not deleted is gone")
	}
	start(t, cfg).stop(t)
}

func randomBytes() []byte {
	b := make([]byte, 8<<10)
	_, _ = rand.Read(b) // never fails
	return b
}

// inFiles reports whether a file of a directory holds the beginning of a body.
func inFiles(t *testing.T, dir string, body []byte) (found bool) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		found = found || bytes.Contains(data, body[:min(len(body), 100)])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
