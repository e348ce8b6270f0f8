package state_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// reached counts what a run came across.
type reached struct {
	accepted   map[string]int // by type of command
	noops      map[string]int
	refusals   map[state.Refusal]int
	events     map[state.ChangeKind]int
	duplicates int
	marks      int
	shutOuts   int
	again      int // direct rooms after one that was deleted
}

func newReached() reached {
	return reached{
		accepted: make(map[string]int),
		noops:    make(map[string]int),
		refusals: make(map[state.Refusal]int),
		events:   make(map[state.ChangeKind]int),
	}
}

func (r *reached) count(command proto.Message, result state.Result, change *state.Change) {
	name := typeName(command)
	switch {
	case result.Refusal != state.Accepted:
		r.refusals[result.Refusal]++
	case result.Duplicate:
		r.duplicates++
	case result.Rev == 0:
		r.noops[name]++
	default:
		r.accepted[name]++
		if open, ok := command.(*storev1.OpenDirect); ok && open.GetGeneration() > 0 {
			r.again++
		}
	}
	for _, e := range change.Events {
		r.events[e.Kind]++
	}
	r.marks += len(change.Marks)
	r.shutOuts += len(change.ShutOuts)
}

func (r *reached) add(other reached) {
	addCounts(r.accepted, other.accepted)
	addCounts(r.noops, other.noops)
	addCounts(r.refusals, other.refusals)
	addCounts(r.events, other.events)
	r.duplicates += other.duplicates
	r.marks += other.marks
	r.shutOuts += other.shutOuts
	r.again += other.again
}

func addCounts[K comparable](to, from map[K]int) {
	for k, n := range from {
		to[k] += n
	}
}

// refused is how many were, whatever the verdict.
func (r *reached) refused() (n uint64) {
	for count := range maps.Values(r.refusals) {
		n += uint64(count)
	}
	return n
}

// takesNoRev names the commands whose effect is no event.
var takesNoRev = map[string]bool{
	"MarkRead": true, "Invite": true, "Uninvite": true, "CreateLink": true, "RemoveLink": true, "Block": true,
	"SetProfile": true, "BanUser": true, "BanAddress": true, "EraseUser": true,
	"DeleteRoom": true, "Purge": true,
}

// alwaysHasAnEffect names the commands that are never accepted without one.
var alwaysHasAnEffect = map[string]bool{"Publish": true, "CreateRoom": true}

// howToReach says what to do about what was not reached.
const howToReach = "; random commands (property_test.go) must reach whatever the state machine knows, and the model " +
	"(model_test.go) must decide it"

// assertWhole fails if the commands left out a kind of command, a verdict or a kind of event, so that equality would say
// little. What there is it takes from the package itself, so a new one cannot be forgotten.
func (r *reached) assertWhole(t *testing.T) {
	t.Helper()
	declared := declaredConstants(t)
	for name, value := range declared["Refusal"] {
		if refusal := state.Refusal(value); refusal != state.Accepted && r.refusals[refusal] == 0 {
			t.Errorf("nothing was refused as %s%s", name, howToReach)
		}
	}
	for name, value := range declared["ChangeKind"] {
		if r.events[state.ChangeKind(value)] == 0 {
			t.Errorf("there was no event %s%s", name, howToReach)
		}
	}
	for _, name := range commandNames() {
		if r.accepted[name] == 0 && !takesNoRev[name] {
			t.Errorf("no %s had an effect%s (or takesNoRev must name it)", name, howToReach)
		}
		if r.noops[name] == 0 && !alwaysHasAnEffect[name] {
			t.Errorf("no %s was without an event%s (or alwaysHasAnEffect must name it)", name, howToReach)
		}
	}
	if r.duplicates == 0 || r.marks == 0 || r.shutOuts == 0 || r.again == 0 {
		t.Errorf("%d duplicates, %d marks, %d shut out, %d direct rooms again", r.duplicates, r.marks, r.shutOuts, r.again)
	}
	t.Logf("reached %+v", *r)
}

// commandNames are those of all kinds of command.
func commandNames() []string {
	var names []string
	for kind := range math.MaxUint16 {
		if command := state.NewCommand(state.Kind(kind)); command != nil {
			names = append(names, typeName(command))
		}
	}
	return names
}

func typeName(command proto.Message) string {
	return strings.TrimPrefix(fmt.Sprintf("%T", command), "*storev1.")
}

// TestWholenessKnowsAll holds the lists that assertWhole walks against what is certainly there.
func TestWholenessKnowsAll(t *testing.T) {
	t.Parallel()
	declared := declaredConstants(t)
	for typ, name := range map[string]string{"Refusal": "UnsupportedRecord", "ChangeKind": "MemberRemoved", "Kind": "KindBlock"} {
		if _, ok := declared[typ][name]; !ok {
			t.Errorf("%s of %v is not known", name, typ)
		}
	}
	names := commandNames()
	for name := range declared["Kind"] {
		if !slices.Contains(names, strings.TrimPrefix(name, "Kind")) {
			t.Errorf("%s has no command of its name in newCommand", name)
		}
	}
	for _, known := range []map[string]bool{takesNoRev, alwaysHasAnEffect} {
		for name := range known {
			if !slices.Contains(names, name) {
				t.Errorf("%s is no command", name)
			}
		}
	}
}

// declaredConstants reads the package's source for its constants: by type, and name.
func declaredConstants(t *testing.T) map[string]map[string]uint64 {
	t.Helper()
	sources, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	var parsed []*ast.File
	for _, source := range sources {
		if !strings.HasSuffix(source.Name(), ".go") || strings.HasSuffix(source.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, source.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	// What other packages declare stays unknown, which the constants do not mind.
	config := types.Config{Error: func(error) {}, IgnoreFuncBodies: true, Importer: nothingImported{}}
	pkg, _ := config.Check("state", files, parsed, nil)
	declared := make(map[string]map[string]uint64)
	for _, name := range pkg.Scope().Names() {
		c, ok := pkg.Scope().Lookup(name).(*types.Const)
		if !ok {
			continue
		}
		named, ok := c.Type().(*types.Named)
		if !ok {
			continue
		}
		value, ok := constant.Uint64Val(c.Val())
		if !ok {
			continue
		}
		typ := named.Obj().Name()
		if declared[typ] == nil {
			declared[typ] = make(map[string]uint64)
		}
		declared[typ][name] = value
	}
	return declared
}

type nothingImported struct{}

func (nothingImported) Import(path string) (*types.Package, error) {
	pkg := types.NewPackage(path, path[strings.LastIndex(path, "/")+1:])
	pkg.MarkComplete()
	return pkg, nil
}
