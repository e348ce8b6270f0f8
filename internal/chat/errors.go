package chat

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// This file is the one place where verdicts and Go errors become gRPC status. No text that leaves here comes from an
// error of a lower layer or from a request.

// Delays after which a later try may succeed, for google.rpc.RetryInfo. They are short because what they wait for is:
// one commit, one queue. Clients add their own jitter and backoff.
const (
	retryFull    = 500 * time.Millisecond
	retryUnknown = 200 * time.Millisecond
	retryStopped = time.Second
	retryBehind  = time.Second
	retryStalled = time.Second
	retryDisk    = 10 * time.Second
	retryCut     = time.Second
)

// resultError returns the status of a verdict; nil for an accepted command.
func resultError(r state.Result) error {
	switch r.Refusal {
	case state.Accepted:
		return nil
	case state.NoSuchRoom:
		return errNoSuchRoom
	case state.NoSuchMessage:
		return errNoSuchMessage
	case state.RoomExists:
		return status.Error(codes.AlreadyExists, "the room id is taken")
	case state.NotSender:
		return status.Error(codes.PermissionDenied, "somebody else's message")
	case state.RoleTooLow:
		return status.Error(codes.PermissionDenied, "your role in the room does not allow this")
	case state.MessageDeleted:
		return status.Error(codes.FailedPrecondition, "the message is deleted")
	case state.MessageNotText:
		return status.Error(codes.FailedPrecondition, "the message is not text")
	case state.RevMoved:
		return status.Error(codes.Aborted, "the message changed since expected_rev: read it again")
	case state.ClientIDReused:
		return status.Error(codes.AlreadyExists, "client_id was used for other content")
	case state.SeqAboveHead:
		return status.Error(codes.OutOfRange, "seq is above the room's head")
	case state.TooManyReactions:
		return quotaError(MaxReactions)
	case state.TooManyMembers:
		return quotaError(MaxMembers)
	case state.TooSoon:
		return retryable(codes.ResourceExhausted, "the room is in slow mode", time.Duration(r.Wait)*time.Millisecond)
	case state.Banned:
		return status.Error(codes.PermissionDenied, "you are banned from the room")
	case state.Muted:
		if r.Wait == 0 {
			return status.Error(codes.PermissionDenied, "you are muted in the room")
		}
		return retryable(codes.PermissionDenied, "you are muted in the room", time.Duration(r.Wait)*time.Millisecond)
	case state.RoomArchived:
		return status.Error(codes.FailedPrecondition, "the room is archived")
	case state.NoSuchMember:
		return status.Error(codes.FailedPrecondition, "that user is not a member of the room")
	case state.PersonBanned:
		return status.Error(codes.FailedPrecondition, "that user is banned from the room")
	case state.NotInDirect:
		return status.Error(codes.FailedPrecondition, "not in a direct room")
	case state.NoSuchLink:
		return status.Error(codes.NotFound, "no such link, or it has ended or been used up")
	case state.TooManyLinks:
		return withDetail(codes.ResourceExhausted, "the room has as many links as it can", quota("room", "20 links"))
	case state.PersonErased:
		return status.Error(codes.FailedPrecondition, "that user does not exist any more")
	case state.ShutOutOfServer:
		return errBannedFromServer
	case state.RoomDeleted:
		return status.Error(codes.FailedPrecondition, "the room was deleted, and its id is not used again")
	case state.TooManyBlocked:
		return withDetail(codes.ResourceExhausted, "more users than one may block", quota("user", "1,000 blocked"))
	case state.Blocked:
		return status.Error(codes.PermissionDenied, "one of those users does not want this")
	default: // UnsupportedRecord: this process wrote a record that it cannot read. Our bug, whatever the client sent.
		return status.Error(codes.Internal, internalText)
	}
}

var (
	errNoSuchRoom      = status.Error(codes.NotFound, "no such room")
	errNoSuchMessage   = status.Error(codes.NotFound, "no such message")
	errUnauthenticated = status.Error(codes.Unauthenticated, "this needs a token: see CreateGuest")
	errInvalidToken    = status.Error(codes.Unauthenticated, "invalid token")
	errNoGuests        = status.Error(codes.PermissionDenied, "this server admits no guests")
	errLateHello       = status.Error(codes.FailedPrecondition, "hello must be the first command")
	errNotHere         = status.Error(codes.PermissionDenied, "the operator's service answers this machine only")
	errNoOperator      = status.Error(codes.Unauthenticated, "this needs the operator's key, which is in the server's data directory")
	errNotJoined       = status.Error(codes.FailedPrecondition, "the room is not joined")
	errLeft            = status.Error(codes.Aborted, "the room was left before its position was reached")
	// errBannedFromServer ends streams, too, and coming back does not help: clients tell it by the reason of its
	// google.rpc.ErrorInfo.
	errBannedFromServer = withDetail(codes.PermissionDenied, "you are banned from this server",
		&errdetails.ErrorInfo{Reason: "BANNED_FROM_SERVER", Domain: "rialto"})

	errUnsupportedRecord = errors.New("the state machine refused a record of this process") // a cause, not a status
)

