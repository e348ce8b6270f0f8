package chat_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	adminv1 "github.com/rialto-rpc/rialto/gen/go/rialto/admin/v1"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// TestEraseUser erases somebody whose room others follow.
func TestEraseUser(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	admin := c.admin()
	bob, who := c.as("Bob the first")
	for i := range 600 {
		c.post(bob, "lobby", fmt.Sprint("of bob's ", i))
	}
	must(c.users().UpdateProfile(bob, &chatv1.UpdateProfileRequest{About: proto.String("of bob's")}))(t)
	ana := c.guest("ana")
	ana.join(fromNow("lobby"))
	ana.publish("lobby", "of ana's")
	s := c.connect(bob)
	s.join(fromNow("lobby"))

	erased := must(admin.EraseUser(t.Context(), &adminv1.EraseUserRequest{UserId: who.ID}))(t)
	if erased.GetMessages() != 600 {
		t.Errorf("%d messages erased", erased.GetMessages())
	}
	isBan(t, s.ending())
	e := ana.event(func(e *chatv1.Event) bool { return e.GetDeleted().GetSeq() == 600 })
	if m := e.GetDeleted(); m.GetSender().GetId() != state.DeletedUser.ID || m.GetText() != "" {
		t.Errorf("ana saw %v", e)
	}
	// The last that those who follow see of them is that they are no member any more; read from disk not even that names them.
	ana.event(func(e *chatv1.Event) bool {
		id := e.GetMemberRemoved().GetUser().GetId()
		return id == who.ID || id == state.DeletedUser.ID
	})
	late := c.guest("late")
	late.join(history("lobby", 100))
	for _, e := range late.upTo("lobby", c.headRev("lobby")) {
		if sender := e.GetPosted().GetSender(); sender.GetId() == who.ID {
			t.Errorf("late saw %v", e)
		}
	}
	if user := must(admin.GetUser(t.Context(), &adminv1.GetUserRequest{UserId: who.ID}))(t); !user.GetErased() || user.GetAbout() != "" {
		t.Errorf("user %v", user)
	}
	if again := must(admin.EraseUser(t.Context(), &adminv1.EraseUserRequest{UserId: who.ID}))(t); again.GetMessages() != 0 {
		t.Errorf("erased again: %v", again)
	}
	refused(admin.BanUser(t.Context(), &adminv1.BanUserRequest{UserId: who.ID}))(t, codes.FailedPrecondition, "")
	refused(admin.EraseUser(t.Context(), &adminv1.EraseUserRequest{UserId: state.DeletedUser.ID}))(t, codes.FailedPrecondition, "")
}

// impatient lets some records through and fails then.
type impatient struct {
	sequencer.Sequencer
	left atomic.Int64
}

func (s *impatient) Append(ctx context.Context, recs ...state.Record) ([]state.Result, error) {
	if s.left.Add(-int64(len(recs))) < 0 {
		return nil, errors.New("broken")
	}
	return s.Sequencer.Append(ctx, recs...)
}

// TestErasureGoesOn has a server fail in the midst of an erasure; the next one ends it by itself.
func TestErasureGoesOn(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	t.Run("before", func(t *testing.T) {
		broken := &impatient{}
		broken.left.Store(1601)
		c := startCalls(t, config{fs: fs, wrap: func(s sequencer.Sequencer) sequencer.Sequencer {
			broken.Sequencer = s
			return broken
		}})
		bob, who := c.as("bob")
		for i := range 1600 {
			c.post(bob, "lobby", fmt.Sprint("of bob's ", i))
		}
		refused(c.admin().EraseUser(t.Context(), &adminv1.EraseUserRequest{UserId: who.ID}))(t, codes.Unavailable, "")
		if n := pendingErasures(t, c.live); n != 1 {
			t.Fatalf("%d erasures pending", n)
		}
	})
	l := start(t, config{fs: fs})
	if err := l.service.Resume(); err != nil {
		t.Fatal(err)
	}
	admin := l.admin()
	for pendingErasures(t, l) > 0 {
		must(admin.GetStats(t.Context(), &adminv1.GetStatsRequest{}))(t)
	}
	acts := must(admin.ListActs(t.Context(), &adminv1.ListActsRequest{}))(t).GetActs()
	if len(acts) != 1 || acts[0].GetAction() != adminv1.Action_ACTION_USER_ERASED || acts[0].GetMessages() != 1600 || acts[0].GetUserId() != "" {
		t.Errorf("acts %v", acts)
	}
}

