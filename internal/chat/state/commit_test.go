package state_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer/local"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// TestNothingIsSeenBeforeTheSync holds a sync up: meanwhile the message is neither shown, nor told to the subscriber,
// nor acknowledged, and a power cut would lose it.
func TestNothingIsSeenBeforeTheSync(t *testing.T) {
	t.Parallel()
	disk := vfs.NewCrashableMem()
	g := newGate(disk)
	told := make(chan *state.Change, 10)
	s := openWith(t, state.Options{FS: g, OnCommit: func(c *state.Change) { told <- c }})
	do(t, s, user("ana"), 1, say("lobby", "1", "one"))
	<-told

	g.armed.Store(true)
	change, err := s.Apply([]state.Entry{next(t, s, user("ana"), 1, say("lobby", "2", "two"))})
	if err != nil {
		t.Fatal(err)
	}
	committed := make(chan error, 1)
	go func() { committed <- s.Commit(change, true) }()
	<-g.reached
	if seq := headOf(t, s); seq != 1 {
		t.Errorf("head %d is shown before the sync", seq)
	}
	select {
	case <-told:
		t.Error("the subscriber was told before the sync")
	case <-committed:
		t.Error("commit returned before the sync")
	default:
	}
	if seq := headOf(t, open(t, disk.CrashClone(vfs.CrashCloneCfg{}))); seq != 1 {
		t.Errorf("the disk is at %d already: the test shows nothing", seq)
	}

	g.armed.Store(false)
	g.proceed <- nil
	if err := <-committed; err != nil {
		t.Fatal(err)
	}
	if got := <-told; got != change {
		t.Error("the subscriber was told of another change")
	}
	if seq := headOf(t, s); seq != 2 {
		t.Errorf("head %d after the sync", seq)
	}
	if seq := headOf(t, open(t, disk.CrashClone(vfs.CrashCloneCfg{}))); seq != 2 {
		t.Errorf("the disk is at %d after the sync", seq)
	}
}

// TestOnCommitSeesTheView shows the order of what a commit does.
func TestOnCommitSeesTheView(t *testing.T) {
	t.Parallel()
	var s *state.Store
	calls := 0
	s = openWith(t, state.Options{FS: vfs.NewMem(), OnCommit: func(c *state.Change) {
		calls++
		if seq := headOf(t, s); seq != c.Results[0].Seq {
			t.Errorf("told of %d, the View is at %d", c.Results[0].Seq, seq)
		}
	}})
	do(t, s, user("ana"), 1, say("lobby", "1", "one"))
	do(t, s, user("ana"), 1, say("lobby", "2", "two"))
	if calls != 2 {
		t.Errorf("told %d times", calls)
	}
}

func headOf(t *testing.T, s *state.Store) uint64 {
	t.Helper()
	v := s.View()
	defer v.Close()
	room, _, err := v.Room("lobby")
	if err != nil {
		t.Fatal(err)
	}
	return room.Head.Seq
}

// TestFailedSyncIsFinal lets a sync fail under two publishers: Run ends, both learn that the outcome is unknown, the
// View stays, and nothing works any more.
func TestFailedSyncIsFinal(t *testing.T) {
	t.Parallel()
	g := newGate(vfs.NewMem())
	s := openWith(t, state.Options{FS: g})
	seq := local.New(local.Options{})
	ended := make(chan error, 1)
	go func() { ended <- seq.Run(t.Context(), s) }()
	publish := func(id string) error {
		record, err := state.NewRecord(user("ana"), 1, say("lobby", id, id))
		if err != nil {
			return err
		}
		_, err = seq.Append(t.Context(), record)
		return err
	}
	if err := publish("1"); err != nil {
		t.Fatal(err)
	}
	g.armed.Store(true)
	waiter := make(chan error, 1)
	go func() { waiter <- publish("2") }()
	<-g.reached
	g.proceed <- errorfs.ErrInjected
	if err := <-waiter; !errors.Is(err, sequencer.ErrUnknown) {
		t.Errorf("the waiter got %v", err)
	}
	if err := <-ended; !errors.Is(err, errorfs.ErrInjected) {
		t.Errorf("Run ended with %v", err)
	}
	if err := publish("3"); !errors.Is(err, sequencer.ErrStopped) {
		t.Errorf("a later publish got %v", err)
	}
	if seq := headOf(t, s); seq != 1 {
		t.Errorf("head %d is shown", seq)
	}
	if _, err := s.Apply([]state.Entry{next(t, s, user("ana"), 1, say("lobby", "4", "four"))}); err == nil {
		t.Error("a later Apply works")
	}
}

// TestBackgroundFailureIsFinal lets Pebble fail to write a table, which it would try again for ever.
func TestBackgroundFailureIsFinal(t *testing.T) {
	t.Parallel()
	s := openWith(t, state.Options{FS: errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, ".sst") {
			return errorfs.ErrInjected
		}
		return nil
	}))})
	long := strings.Repeat("x", 64<<10)
	for range 10_000 {
		change, err := s.Apply([]state.Entry{next(t, s, user("ana"), 1, say("lobby", "", long))})
		if err == nil {
			err = s.Commit(change, true)
		}
		if err != nil {
			if !errors.Is(err, errorfs.ErrInjected) {
				t.Errorf("failed with %v", err)
			}
			return
		}
	}
	t.Error("went on without being able to write tables")
}

// TestMisuse shows that a caller that breaks the order gets an error and breaks nothing on disk.
func TestMisuse(t *testing.T) {
	t.Parallel()
	for name, misuse := range map[string]func(*testing.T, *state.Store) error{
		"a gap": func(t *testing.T, s *state.Store) error {
			_, err := s.Apply([]state.Entry{entry(t, 3, user("ana"), 1, say("lobby", "", "gap"))})
			return err
		},
		"a repetition": func(t *testing.T, s *state.Store) error {
			_, err := s.Apply([]state.Entry{entry(t, 1, user("ana"), 1, say("lobby", "", "again"))})
			return err
		},
		"Apply twice": func(t *testing.T, s *state.Store) error {
			if _, err := s.Apply([]state.Entry{next(t, s, user("ana"), 1, say("lobby", "", "a"))}); err != nil {
				t.Fatal(err)
			}
			_, err := s.Apply([]state.Entry{next(t, s, user("ana"), 1, say("lobby", "", "b"))})
			return err
		},
		"Commit of something else": func(t *testing.T, s *state.Store) error {
			return s.Commit(new(state.Change), true)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fs := vfs.NewMem()
			s := open(t, fs)
			do(t, s, user("ana"), 1, say("lobby", "", "one"))
			want := dump(t, s)
			if misuse(t, s) == nil {
				t.Error("no error")
			}
			closeStore(t, s)
			if got := dump(t, open(t, fs)); got != want {
				t.Errorf("on disk is\n%s\nwant\n%s", got, want)
			}
		})
	}
}
