// Package auth turns a call's token into a [Principal], for gRPC and the bridge alike.
package auth

import (
	"context"
	"errors"
	"time"
)

// Principal is who makes a call, as verified.
type Principal struct {
	ID      string // the identity; guests' start with "guest-"
	Name    string // the name to show; chosen by its holder, proves nothing
	Guest   bool
	Expires time.Time // when the proof ends; zero: never
}

// ErrInvalidToken is wrapped by the error for a token that is malformed, expired or not signed by this server. That
// error's text may name the cause, never the token: it is for the log at debug level, and a client sees one text for all.
var ErrInvalidToken = errors.New("auth: invalid token")

// Authenticator verifies tokens. Implementations are safe for concurrent use.
type Authenticator interface {
	// Authenticate returns who holds the token, or an error that is ErrInvalidToken.
	Authenticate(ctx context.Context, token string) (Principal, error)
}

type principalKey struct{}

// WithPrincipal returns a context that carries p.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// FromContext returns the call's principal; false for a call without a token.
func FromContext(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}
