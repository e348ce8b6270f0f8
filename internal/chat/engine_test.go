package chat

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// appendFunc is a sequencer that is one function.
type appendFunc func(ctx context.Context, recs ...state.Record) ([]state.Result, error)

func (f appendFunc) Append(ctx context.Context, recs ...state.Record) ([]state.Result, error) {
	return f(ctx, recs...)
}

func (appendFunc) Run(context.Context, sequencer.Machine) error { return errors.New("not here") }

// noStore has room, and nothing to read.
type noStore struct{ Store }

func (noStore) Full() bool { return false }

// stuck never has a place. wrap makes the error of a context's end.
func stuck(wrap func(error) error) appendFunc {
	return func(ctx context.Context, _ ...state.Record) ([]state.Result, error) {
		<-ctx.Done()
		return nil, wrap(ctx.Err())
	}
}

func TestAppendIsBoundedInTime(t *testing.T) {
	t.Parallel()
	same := func(err error) error { return err }
	full := func(err error) error { return fmt.Errorf("%w: %w", sequencer.ErrFull, err) }
	unknown := func(err error) error { return fmt.Errorf("%w: %w", sequencer.ErrUnknown, err) }
	for name, c := range map[string]struct {
		wrap    func(error) error
		timeout time.Duration // the caller's
		after   time.Duration
		code    codes.Code
		retry   bool
	}{
		"withdrawn":                         {same, time.Hour, appendTimeout, codes.ResourceExhausted, true},
		"no place":                          {full, time.Hour, appendTimeout, codes.ResourceExhausted, true},
		"on its way":                        {unknown, time.Hour, appendTimeout, codes.Unavailable, true},
		"the caller's deadline":             {same, time.Second, time.Second, codes.DeadlineExceeded, false},
		"the caller's deadline, on its way": {unknown, time.Second, time.Second, codes.Unavailable, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := &engine{views: noStore{}, sequencer: stuck(c.wrap)}
				ctx, cancel := context.WithTimeout(t.Context(), c.timeout)
				defer cancel()
				start := time.Now()
				_, err := e.append(ctx, state.Record{})
				if status.Code(err) != c.code || time.Since(start) != c.after {
					t.Errorf("%v after %v, want %v after %v", err, time.Since(start), c.code, c.after)
				}
				if c.retry {
					detail[*errdetails.RetryInfo](t, err)
				}
			})
		})
	}
}
