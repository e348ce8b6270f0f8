package auth

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

// OperatorKey is what an operator proves themselves with, on the server's own machine. In its file, and as the call's only
// `authorization` metadata, "Bearer <key>", it is unpadded base64url. As [credentials.PerRPCCredentials] it goes with every call,
// also without TLS. The zero OperatorKey admits nobody.
type OperatorKey struct {
	text string
}

var _ credentials.PerRPCCredentials = OperatorKey{}

// Format keeps the key out of everything printed, whatever the verb.
func (OperatorKey) Format(s fmt.State, _ rune) { io.WriteString(s, "auth.OperatorKey") }

// LogValue keeps the key out of structured logs.
func (OperatorKey) LogValue() slog.Value { return slog.StringValue("auth.OperatorKey") }

// LoadOrCreateOperatorKey is [LoadOrCreateKey] for an operator's key.
func LoadOrCreateOperatorKey(path string) (OperatorKey, error) {
	key, err := LoadOperatorKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := createKey(path, func(key Key) []byte { return append(encodeKey(key), '\n') }); err != nil && !errors.Is(err, fs.ErrExist) {
		return OperatorKey{}, fmt.Errorf("create the operator's key: %w", err)
	}
	return LoadOperatorKey(path)
}

// LoadOperatorKey reads the key in a file. The error names the file.
func LoadOperatorKey(path string) (OperatorKey, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return OperatorKey{}, fmt.Errorf("read the operator's key: %w", err)
	}
	text := strings.TrimSpace(string(b))
	if key, err := base64.RawURLEncoding.DecodeString(text); err != nil || len(key) != len(Key{}) {
		return OperatorKey{}, fmt.Errorf("read the operator's key: %s has none: remove it, and the server makes another one at its start", path)
	}
	return OperatorKey{text}, nil
}

func encodeKey(key Key) []byte { return base64.RawURLEncoding.AppendEncode(nil, key[:]) }

// Admits reports whether a call carries the key. How long it takes says nothing of the key.
func (k OperatorKey) Admits(ctx context.Context) bool {
	token, ok := bearer(metadata.ValueFromIncomingContext(ctx, "authorization"))
	return ok && k.text != "" && subtle.ConstantTimeCompare([]byte(token), []byte(k.text)) == 1
}

// GetRequestMetadata implements [credentials.PerRPCCredentials].
func (k OperatorKey) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + k.text}, nil
}

// RequireTransportSecurity implements [credentials.PerRPCCredentials]: the key does not leave the machine.
func (OperatorKey) RequireTransportSecurity() bool { return false }
