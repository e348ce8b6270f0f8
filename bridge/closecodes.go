package bridge

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// CloseCode is a WebSocket close code (RFC 6455, section 7.4), with which the bridge says how a call ended.
//
//   - 1000: the call ended with OK;
//   - 4001 to 4399: 4000 + the gRPC code it ended with;
//   - 4400 and up: a connection error, the client broke the rules of docs/protocol.md;
//   - 1001, 1002, 1006, 1007, 1009: WebSocket's own; mostly the bridge had no say.
type CloseCode int

// The close codes that are not 4000 + a gRPC code.
const (
	CloseOK                CloseCode = 1000
	CloseGoingAway         CloseCode = 1001
	CloseWebSocketError    CloseCode = 1002
	CloseLost              CloseCode = 1006 // never on the wire: browsers report it (RFC 6455, section 7.1.5)
	CloseInvalidText       CloseCode = 1007
	CloseFrameTooBig       CloseCode = 1009
	CloseProtocolError     CloseCode = 4400
	CloseFirstFrameTimeout CloseCode = 4408
	CloseStreamReused      CloseCode = 4409
	CloseWrongFrameType    CloseCode = 4415
	CloseTooMany           CloseCode = 4429
)

const (
	closeStatusBase = 4000
	closeConnBase   = 4400

	// maxCloseReasonBytes is what a close frame has beside the code (RFC 6455, section 5.5: a control frame's payload has
	// at most 125 bytes). With a longer one gorilla sends no close frame at all, and the peer sees 1006.
	maxCloseReasonBytes = 123
)

// CloseCodeOf returns the close code of a call that ended with a status of code c. A code that grpc does not know and
// that would run into the connection errors becomes UNKNOWN.
func CloseCodeOf(c codes.Code) CloseCode {
	switch {
	case c == codes.OK:
		return CloseOK
	case c < closeConnBase-closeStatusBase:
		return CloseCode(closeStatusBase + int(c))
	default:
		return CloseCode(closeStatusBase + int(codes.Unknown))
	}
}

// Status returns the status of a call whose socket was closed with this code and reason. What the peer did not say
// itself, such as 1006, is UNAVAILABLE where another try may succeed and INTERNAL otherwise.
func (c CloseCode) Status(reason string) *status.Status {
	switch {
	case c == CloseOK:
		return status.New(codes.OK, "")
	case c > closeStatusBase && c < closeConnBase:
		return status.New(codes.Code(c-closeStatusBase), reason)
	case c.Retry():
		return status.Newf(codes.Unavailable, "socket closed with %d: %s", int(c), reason)
	default:
		return status.Newf(codes.Internal, "socket closed with %d: %s", int(c), reason)
	}
}

// Retry reports whether the same call may succeed later on a new socket: reconnect, with backoff. For a code that is not
// in the table it is false.
func (c CloseCode) Retry() bool {
	for _, row := range closeTable {
		if row.code == c {
			return row.retry
		}
	}
	return false
}

// String returns the code with its name, such as "4014 UNAVAILABLE".
func (c CloseCode) String() string {
	for _, row := range closeTable {
		if row.code == c {
			return fmt.Sprintf("%d %s", int(c), row.name)
		}
	}
	return fmt.Sprint(int(c))
}

type closeRow struct {
	code    CloseCode
	name    string
	meaning string
	retry   bool // reconnect, with backoff
}

// closeTable is the one place that says what each close code means and which to reconnect on; docs/protocol.md prints it.
var closeTable = []closeRow{
	{CloseOK, "OK", "the call ended with OK", false},
	{CloseGoingAway, "going away", "the page was left, or a proxy is shutting down", true},
	{CloseWebSocketError, "WebSocket protocol error", "a frame that RFC 6455 forbids, such as an unmasked one, or a compressed one that was not agreed on", false},
	{CloseLost, "lost", "the connection broke, was refused, or its peer was silent or stalled; there is no close frame", true},
	{CloseInvalidText, "invalid text", "a text frame that is not UTF-8", false},
	{CloseFrameTooBig, "frame too big", "a frame over the limit of a proxy; the bridge's own limit says 4008", false},
	{4001, "CANCELLED", "the service cancelled the call", false},
	{4002, "UNKNOWN", "an error without a code", false},
	{4003, "INVALID_ARGUMENT", "a frame that cannot be decoded, or a value the service refuses", false},
	{4004, "DEADLINE_EXCEEDED", "the call's time was over", false},
	{4005, "NOT_FOUND", "what the call names does not exist", false},
	{4006, "ALREADY_EXISTS", "what the call makes exists", false},
	{4007, "PERMISSION_DENIED", "the caller may not do this", false},
	{4008, "RESOURCE_EXHAUSTED", "over a limit: of a message's size, or of the service", false},
	{4009, "FAILED_PRECONDITION", "not in the present state", false},
	{4010, "ABORTED", "lost a race", true},
	{4011, "OUT_OF_RANGE", "past the valid range", false},
	{4012, "UNIMPLEMENTED", "no such service or method here", false},
	{4013, "INTERNAL", "a fault of the server, or a second message in a call that takes one", false},
	{4014, "UNAVAILABLE", "the server is going away or cannot serve now", true},
	{4015, "DATA_LOSS", "data was lost for good", false},
	{4016, "UNAUTHENTICATED", "no valid token; reconnect with another one", false},
	{CloseProtocolError, "protocol error", "a frame out of place, malformed, or without credit", false},
	{CloseFirstFrameTimeout, "first frame timeout", "no frame came to start the call, or no SETTINGS", true},
	{CloseStreamReused, "stream reused", "an OPEN whose stream is not higher than all before it", false},
	{CloseWrongFrameType, "wrong frame type", "a binary frame in a JSON call, or a text frame in a protobuf call or in multiplexed mode", false},
	{CloseTooMany, "too many", "calls were reset or refused, or PINGs sent, more often than the server takes", true},
}

// closeReason cuts a status message to what a close frame can carry, at a rune boundary, and makes it valid UTF-8, since a
// peer has to fail a connection whose close reason is not (RFC 6455, section 8.1).
func closeReason(message string) string {
	return cut(strings.ToValidUTF8(message, "\uFFFD"), maxCloseReasonBytes)
}

// cut returns the longest prefix of s of at most n bytes that ends at a rune boundary.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
