package bridge

import (
	"context"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// beginError is the status of a call for which NewStream failed with err. None of it comes from the upstream.
func (u *upstream) beginError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	return u.callError(err)
}

// lostError is the status of a call that ended with err, which the upstream did not say.
func (u *upstream) lostError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	if status.Code(err) != codes.Unavailable {
		return err // about the call, not about the connection: a message that is too large, a stream that was reset
	}
	return u.callError(err)
}

// callError says in our words why there was no call: those of grpc-go hold addresses and names of the network behind. They
// are logged; that there is no connection, once until the upstream answers again.
func (u *upstream) callError(err error) error {
	switch st := status.Convert(err); st.Code() {
	case codes.Unavailable:
		if !u.unreachable.Swap(true) {
			u.logger.Warn("bridge: the upstream cannot be reached", "upstream", u.name, "err", err)
		}
		return status.Errorf(codes.Unavailable, "%s: %s", u.name, failureKind(st.Message()))
	case codes.DeadlineExceeded, codes.Canceled:
		return status.Error(st.Code(), "the call ended before there was a connection")
	default:
		u.logger.Debug("bridge: a call to the upstream could not be begun", "upstream", u.name, "err", err)
		return status.Errorf(st.Code(), "%s: the call could not be begun", u.name)
	}
}

// reached notes that the upstream has answered.
func (u *upstream) reached() {
	if u.unreachable.Load() && u.unreachable.Swap(false) {
		u.logger.Info("bridge: the upstream answers again", "upstream", u.name)
	}
}

// failureKinds are what grpc-go's descriptions of a failed connection contain, and what of it is said to clients. grpc-go
// has no types for these; a text that is not listed is told as no connection.
var failureKinds = []struct{ text, kind string }{
	{"connection refused", "connection refused"},
	{"no such host", "its name is not known"},
	{"name resolver error", "its name is not known"},
	{"x509:", "its TLS certificate is not accepted"},
	{"tls:", "the TLS handshake failed"},
	{"authentication handshake failed", "the TLS handshake failed"},
	{"no route to host", "no route to it"},
	{"network is unreachable", "no route to it"},
	{"i/o timeout", "it does not answer"},
	{"deadline exceeded", "it does not answer"},
	{"keepalive ping", "it does not answer"},
	{"server preface", "it does not speak HTTP/2 there"},
	{"draining", "it is going away"},
	{"goaway", "it is going away"},
	{"error reading from server", "the connection was lost"},
	{"connection reset", "the connection was lost"},
	{"broken pipe", "the connection was lost"},
	{"EOF", "the connection was lost"},
	{"transport is closing", "the connection was lost"},
}

func failureKind(text string) string {
	for _, failure := range failureKinds {
		if strings.Contains(text, failure.text) {
			return failure.kind
		}
	}
	return "no connection"
}

// isTransportText reports whether a status message is one that grpc-go makes up when a connection fails under a call. See
// http2Client.Close, errStreamDrain and statusGoAway in google.golang.org/grpc/internal/transport.
func isTransportText(text string) bool {
	for _, prefix := range []string{
		"connection error:", "closing transport due to:", "transport is closing", "transport: ", "error reading from server",
		"the connection is draining", "the stream is rejected because server is draining", "latest balancer error:",
		"last connection error:", "name resolver error:", "keepalive ping",
	} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}
