package terminal_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rialto-rpc/rialto/internal/terminal"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rialto", "tokens.json")
	open := func() *terminal.Tokens {
		tokens, err := terminal.OpenTokens(path)
		if err != nil {
			t.Fatal(err)
		}
		return tokens
	}
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	expect := func(server string, at time.Time, want string) {
		t.Helper()
		if got, err := open().Get(server, at); err != nil || got != want {
			t.Errorf("token for %s is %q, %v; want %q", server, got, err, want)
		}
	}
	expect("a:1", now, "")
	for server, expires := range map[string]time.Time{"a:1": {}, "b:1": now.Add(time.Hour)} {
		if err := open().Put(server, "token of "+server, expires); err != nil {
			t.Fatal(err)
		}
	}
	expect("a:1", now, "token of a:1")
	expect("b:1", now, "token of b:1")
	expect("b:1", now.Add(time.Hour), "")
	if err := open().Put("a:1", "another", time.Time{}); err != nil {
		t.Fatal(err)
	}
	expect("a:1", now, "another")
	expect("b:1", now, "token of b:1")

	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("files left over: %v", files)
	}
}

func TestDamagedTokensAreNotQuoted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tokens.json")
	if err := os.WriteFile(path, []byte(`{"a:1":{"token":secret}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	tokens, _ := terminal.OpenTokens(path)
	_, err := tokens.Get("a:1", time.Now())
	if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "'s'") {
		t.Errorf("Get: %v", err)
	}
	if err := tokens.Put("a:1", "new", time.Time{}); err == nil {
		t.Error("a damaged file was replaced")
	}
}

func TestTokenFile(t *testing.T) {
	t.Parallel()
	file := terminal.TokenFile(filepath.Join(t.TempDir(), "ben.token"))
	if got, err := file.Get(); got != "" || err != nil {
		t.Errorf("Get: %q, %v", got, err)
	}
	if err := file.Put("secret"); err != nil {
		t.Fatal(err)
	}
	if got, err := file.Get(); got != "secret" || err != nil {
		t.Errorf("Get: %q, %v", got, err)
	}
}
