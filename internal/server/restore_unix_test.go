//go:build unix

package server

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// A restore that has not come to its end, and may never do so, leaves nothing that a server serves or a second restore adds to;
// when it does, all is there. Where it stops is before a file of this name, in the order of names.
func TestServerRefusesAnUnfinishedRestore(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	i := start(t, cfg)
	conn := dial(t, i.GRPC, nil)
	post(t, conn, newGuest(t, conn), "lobby", "hello")
	i.stop(t)
	for name, gate := range map[string]string{
		"at the first file":   "A",
		"at the manifest":     filepath.Join(storeDir, "A"),
		"at the last markers": filepath.Join(storeDir, "marker.g.000001.x"), // behind that of the format, before that of the manifest
	} {
		t.Run(name, func(t *testing.T) {
			backup, restored := filepath.Join(t.TempDir(), "backup"), testConfig(t)
			if _, err := Backup(cfg.DataDir, backup); err != nil {
				t.Fatal(err)
			}
			goOn, ended := restoreUpTo(t, backup, gate, restored.DataDir)
			served := restored
			served.OnReady = func(Addresses) error { return errors.New("it serves") }
			err := Run(t.Context(), served)
			if err == nil || !strings.Contains(err.Error(), restored.DataDir) || !strings.Contains(err.Error(), "restore again") {
				t.Errorf("a server: %v", err)
			}
			if _, err := Restore(backup, restored.DataDir); err == nil || !strings.Contains(err.Error(), unfinished) {
				t.Errorf("a second restore: %v", err)
			}
			goOn()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			i := start(t, restored)
			list, err := chatv1.NewMessageServiceClient(dial(t, i.GRPC, nil)).ListMessages(t.Context(), &chatv1.ListMessagesRequest{Room: "lobby"})
			if err != nil || len(list.GetMessages()) != 1 {
				t.Errorf("after it: %v, %v", list, err)
			}
			i.stop(t)
		})
	}
}

// restoreUpTo begins to restore a backup and returns when the copy has come to a file that it adds, and that holds it up.
func restoreUpTo(t *testing.T, backup, name, dataDir string) (goOn func(), ended <-chan error) {
	t.Helper()
	gate := filepath.Join(backup, name)
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	end := make(chan error, 1)
	go func() { // ends when goOn is called; the test waits for it
		_, err := Restore(backup, dataDir)
		end <- err
	}()
	opened, err := os.OpenFile(gate, os.O_WRONLY, 0) // waits for the one who reads
	if err != nil {
		t.Fatal(err)
	}
	return func() { _ = opened.Close() }, end
}

// A restore that fails leaves what was there before.
func TestFailedRestoreLeavesNothing(t *testing.T) {
	t.Parallel()
	backup, dataDir := t.TempDir(), filepath.Join(t.TempDir(), "some", "where")
	store := filepath.Join(backup, storeDir)
	if err := os.Mkdir(store, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(store, "MANIFEST")); err != nil {
		t.Fatal(err)
	}
	for _, there := range []bool{false, true} {
		if there {
			if err := os.Mkdir(dataDir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Restore(backup, dataDir); err == nil {
			t.Error("restored a file that is not there")
		}
		if entries, err := os.ReadDir(dataDir); len(entries) != 0 || (err == nil) != there {
			t.Errorf("there before: %v; left %v, %v", there, entries, err)
		}
	}
}
