package client

import (
	"math/rand/v2"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// backoff is exponential with full jitter: every wait is drawn from the whole range, which spreads a crowd of clients
// best (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
type backoff struct{ base, limit time.Duration }

// delay returns how long to wait before the next attempt; attempt counts from 0. What the server asked for is a floor
// that the jitter comes on top of, since it asked everybody for the same.
func (b backoff) delay(attempt int, err error) time.Duration {
	most := b.base << min(attempt, 30)
	if most > b.limit || most <= 0 {
		most = b.limit
	}
	wait, _ := retryInfo(err)
	return wait + rand.N(most+1)
}

// retryInfo returns the delay that a google.rpc.RetryInfo in err asks for.
func retryInfo(err error) (time.Duration, bool) {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return max(info.GetRetryDelay().AsDuration(), 0), true
		}
	}
	return 0, false
}

// sessionOver reports whether a session that ended with err would end the same way again: who we are or what we say is
// wrong. All else, an orderly end included, may be better next time.
func sessionOver(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented,
		codes.FailedPrecondition, codes.NotFound:
		return true
	default:
		return false
	}
}

// refusedForNow reports whether a command that was refused with err is worth repeating as it is, if it does nothing when it
// was done before.
func refusedForNow(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded:
		return true
	default:
		return surelyNotDone(err)
	}
}

// surelyNotDone reports whether a command was refused with err for now, and before anything was done: too much was asked for.
func surelyNotDone(err error) bool {
	_, later := retryInfo(err)
	return later && status.Code(err) == codes.ResourceExhausted
}
