package state_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// secrets are bodies that somebody removed, and what is looked for of each: random bytes, which no compression changes, and
// words, which are found in tables that are read.
type secrets map[string][]byte

// add returns a body that is mostly the same as others, but for something that is looked for.
func (s secrets) add(name string, random *rand.Rand) string {
	var b [24]byte
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	needle := hex.EncodeToString(b[:])
	s[name] = []byte(needle)
	return "the quick brown fox jumps over the lazy dog " + needle + strings.Repeat(" and again", 20)
}

// found returns which secrets are in files of a directory, and which in its tables when they are read with all their old
// versions.
func (s secrets) found(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	look := func(where string, b []byte) {
		for name, secret := range s {
			if bytes.Contains(b, secret) {
				found[name] = where
			}
		}
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil // removed just now
		}
		look(path, data)
		if err == nil && strings.HasSuffix(path, ".sst") {
			readTable(t, path, look)
		}
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return found
}

// readTable decodes all that is in a table.
func readTable(t *testing.T, path string, look func(where string, b []byte)) {
	t.Helper()
	f, err := vfs.Default.Open(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return
		}
		t.Fatal(err)
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		t.Fatal(err)
	}
	opts := new(pebble.Options)
	opts.EnsureDefaults()
	r, err := sstable.NewReader(t.Context(), readable, opts.MakeReaderOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	iter, err := r.NewIter(sstable.NoTransforms, nil, nil, sstable.AssertNoBlobHandles)
	if err != nil {
		t.Fatal(err)
	}
	defer iter.Close()
	for kv := iter.First(); kv != nil; kv = iter.Next() {
		value, _, err := kv.Value(nil)
		if err != nil {
			t.Fatal(err)
		}
		look(path+" at "+string(kv.K.UserKey), append(append([]byte(nil), kv.K.UserKey...), value...))
	}
}

// remove writes secrets into a store, of which all but "kept" are then removed, in every way there is; old versions are in
// the log, in tables of several levels, and in the lowest one beside newer ones.
func remove(t *testing.T, s *state.Store, random *rand.Rand) secrets {
	t.Helper()
	all := make(secrets)
	ana := user("ana")
	now := int64(1000)
	post := func(room, name string) uint64 {
		now++
		return do(t, s, ana, now, say(room, name, all.add(name, random))).Seq
	}
	post("lobby", "kept")
	deep := post("lobby", "deleted from the deepest tables")
	old := post("lobby", "edited long ago")
	reacted := post("lobby", "deleted after reactions")
	post("brief", "trimmed")
	post("gone", "in a deleted room")
	describe(t, s, ana, all, random)
	do(t, s, ana, now, &storev1.React{Room: "lobby", Seq: reacted, Emoji: "+"})
	zed := sayAsSomebody(t, s, all, random)
	s.Sink(t) // all of that
	held := s.View()
	do(t, s, ana, now, &storev1.Delete{Room: "lobby", Seq: deep})
	do(t, s, ana, now, &storev1.Edit{Room: "lobby", Seq: old, Text: "another"})
	s.Sink(t) // what is newer, beside what the View still shows
	held.Close()
	do(t, s, ana, now, &storev1.Delete{Room: "lobby", Seq: reacted})
	young := post("lobby", "deleted at once")
	do(t, s, ana, now, &storev1.Delete{Room: "lobby", Seq: young})
	for i := range 50 {
		post("lobby", fmt.Sprint("kept ", i))
	}
	post("brief", "trimmed too")
	do(t, s, ana, now, &storev1.Trim{Room: "brief", Seq: 2, Otherwise: &storev1.Retention{AgeMs: 1}})
	do(t, s, ana, now+10, &storev1.Trim{Room: "brief", Seq: 2, Otherwise: &storev1.Retention{AgeMs: 1}})
	do(t, s, ana, now, &storev1.Purge{Room: "brief"})
	do(t, s, ana, now, &storev1.DeleteRoom{Room: "gone"})
	do(t, s, ana, now, &storev1.DeleteRoom{Room: "called"})
	do(t, s, ana, now, &storev1.Purge{Room: "called"})
	do(t, s, ana, now, &storev1.SetProfile{About: proto.String("")})
	do(t, s, ana, now, &storev1.Purge{Room: "gone"})
	for begun := false; !begun || len(erasures(t, s)) > 0; begun = true {
		do(t, s, operator, now, &storev1.EraseUser{User: zed.ID})
	}
	return all
}

