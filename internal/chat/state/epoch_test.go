package state_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// What an operator may do between two starts, and whether the revs that clients hold are still those of the store.
func TestEpochAfterMaintenance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		between func(t *testing.T, dir, backup string)
		renewed string // the reason that is logged; empty: the epoch stays
	}{
		{"nothing", func(*testing.T, string, string) {}, ""},
		{"moved within the file system", func(t *testing.T, dir, _ string) {
			check(t, os.Rename(dir, dir+".moved"))
			check(t, os.Rename(dir+".moved", dir))
		}, ""},
		{"read by a backup", func(t *testing.T, dir, _ string) { copyDir(t, dir, filepath.Join(t.TempDir(), "copy")) }, ""},
		{"restored", func(t *testing.T, dir, backup string) {
			check(t, os.RemoveAll(dir))
			copyDir(t, backup, dir)
		}, "another file"},
		{"restored into the files of the directory", func(t *testing.T, dir, backup string) { overwrite(t, backup, dir) }, "another file"},
		{"restored but for files of the same size and time", func(t *testing.T, dir, backup string) {
			kept, err := os.ReadFile(filepath.Join(backup, "epoch.marker"))
			check(t, err)
			check(t, os.Remove(filepath.Join(backup, "epoch.marker")))
			overwrite(t, backup, dir)
			if now, err := os.ReadFile(filepath.Join(dir, "epoch.marker")); err != nil || len(now) != len(kept) {
				t.Fatalf("the marker is %q, %v", now, err)
			}
		}, "another file"},
		{"told to by hand", func(t *testing.T, dir, _ string) { check(t, os.Remove(filepath.Join(dir, "epoch.marker"))) }, "missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, backup := filepath.Join(t.TempDir(), "store"), filepath.Join(t.TempDir(), "backup")
			first, log := epochOnDisk(t, dir)
			if log != "" {
				t.Errorf("a fresh directory logs %s", log)
			}
			copyDir(t, dir, backup)
			if again, log := epochOnDisk(t, dir); again != first || log != "" {
				t.Fatalf("opened again: epoch %q after %q; log %s", again, first, log)
			}
			c.between(t, dir, backup)
			now, log := epochOnDisk(t, dir)
			if c.renewed == "" {
				if now != first || log != "" {
					t.Errorf("epoch %q after %q; log %s", now, first, log)
				}
				return
			}
			if now == first || !strings.Contains(log, "level=WARN") || !strings.Contains(log, c.renewed) || strings.Count(log, "\n") != 1 {
				t.Errorf("epoch %q after %q; log %s", now, first, log)
			}
			if again, log := epochOnDisk(t, dir); again != now || log != "" {
				t.Errorf("and then %q after %q; log %s", again, now, log)
			}
		})
	}
}

// A store says what its files are by itself where its file system is not the operating system's.
func TestEpochIsRenewedWithTheIdentity(t *testing.T) {
	t.Parallel()
	fs, disk := vfs.NewMem(), "disk 1"
	identify := func(path string) (string, error) { return path + " on " + disk, nil }
	epoch := func() state.Epoch {
		s := openWith(t, state.Options{FS: fs, Identify: identify})
		defer closeStore(t, s)
		epoch, _ := s.Applied()
		v := s.View()
		defer v.Close()
		if seen := v.Epoch(); seen != epoch {
			t.Errorf("a view is of epoch %q, the store at %q", seen, epoch)
		}
		return epoch
	}
	first := epoch()
	if again := epoch(); again != first {
		t.Errorf("epoch %q after %q", again, first)
	}
	disk = "disk 2"
	second := epoch()
	if again := epoch(); second == first || again != second {
		t.Errorf("epochs %q, then on another disk %q, %q", first, second, again)
	}
}

// The power fails at any moment of a start after a restore: no store that opens later has the old epoch.
func TestEpochIsRenewedAcrossACrash(t *testing.T) {
	t.Parallel()
	fs, disk := vfs.NewCrashableMem(), "disk 1"
	var crashes []*vfs.MemFS
	identify := func(string) (string, error) {
		crashes = append(crashes, fs.CrashClone(vfs.CrashCloneCfg{}))
		return disk, nil
	}
	s := openWith(t, state.Options{FS: fs, Identify: identify})
	first, _ := s.Applied()
	closeStore(t, s)
	disk, crashes = "disk 2", nil
	renewed := openWith(t, state.Options{FS: fs, Identify: identify})
	crashes = append(crashes, fs.CrashClone(vfs.CrashCloneCfg{}))
	want, _ := renewed.Applied()
	for i, left := range crashes {
		after := openWith(t, state.Options{FS: left, Identify: func(string) (string, error) { return disk, nil }})
		got, _ := after.Applied()
		if got == first {
			t.Errorf("crash %d of %d: the old epoch", i, len(crashes))
		}
		if last := i == len(crashes)-1; last && got != want {
			t.Errorf("after the start the epoch is %q, want %q", got, want)
		}
	}
}

// epochOnDisk opens and closes the store in a directory of the operating system.
func epochOnDisk(t *testing.T, dir string) (state.Epoch, string) {
	t.Helper()
	var log bytes.Buffer
	s, err := state.Open(dir, state.Options{
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		t.Fatal(err)
	}
	epoch, _ := s.Applied()
	closeStore(t, s)
	return epoch, log.String()
}

// copyDir is cp -a.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	check(t, os.CopyFS(to, os.DirFS(from)))
	entries, err := os.ReadDir(from)
	check(t, err)
	for _, e := range entries {
		info, err := e.Info()
		check(t, err)
		check(t, os.Chtimes(filepath.Join(to, e.Name()), info.ModTime(), info.ModTime()))
	}
}

// overwrite makes to what from is, but for the marker that from may lack, and writes into files that are there.
func overwrite(t *testing.T, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(to)
	check(t, err)
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(from, e.Name())); err != nil && e.Name() != "epoch.marker" {
			check(t, os.Remove(filepath.Join(to, e.Name())))
		}
	}
	entries, err = os.ReadDir(from)
	check(t, err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(from, e.Name()))
		check(t, err)
		check(t, os.WriteFile(filepath.Join(to, e.Name()), b, 0o600))
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
