package chat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// detail returns the only detail of a status error that is of type T.
func detail[T any](t testing.TB, err error) T {
	t.Helper()
	var found []T
	details := status.Convert(err).Details()
	for _, any := range details {
		if d, ok := any.(T); ok {
			found = append(found, d)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%v has details %v, want one %T", err, details, *new(T))
	}
	return found[0]
}

func TestResultError(t *testing.T) {
	t.Parallel()
	want := map[state.Refusal]codes.Code{
		state.Accepted:          codes.OK,
		state.NoSuchRoom:        codes.NotFound,
		state.NoSuchMessage:     codes.NotFound,
		state.RoomExists:        codes.AlreadyExists,
		state.NotSender:         codes.PermissionDenied,
		state.RoleTooLow:        codes.PermissionDenied,
		state.MessageDeleted:    codes.FailedPrecondition,
		state.MessageNotText:    codes.FailedPrecondition,
		state.RevMoved:          codes.Aborted,
		state.ClientIDReused:    codes.AlreadyExists,
		state.SeqAboveHead:      codes.OutOfRange,
		state.TooManyReactions:  codes.ResourceExhausted,
		state.TooSoon:           codes.ResourceExhausted,
		state.Banned:            codes.PermissionDenied,
		state.Muted:             codes.PermissionDenied,
		state.RoomArchived:      codes.FailedPrecondition,
		state.NoSuchMember:      codes.FailedPrecondition,
		state.PersonBanned:      codes.FailedPrecondition,
		state.NotInDirect:       codes.FailedPrecondition,
		state.NoSuchLink:        codes.NotFound,
		state.TooManyLinks:      codes.ResourceExhausted,
		state.Blocked:           codes.PermissionDenied,
		state.PersonErased:      codes.FailedPrecondition,
		state.ShutOutOfServer:   codes.PermissionDenied,
		state.RoomDeleted:       codes.FailedPrecondition,
		state.TooManyMembers:    codes.ResourceExhausted,
		state.TooManyBlocked:    codes.ResourceExhausted,
		state.UnsupportedRecord: codes.Internal,
	}
	for r := range countRefusals(t) {
		code, ok := want[state.Refusal(r)]
		if !ok {
			t.Errorf("refusal %d has no code here", r)
		}
		err := resultError(state.Result{Refusal: state.Refusal(r), Wait: 1})
		if status.Code(err) != code {
			t.Errorf("refusal %d: %v, want %v", r, err, code)
		}
		if code != codes.OK && code != codes.Internal && status.Convert(err).Message() == internalText {
			t.Errorf("refusal %d has no text of its own", r)
		}
	}
	if err := resultError(state.Result{Refusal: 255}); status.Code(err) != codes.Internal {
		t.Errorf("an unknown refusal: %v, want INTERNAL", err)
	}
}

// countRefusals counts the constants of state.Refusal in the source, so that a new one cannot be forgotten here.
func countRefusals(t *testing.T) state.Refusal {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "state/record.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		if kind, ok := group.Specs[0].(*ast.ValueSpec).Type.(*ast.Ident); ok && kind.Name == "Refusal" {
			return state.Refusal(len(group.Specs))
		}
	}
	t.Fatal("no constants of type Refusal in state/record.go")
	return 0
}

func TestSequencerError(t *testing.T) {
	t.Parallel()
	if err := sequencerError(nil); err != nil {
		t.Errorf("nil became %v", err)
	}
	secret := errors.New("/data/000012.log: input/output error")
	for _, c := range []struct {
		err   error
		code  codes.Code
		retry bool
		text  string
	}{
		{sequencer.ErrFull, codes.ResourceExhausted, true, "nothing was stored"},
		{fmt.Errorf("%w: %w", sequencer.ErrFull, context.DeadlineExceeded), codes.ResourceExhausted, true, "nothing was stored"},
		{sequencer.ErrStopped, codes.Unavailable, true, "nothing was stored"},
		{sequencer.ErrUnknown, codes.Unavailable, true, "outcome unknown: repeat with the same client_id"},
		{fmt.Errorf("%w: %w", sequencer.ErrUnknown, context.Canceled), codes.Unavailable, true, "outcome unknown"},
		{fmt.Errorf("%w: %w", sequencer.ErrUnknown, secret), codes.Unavailable, true, "outcome unknown"},
		{context.Canceled, codes.Canceled, false, "canceled"},
		{context.DeadlineExceeded, codes.DeadlineExceeded, false, "deadline"},
		{secret, codes.Unavailable, true, "outcome unknown"},
	} {
		err := sequencerError(c.err)
		if status.Code(err) != c.code || !strings.Contains(status.Convert(err).Message(), c.text) {
			t.Errorf("%v became %v, want %v %q", c.err, err, c.code, c.text)
		}
		if strings.Contains(err.Error(), "000012") {
			t.Errorf("%v tells an internal text", err)
		}
		if c.retry {
			if delay := detail[*errdetails.RetryInfo](t, err).GetRetryDelay().AsDuration(); delay <= 0 {
				t.Errorf("%v: retry after %v", c.err, delay)
			}
		} else if d := status.Convert(err).Details(); len(d) != 0 {
			t.Errorf("%v has details %v", c.err, d)
		}
	}
}

func TestInvalidArgumentNamesItsField(t *testing.T) {
	t.Parallel()
	err := invalidArgument("publish.room", "must not be empty")
	s := status.Convert(err)
	if s.Code() != codes.InvalidArgument || s.Message() != "publish.room: must not be empty" {
		t.Errorf("status %v", s)
	}
	violations := detail[*errdetails.BadRequest](t, err).GetFieldViolations()
	if len(violations) != 1 || violations[0].GetField() != "publish.room" || violations[0].GetDescription() != "must not be empty" {
		t.Errorf("violations %v", violations)
	}
}

func TestInternalErrorIsLoggedOnceAndSaysNothing(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	err := internalError(log, "read room", errors.New("sstable 7 is damaged"))
	s := status.Convert(err)
	if s.Code() != codes.Internal || s.Message() != "internal error" {
		t.Errorf("status %v", s)
	}
	reference := detail[*errdetails.RequestInfo](t, err).GetRequestId()
	line := out.String()
	if reference == "" || strings.Count(line, "\n") != 1 || !strings.Contains(line, "reference="+reference) ||
		!strings.Contains(line, "sstable 7 is damaged") || !strings.Contains(line, "level=ERROR") {
		t.Errorf("reference %q, log %q", reference, line)
	}

	out.Reset()
	if err := internalError(log, "read room", context.Canceled); status.Code(err) != codes.Canceled || out.Len() != 0 {
		t.Errorf("a caller that went away: %v, log %q", err, &out)
	}
}
