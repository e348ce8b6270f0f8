package chat_test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// mined is a store and a sequencer that panic where the test has laid a mine. A panic's value is nothing to log.
type mined struct {
	chat.Store
	sequencer.Sequencer
	mine atomic.Pointer[string]
}

const secret = "what somebody wrote"

func (m *mined) tread(at string) {
	if mine := m.mine.Load(); mine != nil && *mine == at {
		panic(secret)
	}
}

func (m *mined) View() state.View { return &minedView{m.Store.View(), m} }

func (m *mined) Append(ctx context.Context, recs ...state.Record) ([]state.Result, error) {
	m.tread("append")
	return m.Sequencer.Append(ctx, recs...)
}

type minedView struct {
	state.View
	mined *mined
}

func (v *minedView) Room(id state.RoomID) (state.Room, bool, error) {
	v.mined.tread("room " + string(id))
	return v.View.Room(id)
}

func (v *minedView) Events(id state.RoomID, after uint64, n, bytes int) ([]*state.Event, error) {
	v.mined.tread("events " + string(id))
	return v.View.Events(id, after, n, bytes)
}

func (v *minedView) RoomsOf(user string, after state.RoomID, n int) ([]state.RoomID, error) {
	v.mined.tread("rooms of " + user)
	return v.View.RoomsOf(user, after, n)
}

// What panics in the goroutines of a session, wherever they are, ends that session with INTERNAL, and nothing else.
func TestAPanicCostsOneSession(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	m := &mined{}
	l := start(t, config{
		logger: slog.New(slog.NewTextHandler(&log, nil)),
		wrap:   func(s sequencer.Sequencer) sequencer.Sequencer { m.Sequencer = s; return m },
		reads:  func(s chat.Store) chat.Store { m.Store = s; return m },
	})
	maker := l.guest("maker")
	maker.publish("poison", "one")
	head := maker.publish("poison", "two").GetRev()
	maker.end()
	bystander := l.guest("bystander")
	again := resume("poison", bystander.join(fromNow("lobby")).GetEpoch(), 1)
	for name, over := range map[string]*live{"grpc": l, "bridge": l.bridged()} {
		ctx, victim := l.as("victim")
		for doing, test := range map[string]struct {
			mine    string
			command *chatv1.ConnectRequest
		}{
			"carry out a command": {"room poison", joinRequest(fromNow("poison"))},
			"append publishes":    {"append", publishRequest("lobby", "boom")},
			"send":                {"events poison", joinRequest(again)},
			"send the feed":       {"rooms of " + victim.ID, joinRequest(fromNow("lobby"))},
		} {
			m.mine.Store(&test.mine)
			s := over.connect(ctx)
			s.send(test.command)
			_, err := s.rest()
			m.mine.Store(nil)
			if e := status.Convert(err); e.Code() != codes.Internal || e.Message() != "internal error" || len(e.Details()) != 1 {
				t.Errorf("%s: %s ended with %v, %v", name, doing, err, e.Details())
			}
			place, _, _ := strings.Cut(doing, " the feed")
			if lines := log.String(); strings.Count(lines, "panicked") != 1 || !strings.Contains(lines, place) ||
				!strings.Contains(lines, "contain_test.go") || strings.Contains(lines, secret) {
				t.Errorf("%s: %s is logged as %s", name, doing, lines)
			}
			log.reset()
			rev := bystander.publish("lobby", "still here").GetRev()
			bystander.upTo("lobby", rev)
		}
		// What was shared, such as a block of events that could not be read, is whole again.
		s := over.connect(ctx)
		s.join(again)
		s.upTo("poison", head)
		if _, err := s.end(); err != nil {
			t.Errorf("%s: ended with %v", name, err)
		}
	}
}

// What panics after a half-close ends the session, too.
func TestAPanicAfterAHalfClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mined{}
		l := start(t, config{
			wrap:  func(s sequencer.Sequencer) sequencer.Sequencer { m.Sequencer = s; return m },
			reads: func(s chat.Store) chat.Store { m.Store = s; return m },
		})
		s := l.guest("victim")
		s.send(joinRequest(resume("poison", l.epoch("lobby"), 7))) // waits for a rev that does not come
		if err := s.stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		mine := "room poison"
		m.mine.Store(&mine)
		_, err := s.rest()
		wantCode(t, err, codes.Internal)
	})
}
