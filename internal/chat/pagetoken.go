package chat

import (
	"encoding/base64"
	"strings"
)

// A page token is the unpadded base64url encoding of a letter that names the list, what the list is of, and the last key
// of the page before. It is no secret: it says where to go on, and what may be read is decided anew on every page.
const (
	roomsToken       = "r"
	membersToken     = "m"
	bansToken        = "b"
	invitationsToken = "i"
	requestsToken    = "q"
	auditToken       = "a"
	serverBansToken  = "s"
	actsToken        = "o"
)

// pageToken returns the token for going on after key in the list that kind and of name. Neither holds a zero byte.
func pageToken(kind, of, key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(kind + of + "\x00" + key))
}

// maxPageTokenBytes is beyond what [pageToken] makes of any id.
const maxPageTokenBytes = 1024

// parsePageToken returns the key of a token that [pageToken] made for the same list; "" for the empty token.
func parsePageToken(kind, of, token string) (key string, err error) {
	if token == "" {
		return "", nil
	}
	if len(token) <= maxPageTokenBytes {
		b, _ := base64.RawURLEncoding.DecodeString(token) // what is no base64 does not come out as it went in
		key, _ = strings.CutPrefix(string(b), kind+of+"\x00")
	}
	if key == "" || pageToken(kind, of, key) != token {
		return "", errPageToken()
	}
	return key, nil
}

func errPageToken() error { return invalidArgument("page_token", "must come from the page before") }