// TestErasuresAtOnce: each tells how many messages it was of whose erasure it was asked.
func TestErasuresAtOnce(t *testing.T) {
	t.Parallel()
	c := startCalls(t, config{})
	var all sync.WaitGroup
	for n := range 6 {
		who, is := c.as(fmt.Sprint("user ", n))
		want := 1 + n*130
		for i := range want {
			c.post(who, fmt.Sprint("room-", i%3), "hello")
		}
		all.Go(func() {
			erased, err := c.admin().EraseUser(t.Context(), &adminv1.EraseUserRequest{UserId: is.ID})
			if err != nil || erased.GetMessages() != uint64(want) {
				t.Errorf("of %d: %v, %v", want, erased, err)
			}
		})
	}
	all.Wait()
}

// forgetful does not say what became of the first record.
type forgetful struct {
	sequencer.Sequencer
	lost atomic.Bool
}

func (s *forgetful) Append(ctx context.Context, recs ...state.Record) ([]state.Result, error) {
	results, err := s.Sequencer.Append(ctx, recs...)
	if err == nil && s.lost.CompareAndSwap(true, false) {
		return nil, sequencer.ErrUnknown
	}
	return results, err
}

// TestErasureOfUnknownBeginning: an erasure that has begun is ended, also if who ordered it does not know that it has.
func TestErasureOfUnknownBeginning(t *testing.T) {
	t.Parallel()
	lossy := &forgetful{}
	c := startCalls(t, config{wrap: func(s sequencer.Sequencer) sequencer.Sequencer {
		lossy.Sequencer = s
		return lossy
	}})
	bob, who := c.as("bob")
	for i := range 600 {
		c.post(bob, "lobby", fmt.Sprint("of bob's ", i))
	}
	lossy.lost.Store(true)
	refused(c.admin().EraseUser(t.Context(), &adminv1.EraseUserRequest{UserId: who.ID}))(t, codes.Unavailable, "")
	for pendingErasures(t, c.live) > 0 {
		must(c.admin().GetStats(t.Context(), &adminv1.GetStatsRequest{}))(t)
	}
	if acts := must(c.admin().ListActs(t.Context(), &adminv1.ListActsRequest{}))(t).GetActs(); len(acts) != 1 || acts[0].GetMessages() != 600 {
		t.Errorf("acts %v", acts)
	}
}

// slow answers some calls only when nobody waits any more.
type slow struct {
	sequencer.Sequencer
	after, calls atomic.Int64 // so many, once so many have passed
}

func (s *slow) Append(ctx context.Context, recs ...state.Record) ([]state.Result, error) {
	if s.after.Add(-1) >= 0 || s.calls.Add(-1) < 0 {
		return s.Sequencer.Append(ctx, recs...)
	}
	<-ctx.Done()
	return nil, fmt.Errorf("%w: %w", sequencer.ErrUnknown, ctx.Err())
}

// TestErasureOutlivesSlowCommits: an erasure whose steps take too long goes on by itself, and so does the next one.
func TestErasureOutlivesSlowCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		commits := &slow{}
		c := startCalls(t, config{wrap: func(s sequencer.Sequencer) sequencer.Sequencer {
			commits.Sequencer = s
			return commits
		}})
		for range 2 {
			bob, who := c.as("bob")
			for i := range 600 {
				c.post(bob, "lobby", fmt.Sprint("of bob's ", i))
			}
			commits.after.Store(1) // with which it begins
			commits.calls.Store(3)
			refused(c.admin().EraseUser(t.Context(), &adminv1.EraseUserRequest{UserId: who.ID}))(t, codes.Unavailable, "")
			if n := pendingErasures(t, c.live); n != 1 {
				t.Errorf("%d erasures pending", n)
			}
			time.Sleep(time.Minute)
			if n := pendingErasures(t, c.live); n != 0 {
				t.Errorf("%d erasures pending after a minute", n)
			}
		}
	})
}

func pendingErasures(t *testing.T, l *live) int {
	t.Helper()
	v := l.store.View()
	defer v.Close()
	users, err := v.Erasures(10)
	if err != nil {
		t.Fatal(err)
	}
	return len(users)
}
