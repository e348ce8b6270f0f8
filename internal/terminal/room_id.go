package terminal

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxRoomIDLength is the most characters that a room id has; rialto.chat.v1.Room.id says how one looks.
const maxRoomIDLength = 64

// roomIDProblem says what is wrong with a room id, in words for the person who typed it; empty if nothing is.
func roomIDProblem(id string) string {
	if length := utf8.RuneCountInString(id); length > maxRoomIDLength {
		return fmt.Sprintf("a room's id has at most %d characters; this one has %d", maxRoomIDLength, length)
	}
	for _, r := range id {
		switch {
		case isLowerOrDigit(r) || strings.ContainsRune("._-", r):
		case 'A' <= r && r <= 'Z':
			return "a room's id is in lower case"
		case r == ' ':
			return "a room's id has no spaces"
		default:
			return fmt.Sprintf("a room's id cannot contain “%c”", r)
		}
	}
	if first, _ := utf8.DecodeRuneInString(id); !isLowerOrDigit(first) {
		return "a room's id starts with a letter or a digit"
	}
	return ""
}

// refusedID says, like [roomIDProblem], what is wrong with the id of a room that the server refused with err; empty if that is
// not why.
func refusedID(id string, err error) string {
	if status.Code(err) != codes.InvalidArgument {
		return ""
	}
	return roomIDProblem(id)
}

func isLowerOrDigit(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' }
