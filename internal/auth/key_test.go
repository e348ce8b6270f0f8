package auth_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rialto-rpc/rialto/internal/auth"
)

func TestKeyIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "guests.key")
	first, err := auth.LoadOrCreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := auth.LoadOrCreateKey(path)
	if err != nil || again != first || first == (auth.Key{}) {
		t.Errorf("another key, %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != 32 {
		t.Errorf("file: %v, %v", info, err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("directory: %v, %v", entries, err)
	}
}

func TestDerivedKeys(t *testing.T) {
	t.Parallel()
	key, other := auth.Key{1}, auth.Key{2}
	keys := map[auth.Key]bool{key: true, key.Derive("a"): true, key.Derive("b"): true, other.Derive("a"): true, {}: true}
	if again := key.Derive("a"); len(keys) != 5 || !keys[again] {
		t.Errorf("%d of 5 keys differ", len(keys))
	}
}

func TestKeysAreRandom(t *testing.T) {
	t.Parallel()
	a, errA := auth.LoadOrCreateKey(filepath.Join(t.TempDir(), "key"))
	b, errB := auth.LoadOrCreateKey(filepath.Join(t.TempDir(), "key"))
	if errA != nil || errB != nil || a == b {
		t.Errorf("equal keys, or %v, %v", errA, errB)
	}
}

func TestCallersAtOnceGetOneKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	keys := make([]auth.Key, 16)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = auth.LoadOrCreateKey(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range keys {
		if k != keys[0] {
			t.Fatal("two keys")
		}
	}
}

func TestDamagedKeyIsAnErrorAndStays(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	for _, n := range []int{0, 31, 33} {
		content := bytes.Repeat([]byte{7}, n)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := auth.LoadOrCreateKey(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%d bytes: error %v does not name the file", n, err)
		}
		if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, content) {
			t.Errorf("%d bytes: the file was changed", n)
		}
	}
}

func TestKeyNeedsItsDirectory(t *testing.T) {
	t.Parallel()
	if _, err := auth.LoadOrCreateKey(filepath.Join(t.TempDir(), "none", "key")); err == nil {
		t.Error("no error")
	}
}

func TestKeyIsNotPrinted(t *testing.T) {
	t.Parallel()
	key := auth.Key([]byte(strings.Repeat("K", 32)))
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		fmt.Fprintf(&out, verb+"\n", key)
		fmt.Fprintf(&out, verb+"\n", struct{ Key auth.Key }{key})
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "key", key)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "key", key)
	for _, leak := range []string{"KKKK", "4b4b", "75 75", "75,75"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("the key shows as %q in\n%s", leak, &out)
		}
	}
}