// sequencerError returns the status of an error from Append; nil for nil. An error that the sequencer does not promise
// counts as an unknown outcome, because nothing says that the record is not stored.
func sequencerError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sequencer.ErrFull):
		return retryable(codes.ResourceExhausted, "the server is busy; nothing was stored", retryFull)
	case errors.Is(err, sequencer.ErrStopped):
		return retryable(codes.Unavailable, "the server is going away; nothing was stored", retryStopped)
	case errors.Is(err, sequencer.ErrUnknown):
		return errOutcomeUnknown()
	}
	if s := contextError(err); s != nil {
		return s
	}
	return errOutcomeUnknown()
}

func errOutcomeUnknown() error {
	return retryable(codes.Unavailable, "outcome unknown: repeat with the same client_id", retryUnknown)
}

// errDiskFull returns the status of a write that the disk has no room for. Reads go on.
func errDiskFull() error {
	return retryable(codes.ResourceExhausted, "the server's disk is nearly full; nothing was stored", retryDisk)
}

// errStalled returns the status of a stream whose client takes nothing any more. It may come back and resume.
func errStalled() error {
	return retryable(codes.ResourceExhausted, "the client takes nothing from this stream", retryStalled)
}

// errDisconnected returns the status of a stream that an operator has ended. Its client may come back.
func errDisconnected() error {
	return retryable(codes.Unavailable, "the stream was ended by an operator", retryCut)
}

// errBackUp returns the status of a backup that was not made. The operator sees why: it is their file system.
func errBackUp(cause error) error { return status.Error(codes.FailedPrecondition, cause.Error()) }

// contextError returns the status of a context's end; nil for every other error.
func contextError(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, "canceled")
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, "deadline exceeded")
	}
	return nil
}

// invalidArgument returns INVALID_ARGUMENT with a google.rpc.BadRequest that names the field by its path in the request,
// such as "publish.room". The description must not repeat the value.
func invalidArgument(field, description string) error {
	return withDetail(codes.InvalidArgument, field+": "+description, &errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: field, Description: description}},
	})
}

// invalidSize is [invalidArgument] for a field over a limit that an operator sets, which a google.rpc.QuotaFailure names.
func invalidSize(field string, l Limit, most int) error {
	description := fmt.Sprintf("must be at most %d bytes", most)
	s, err := status.Convert(invalidArgument(field, description)).WithDetails(quota(limitTexts[l].subject, l.String()))
	if err != nil { // never: see withDetail
		return invalidArgument(field, description)
	}
	return s.Err()
}

// rateError returns the status of what is done too often. Its google.rpc.RetryInfo says when there will be a token, in
// whole milliseconds: not before.
func rateError(l Limit, wait time.Duration) error {
	wait = (wait + time.Millisecond - 1).Truncate(time.Millisecond)
	return retryable(codes.ResourceExhausted, fmt.Sprintf("%s (%v)", limitTexts[l].excess, l), wait)
}

// quotaError returns the status of what there is enough of. Waiting does not help: a google.rpc.QuotaFailure says so.
func quotaError(l Limit) error {
	t := limitTexts[l]
	return withDetail(codes.ResourceExhausted, fmt.Sprintf("%s (%v)", t.excess, l), quota(t.subject, t.name))
}

// retryable returns a status with a google.rpc.RetryInfo.
func retryable(code codes.Code, text string, after time.Duration) error {
	return withDetail(code, text, &errdetails.RetryInfo{RetryDelay: durationpb.New(after)})
}

// quota says which limit was reached, and of what, where waiting does not help.
func quota(subject, name string) *errdetails.QuotaFailure {
	return &errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{Subject: subject, Description: name}}}
}

const internalText = "internal error"

// internalError logs what went wrong, once, and returns INTERNAL with a fixed text and a google.rpc.RequestInfo whose
// request_id stands beside the cause in the log. The end of a context is no fault and keeps its own code.
func internalError(log *slog.Logger, doing string, cause error) error {
	if s := contextError(cause); s != nil {
		return s
	}
	return logged(log, "internal error", "doing", doing, "err", cause)
}

// logged is the status of a fault of ours, whose reference stands in the log.
func logged(log *slog.Logger, what string, attrs ...any) error {
	reference := rand.Text()
	log.Error(what, append(attrs, "reference", reference)...)
	return withDetail(codes.Internal, internalText, &errdetails.RequestInfo{RequestId: reference})
}

func withDetail(code codes.Code, text string, detail protoadapt.MessageV1) error {
	s := status.New(code, text)
	if d, err := s.WithDetails(detail); err == nil { // only fails for codes.OK and for messages that cannot be marshaled
		s = d
	}
	return s.Err()
}
