package auth_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/rialto-rpc/rialto/internal/auth"
)

func TestOperatorKeyIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "admin.key")
	if _, err := auth.LoadOperatorKey(path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("without a file: %v", err)
	}
	first, err := auth.LoadOrCreateOperatorKey(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := auth.LoadOrCreateOperatorKey(path)
	if err != nil || again != first {
		t.Errorf("another key, %v", err)
	}
	if loaded, err := auth.LoadOperatorKey(path); err != nil || loaded != first {
		t.Errorf("loaded another one, %v", err)
	}
	text, err := os.ReadFile(path)
	if err != nil || len(text) != 44 {
		t.Errorf("%d bytes in the file, %v: want 43 and the end of the line", len(text), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file: %v, %v", info, err)
	}
	if printed := fmt.Sprintf("%v %+v %#v %s %x", first, first, first, first, first); strings.Contains(printed, strings.TrimSpace(string(text))) {
		t.Error("the key can be printed")
	}
}

func TestFilesThatHoldNoOperatorKey(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n", "short", strings.Repeat("A", 42), strings.Repeat("A", 44), strings.Repeat("!", 43)} {
		path := filepath.Join(t.TempDir(), "admin.key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := auth.LoadOrCreateOperatorKey(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v, want an error that names the file", text, err)
		}
	}
}

func TestOperatorKeyAdmitsWhoHasIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, err := auth.LoadOrCreateOperatorKey(filepath.Join(dir, "admin.key"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := auth.LoadOrCreateOperatorKey(filepath.Join(dir, "other.key"))
	if err != nil {
		t.Fatal(err)
	}
	own, err := key.GetRequestMetadata(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	header := own["authorization"]
	for name, test := range map[string]struct {
		key    auth.OperatorKey
		values []string
		want   bool
	}{
		"the key":          {key, []string{header}, true},
		"another key":      {other, []string{header}, false},
		"no key":           {auth.OperatorKey{}, []string{"Bearer "}, false},
		"nothing":          {key, nil, false},
		"an empty token":   {key, []string{"Bearer "}, false},
		"a part of it":     {key, []string{header[:len(header)-1]}, false},
		"another scheme":   {key, []string{"Basic" + strings.TrimPrefix(header, "Bearer")}, false},
		"the key, twice":   {key, []string{header, header}, false},
		"without a scheme": {key, []string{strings.TrimPrefix(header, "Bearer ")}, false},
	} {
		ctx := metadata.NewIncomingContext(t.Context(), metadata.MD{"authorization": test.values})
		if got := test.key.Admits(ctx); got != test.want {
			t.Errorf("%s: admitted = %v", name, got)
		}
	}
}
