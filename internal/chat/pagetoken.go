package chat

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"math"
	"strconv"
	"strings"

	"github.com/rialto-rpc/rialto/internal/auth"
)

// The lists whose pages have tokens.
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

// pageTokens makes and opens page tokens. A token says where a list goes on, which may be behind something that the caller may
// not see: so it is sealed, for its list only, and padded. What may be read is decided anew on every page. Safe for concurrent
// use.
type pageTokens struct{ aead cipher.AEAD }

// newPageTokens returns those of a key; of the zero key, which is none, tokens that end with this process.
func newPageTokens(key auth.Key) pageTokens {
	if key == (auth.Key{}) {
		rand.Read(key[:]) // never fails: crypto/rand
	}
	block, err := aes.NewCipher(key[:])
	if err == nil {
		var aead cipher.AEAD
		if aead, err = cipher.NewGCMWithRandomNonce(block); err == nil {
			return pageTokens{aead}
		}
	}
	panic(err) // never: the key has a length that AES takes, and AES blocks that GCM takes
}

// listing is what pages are of: its kind, and whose it is, "" for a list of the server. Neither this nor a key of its entries ends
// with a zero byte.
type listing struct {
	tokens   pageTokens
	kind, of string
}

func (e *engine) listing(kind, of string) listing { return listing{e.pageTokens, kind, of} }

const (
	tokenStep = 64 // bytes, of which what is sealed is a multiple: room ids all look alike
	// maxPageTokenBytes is beyond what [listing.token] makes of any id.
	maxPageTokenBytes = 1024
)

// token returns what a page goes on with after the entry that has a key.
func (l listing) token(key string) string {
	padded := make([]byte, (len(key)+tokenStep-1)/tokenStep*tokenStep)
	copy(padded, key)
	return base64.RawURLEncoding.EncodeToString(l.tokens.aead.Seal(nil, nil, padded, []byte(l.kind+l.of)))
}

// after returns the key of a token that [listing.token] made for this list; "" for the empty token, which is the first page's.
func (l listing) after(token string) (key string, err error) {
	if token == "" || len(token) > maxPageTokenBytes {
		return "", errPageToken(token)
	}
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || base64.RawURLEncoding.EncodeToString(sealed) != token {
		return "", errPageToken(token)
	}
	padded, err := l.tokens.aead.Open(nil, nil, sealed, []byte(l.kind+l.of))
	if err != nil {
		return "", errPageToken(token)
	}
	return strings.TrimRight(string(padded), "\x00"), nil
}

// before is after for a list of what is numbered, newest first; 0 for the first page.
func (l listing) before(token string) (n uint64, err error) {
	key, err := l.after(token)
	if err != nil || key == "" {
		return 0, err
	}
	if n, err = strconv.ParseUint(key, 10, 64); err != nil || n == 0 || n > math.MaxInt64 {
		return 0, errPageToken(token)
	}
	return n, nil
}

// errPageToken returns the status of a token that is none of a list's; nil for no token.
func errPageToken(token string) error {
	if token == "" {
		return nil
	}
	return invalidArgument("page_token", "must come from the page before")
}

// page returns the first n entries of a list and the token of the next page, "" if there is none. One more than n was asked for,
// where there is one.
func page[T any](l listing, entries []T, n int, key func(T) string) ([]T, string) {
	if len(entries) <= n {
		return entries, ""
	}
	return entries[:n], l.token(key(entries[n-1]))
}
