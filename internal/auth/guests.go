package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// GuestLifetime is how long a guest's token proves its identity.
const GuestLifetime = 365 * 24 * time.Hour

// MaxNameBytes is the longest name that a token carries: 64 characters of 4 bytes.
const MaxNameBytes = 256

// A guest token is the unpadded base64url encoding of a payload and its HMAC-SHA256. The payload is
//
//	version  1 byte, 1
//	expiry   8 bytes, big endian, unix seconds
//	id       16 random bytes
//	length   2 bytes, big endian
//	name     that many bytes of UTF-8
//
// The HMAC covers tokenDomain and the payload, so that nothing else signed with the same key passes for a token.
const (
	tokenVersion    = 1
	tokenDomain     = "rialto guest token\x00"
	idBytes         = 16
	headBytes       = 1 + 8 + idBytes + 2
	maxPayloadBytes = headBytes + MaxNameBytes
)

var (
	maxTokenBytes = base64.RawURLEncoding.EncodedLen(maxPayloadBytes + sha256.Size)
	idEncoding    = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
)

// Guests makes identities that prove nothing but to hold a token that this server signed, and is their [Authenticator].
// It keeps no list of them. Safe for concurrent use.
type Guests struct {
	key Key
	now func() time.Time
}

var _ Authenticator = (*Guests)(nil)

// NewGuests returns the guests of one key. Tokens made with another key are invalid. now is time.Now but in tests.
func NewGuests(key Key, now func() time.Time) *Guests {
	return &Guests{key: key, now: now}
}

// Issue makes a fresh identity, with a random id, and the token that proves it until Principal.Expires. It chooses a
// name where none is given. An error says that the name does not fit into a token; the rules for names are the caller's.
func (g *Guests) Issue(name string) (p Principal, token string, err error) {
	if len(name) > MaxNameBytes || !utf8.ValidString(name) {
		return Principal{}, "", fmt.Errorf("auth: a guest's name must be valid UTF-8 of at most %d bytes", MaxNameBytes)
	}
	var id [idBytes]byte
	rand.Read(id[:]) // never fails: crypto/rand
	p = Principal{ID: guestID(id), Name: name, Guest: true, Expires: time.Unix(g.now().Add(GuestLifetime).Unix(), 0)}
	if name == "" {
		p.Name = "Guest " + strings.TrimPrefix(p.ID, guestPrefix)[:5]
	}
	return p, g.sign(id, p), nil
}

func (g *Guests) sign(id [idBytes]byte, p Principal) string {
	b := make([]byte, 0, maxPayloadBytes+sha256.Size)
	b = append(b, tokenVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(p.Expires.Unix()))
	b = append(b, id[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(p.Name)))
	b = append(b, p.Name...)
	return base64.RawURLEncoding.EncodeToString(append(b, g.mac(b)...))
}

// Authenticate implements [Authenticator]. The error's text names the cause, for the log, and nothing of the token.
func (g *Guests) Authenticate(_ context.Context, token string) (Principal, error) {
	p, err := g.verify(token)
	if err != nil {
		return Principal{}, fmt.Errorf("%w: %w", ErrInvalidToken, err)
	}
	return p, nil
}

var (
	errMalformed = errors.New("malformed")
	errSignature = errors.New("signature does not match")
	errExpired   = errors.New("expired")
)

func (g *Guests) verify(token string) (Principal, error) {
	if len(token) > maxTokenBytes {
		return Principal{}, errMalformed
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	// The decoder ignores line breaks and bits after the last byte: one token must have one spelling.
	if err != nil || len(b) < headBytes+sha256.Size || base64.RawURLEncoding.EncodeToString(b) != token {
		return Principal{}, errMalformed
	}
	payload, mac := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if !hmac.Equal(mac, g.mac(payload)) {
		return Principal{}, errSignature
	}
	return g.decode(payload)
}

// decode reads a payload that this server signed.
func (g *Guests) decode(payload []byte) (Principal, error) {
	name := payload[headBytes:]
	if payload[0] != tokenVersion || int(binary.BigEndian.Uint16(payload[headBytes-2:])) != len(name) {
		return Principal{}, errMalformed
	}
	p := Principal{
		ID:      guestID([idBytes]byte(payload[9:])),
		Name:    string(name),
		Guest:   true,
		Expires: time.Unix(int64(binary.BigEndian.Uint64(payload[1:])), 0),
	}
	if !g.now().Before(p.Expires) {
		return Principal{}, errExpired
	}
	return p, nil
}

func (g *Guests) mac(payload []byte) []byte {
	h := hmac.New(sha256.New, g.key[:])
	h.Write([]byte(tokenDomain))
	h.Write(payload)
	return h.Sum(nil)
}

const guestPrefix = "guest-"

func guestID(id [idBytes]byte) string { return guestPrefix + idEncoding.EncodeToString(id[:]) }
