package terminal

import (
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// reason is what to tell a person about an error: a status without its code, and a failed connection without the layers
// that grpc-go wraps around the dialer's words.
func reason(err error) string {
	s, ok := status.FromError(err)
	if !ok {
		return err.Error()
	}
	if s.Code() == codes.DeadlineExceeded {
		return "no answer from the server in time"
	}
	text := s.Message()
	if _, cause, wrapped := strings.Cut(text, `connection error: desc = "`); wrapped {
		text = strings.TrimSuffix(cause, `"`)
	}
	switch {
	case strings.HasPrefix(text, "error reading server preface"):
		text += " (is this the server's gRPC port, and does it ask for TLS?)"
	case strings.Contains(text, "malformed HTTP response"): // and then what came, which is not for people
		text = "what answers does not speak HTTP/1.1 (is this the server's port for browsers, and does it ask for TLS?)"
	}
	return strings.TrimPrefix(text, "transport: Error while dialing: ")
}
