// Package boundary holds the project's import rules as a test. docs/architecture.md draws them.
package boundary

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/rialto-rpc/rialto/"

// ours says which packages of this module a package may import besides itself and what lies below it. Patterns are
// those of path.Match, on the path below the module. A package that no pattern names may import nothing of ours.
var ours = map[string][]string{
	"bridge":                        {"gen/go/rialto/bridge/v1"},
	"client":                        {"gen/go/rialto/chat/v1"},
	"internal/auth":                 {},
	"internal/chat":                 {"gen/go/rialto/admin/v1", "gen/go/rialto/chat/v1", "gen/go/rialto/store/v1", "internal/auth", "internal/chat/state", "internal/chat/sequencer", "internal/limit"},
	"internal/chat/state":           {"gen/go/rialto/store/v1"},
	"internal/chat/sequencer":       {"internal/chat/state"},
	"internal/chat/sequencer/local": {"internal/chat/state", "internal/chat/sequencer"},
	"internal/chat/sequencer/*test": {"gen/go/rialto/store/v1", "internal/chat/state", "internal/chat/sequencer"},
	"internal/limit":                {},
	"internal/server":               {"bridge", "web", "internal/auth", "internal/chat", "internal/chat/state", "internal/chat/sequencer/local", "internal/limit"},
	"internal/history":              {},
	"internal/terminal":             {"client", "gen/go/rialto/chat/v1"},
	"internal/e2e/*":                {"bridge", "client", "gen/go/rialto/chat/v1", "internal/e2e/load", "internal/history"},
	"internal/bench":                {"bridge", "gen/go/rialto/chat/v1"},
	"cmd/rialto":                    {"gen/go/rialto/admin/v1", "gen/go/rialto/chat/v1", "bridge", "client", "internal/bench", "internal/limit", "internal/server", "internal/terminal"},
	"examples/*":                    {"bridge", "client", "gen/go/rialto/chat/v1"},
	"web":                           {},
	"gen/go/rialto/admin/v1":        {"gen/go/rialto/chat/v1"},
	"gen/go/rialto/chat/v1":         {},
	"gen/go/rialto/store/v1":        {},
}

// sole says which packages alone may import another project's package, or one below it.
var sole = map[string][]string{
	"github.com/gorilla/websocket":        {"bridge", "internal/bench"}, // the bench's floor and its clients are not ours on purpose
	"connectrpc.com/connect":              {"bridge"},
	"github.com/cockroachdb/pebble/v2":    {"internal/chat/state"},
	"github.com/prometheus/client_golang": {"internal/server"},
	"github.com/alecthomas/kong":          {"cmd/rialto"},
	"charm.land":                          {"internal/terminal"},
	"github.com/nats-io/nats.go":          {"internal/chat/sequencer/jetstream"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	packages := list(t)
	if len(packages) < 8 {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	for _, p := range packages {
		from := strings.TrimPrefix(p.ImportPath, module)
		for _, to := range p.Imports {
			if name, ok := strings.CutPrefix(to, module); ok {
				if !mayImport(from, name) {
					t.Errorf("%s imports %s, which docs/architecture.md does not draw", from, name)
				}
				continue
			}
			for theirs, owners := range sole {
				if (to == theirs || strings.HasPrefix(to, theirs+"/")) && !slices.Contains(owners, from) {
					t.Errorf("%s imports %s, which only %v may", from, to, owners)
				}
			}
		}
	}
}

func mayImport(from, to string) bool {
	if strings.HasPrefix(to, from+"/") {
		return true
	}
	for pattern, allowed := range ours {
		if ok, _ := path.Match(pattern, from); ok && slices.Contains(allowed, to) {
			return true
		}
	}
	return false
}

// list returns every package of the module with what its files outside tests import.
func list(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
