package state

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

func filterKey(n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte("a room and a sender"), n)
}

// What was added is never denied, and of what was not nearly all is, however far the filter has grown.
func TestFilter(t *testing.T) {
	t.Parallel()
	f := newFilter()
	if !f.mayHave(filterKey(1)) {
		t.Error("an empty filter that is not complete denies")
	}
	f.complete()
	const keys = 400_000 // four parts
	for n := range uint64(keys) {
		f.add(filterKey(n))
	}
	wrong := 0
	for n := range uint64(keys) {
		if !f.mayHave(filterKey(n)) {
			t.Fatalf("key %d is denied", n)
		}
		if f.mayHave(filterKey(keys + n)) {
			wrong++
		}
	}
	if wrong > keys/50 {
		t.Errorf("%d of %d that are not there are not denied", wrong, keys)
	}
}

// A filter that was loaded from a store knows every first result in it, of every room, and nothing else of the rows.
func TestFilterIsLoaded(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s, err := Open("data", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	var keys [][]byte
	for i := range 2000 {
		room, sender, client := fmt.Sprint("room", random.IntN(30)), fmt.Sprint("u", random.IntN(20)), fmt.Sprint(i)
		r, err := NewRecord(Actor{ID: sender}, 1, &storev1.Publish{
			Room: room, ClientId: client, Body: &storev1.Body{Kind: &storev1.Body_Text{Text: "x"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		r.Writer, r.N = 1, uint64(i+1)
		change, err := s.Apply([]Entry{{Pos: Pos(i + 1), Record: r}})
		if err == nil {
			err = s.Commit(change, false)
		}
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, appendDedupeKey(nil, dedupeID{RoomID(room), sender, client}))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open("data", Options{FS: fs}); err != nil {
		t.Fatal(err)
	}
	s.loading.Wait()
	if !s.firsts.ready.Load() || s.firsts.keys != len(keys) {
		t.Errorf("ready %v, %d keys of %d", s.firsts.ready.Load(), s.firsts.keys, len(keys))
	}
	for _, key := range keys {
		if !s.firsts.mayHave(key) {
			t.Fatalf("%q is denied", key)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