// describe adds what is said of a room, which is to be deleted, and in a profile, which is to be cleared.
func describe(t *testing.T, s *state.Store, ana state.Actor, all secrets, random *rand.Rand) {
	t.Helper()
	do(t, s, ana, 1000, &storev1.CreateRoom{Room: "called", Settings: &storev1.Settings{
		Title: all.add("title of a deleted room", random), Topic: all.add("topic of a deleted room", random), Kind: uint32(state.Private),
	}})
	all.add("who was invited to a deleted room", random)
	do(t, s, ana, 1000, &storev1.Invite{Room: "called", User: string(all["who was invited to a deleted room"]), Role: uint32(state.RoleMember)})
	do(t, s, ana, 1000, &storev1.CreateLink{Room: "called", Link: "link", Role: uint32(state.RoleMember)})
	do(t, s, ana, 1000, &storev1.SetProfile{About: proto.String(all.add("about oneself, cleared", random))})
}

// TestEraseWithoutUsers: what rooms that were deleted were called, and what profiles said, leaves the files also if no user is
// erased.
func TestEraseWithoutUsers(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(t *testing.T, s *state.Store){
		"a deleted room": func(t *testing.T, s *state.Store) {
			do(t, s, user("ana"), 2000, &storev1.DeleteRoom{Room: "called"})
			do(t, s, user("ana"), 2000, &storev1.Purge{Room: "called"})
		},
		"a cleared profile": func(t *testing.T, s *state.Store) {
			do(t, s, user("ana"), 2000, &storev1.SetProfile{About: proto.String("")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, all := t.TempDir(), make(secrets)
			s, err := state.Open(dir, state.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { closeStore(t, s) })
			describe(t, s, user("ana"), all, rand.New(rand.NewPCG(1, 5)))
			s.Sink(t)
			all.assertThere(t, dir)
			remove(t, s)
			if err := s.Erase(t.Context(), time.UnixMilli(5), func(context.Context, time.Duration) error { return nil }); err != nil {
				t.Fatal(err)
			}
			maps.DeleteFunc(all, func(secret string, _ []byte) bool {
				return strings.Contains(secret, "about oneself") != (name == "a cleared profile")
			})
			all.assertGone(t, dir)
		})
	}
}

// sayAsSomebody adds what a user, who is to be erased, has said, in messages and of themselves, and under which id.
func sayAsSomebody(t *testing.T, s *state.Store, all secrets, random *rand.Rand) state.Actor {
	t.Helper()
	all.add("the id of who was erased", random)
	zed := state.Actor{ID: string(all["the id of who was erased"])}
	do(t, s, zed, 1000, say("lobby", "", all.add("said by who was erased", random)))
	do(t, s, zed, 1000, say("zed-s", "", all.add("said by who was erased, in a room of theirs", random)))
	do(t, s, zed, 1000, &storev1.SetProfile{About: proto.String(all.add("in a profile", random))})
	do(t, s, zed, 1000, &storev1.Block{User: "eve"})
	return zed
}

// assertGone fails if anything but what is kept is in a directory; a moment may pass until Pebble has deleted files.
func (s secrets) assertGone(t *testing.T, dir string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		found := s.found(t, dir)
		kept, left := 0, 0
		for name := range s {
			if strings.HasPrefix(name, "kept") {
				kept++
			}
		}
		for name := range found {
			if strings.HasPrefix(name, "kept") {
				kept--
			} else {
				left++
			}
		}
		if left == 0 && kept == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("found %v", found)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// assertThere fails if something is not: then the test would see nothing.
func (s secrets) assertThere(t *testing.T, dir string) {
	t.Helper()
	if found := s.found(t, dir); len(found) != len(s) {
		t.Fatalf("only %v were there before", found)
	}
}

// TestCompactLeavesNothing: what was removed is in no file of a directory that was compacted.
func TestCompactLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := state.Open(dir, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	secrets := remove(t, s, rand.New(rand.NewPCG(1, 1)))
	closeStore(t, s)
	secrets.assertThere(t, dir)
	if s, err = state.Open(dir, state.Options{}); err != nil {
		t.Fatal(err)
	}
	before := dump(t, s)
	if err := s.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := dump(t, s); after != before {
		t.Errorf("compacted\n%s\nwant\n%s", after, before)
	}
	closeStore(t, s)
	secrets.assertGone(t, dir)
}

// TestEraseWhileServing: Erase frees the files of what was removed before it, one piece after another, while commands go on.
func TestEraseWhileServing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := state.Open(dir, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	secrets := remove(t, s, rand.New(rand.NewPCG(1, 2)))
	secrets.assertThere(t, dir)
	now := time.UnixMilli(5_000)
	rests := 0
	reading := s.View() // which still shows what is being removed
	late := secrets.add("late", rand.New(rand.NewPCG(1, 3)))
	do(t, s, user("ana"), 4000, say("late", "", late))
	do(t, s, user("ana"), 4000, &storev1.Delete{Room: "late", Seq: 1})
	erased := make(chan error, 1)
	go func() {
		erased <- s.Erase(t.Context(), now, func(context.Context, time.Duration) error { rests++; return nil })
	}()
	for i := range 20 {
		do(t, s, user("ben"), 4000, say("busy", "", fmt.Sprint(i)))
	}
	select {
	case err := <-erased:
		t.Fatalf("it did not wait for a reader: %v", err)
	default:
	}
	reading.Close()
	if err := <-erased; err != nil || rests == 0 {
		t.Fatalf("%v after %d rests", err, rests)
	}
	secrets.assertGone(t, dir)
	if last, err := s.LastErased(); err != nil || !last.Equal(now) {
		t.Errorf("erased at %v, %v", last, err)
	}
	// Where nothing was removed since, there is nothing to do.
	err = s.Erase(t.Context(), now.Add(time.Hour), func(context.Context, time.Duration) error {
		t.Error("it did something")
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestEraseThatIsInterrupted leaves what it has not done to the next.
func TestEraseThatIsInterrupted(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem())
	do(t, s, user("ana"), 1, say("lobby", "", "text"))
	do(t, s, user("ana"), 2, &storev1.Delete{Room: "lobby", Seq: 1})
	stop := context.Canceled
	if err := s.Erase(t.Context(), time.UnixMilli(5), func(context.Context, time.Duration) error { return stop }); err != stop {
		t.Errorf("interrupted: %v", err)
	}
	if last, err := s.LastErased(); err != nil || !last.IsZero() {
		t.Errorf("erased at %v, %v", last, err)
	}
}

// TestEraseInTheLowestTables: an old row that lies beside a newer one in the lowest tables, where nothing above has it merged
// again, because somebody was reading it when the newer came down.
func TestEraseInTheLowestTables(t *testing.T) {
	t.Parallel()
	for name, erase := range map[string]func(s *state.Store) error{
		"compact": func(s *state.Store) error { return s.Compact(t.Context()) },
		"erase": func(s *state.Store) error {
			return s.Erase(t.Context(), time.UnixMilli(5), func(context.Context, time.Duration) error { return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, secrets := t.TempDir(), make(secrets)
			s, err := state.Open(dir, state.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { closeStore(t, s) })
			do(t, s, user("ana"), 1, say("lobby", "", secrets.add("deleted", rand.New(rand.NewPCG(1, 4)))))
			s.Sink(t)
			held := s.View()
			do(t, s, user("ana"), 2, &storev1.Delete{Room: "lobby", Seq: 1})
			s.Sink(t)
			held.Close()
			s.Sink(t)
			secrets.assertThere(t, dir)
			if err := erase(s); err != nil {
				t.Fatal(err)
			}
			secrets.assertGone(t, dir)
		})
	}
}
