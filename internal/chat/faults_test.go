package chat_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// faulty answers every Append as it is told.
type faulty struct {
	sequencer.Sequencer
	result state.Result
	err    error
}

func (f *faulty) Append(_ context.Context, recs ...state.Record) ([]state.Result, error) {
	if f.err != nil {
		return nil, f.err
	}
	results := make([]state.Result, len(recs))
	for i := range results {
		results[i] = f.result
	}
	return results, nil
}

func TestAWriteThatTheSequencerDoesNotTake(t *testing.T) {
	t.Parallel()
	for _, fault := range []struct {
		err  error
		code codes.Code
	}{
		{sequencer.ErrFull, codes.ResourceExhausted},
		{sequencer.ErrUnknown, codes.Unavailable},
		{sequencer.ErrStopped, codes.Unavailable},
		{errors.New("disk /dev/sda is on fire"), codes.Unavailable},
	} {
		c := startCalls(t, config{wrap: func(s sequencer.Sequencer) sequencer.Sequencer { return &faulty{Sequencer: s, err: fault.err} }})
		ctx, _ := c.as("ana")
		_, err := c.messages.PostMessage(ctx, text("lobby", "x"))
		s := wantCode(t, err, fault.code)
		if !hasRetryInfo(s) || strings.Contains(s.Message(), "sda") {
			t.Errorf("%v became %v with %v", fault.err, s, s.Details())
		}
		refused(c.rooms.GetRoom(ctx, &chatv1.GetRoomRequest{Room: "lobby"}))(t, codes.NotFound, "")
	}
}

func TestAFaultOfOursIsLoggedWithItsReference(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	c := startCalls(t, config{
		logger: slog.New(slog.NewTextHandler(&log, nil)),
		wrap: func(s sequencer.Sequencer) sequencer.Sequencer {
			return &faulty{Sequencer: s, result: state.Result{Refusal: state.UnsupportedRecord}}
		},
	})
	ctx, _ := c.as("ana")
	_, err := c.messages.PostMessage(ctx, text("lobby", "the text"))
	s := status.Convert(err)
	if s.Code() != codes.Internal || s.Message() != "internal error" || len(s.Details()) != 1 {
		t.Fatalf("got %v with %v", s, s.Details())
	}
	info, _ := s.Details()[0].(*errdetails.RequestInfo)
	if lines := log.String(); strings.Count(lines, "\n") != 1 || info.GetRequestId() == "" ||
		!strings.Contains(lines, info.GetRequestId()) || strings.Contains(lines, "the text") {
		t.Errorf("reference %q, log %q", info.GetRequestId(), lines)
	}
}

// lockedBuffer is a bytes.Buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex // protects b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lockedBuffer) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}
