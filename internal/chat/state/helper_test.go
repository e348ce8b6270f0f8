package state_test

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

const dataDir = "data"

// open opens a store and closes it with the test; closing it before is allowed.
func open(t testing.TB, fs vfs.FS) *state.Store {
	t.Helper()
	return openWith(t, state.Options{FS: fs})
}

func openWith(t testing.TB, opts state.Options) *state.Store {
	t.Helper()
	s, err := state.Open(dataDir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func closeStore(t testing.TB, s *state.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// commit applies and commits entries, synced.
func commit(t testing.TB, s *state.Store, entries ...state.Entry) *state.Change {
	t.Helper()
	return commitWith(t, s, true, entries...)
}

func commitWith(t testing.TB, s *state.Store, sync bool, entries ...state.Entry) *state.Change {
	t.Helper()
	change, err := s.Apply(entries)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(change, sync); err != nil {
		t.Fatal(err)
	}
	return change
}

// do commits one command at the next position and returns its result without the position.
func do(t testing.TB, s *state.Store, actor state.Actor, timeMS int64, command proto.Message) state.Result {
	t.Helper()
	result := commit(t, s, next(t, s, actor, timeMS, command)).Results[0]
	result.Pos = 0
	return result
}

// next returns the entry of a command at the next position.
func next(t testing.TB, s *state.Store, actor state.Actor, timeMS int64, command proto.Message) state.Entry {
	t.Helper()
	_, applied := s.Applied()
	return entry(t, applied+1, actor, timeMS, command)
}

// entry returns a command as record N = pos of writer 1.
func entry(t testing.TB, pos state.Pos, actor state.Actor, timeMS int64, command proto.Message) state.Entry {
	t.Helper()
	record, err := state.NewRecord(actor, timeMS, command)
	if err != nil {
		t.Fatal(err)
	}
	record.Writer, record.N = 1, uint64(pos)
	return state.Entry{Pos: pos, Record: record}
}

func text(s string) *storev1.Body { return &storev1.Body{Kind: &storev1.Body_Text{Text: s}} }

func data(dataType, value string) *storev1.Body {
	return &storev1.Body{Kind: &storev1.Body_Data{Data: &storev1.TypedBytes{Type: dataType, Value: []byte(value)}}}
}

func say(room, clientID, s string) *storev1.Publish {
	return &storev1.Publish{Room: room, ClientId: clientID, Body: text(s)}
}

func user(id string) state.Actor { return state.Actor{ID: id, Name: "Name of " + id, Guest: true} }

func dump(t testing.TB, s *state.Store) string {
	t.Helper()
	var b strings.Builder
	if err := s.Dump(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// view returns the published View, closed with the test.
func view(t testing.TB, s *state.Store) state.View {
	t.Helper()
	v := s.View()
	t.Cleanup(v.Close)
	return v
}
