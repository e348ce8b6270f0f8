package bridge

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// binSuffix marks metadata whose values are bytes; in JSON they are base64.
// See https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
const binSuffix = "-bin"

// metadatumBytes is what an entry counts beside its key and value (RFC 9113, section 6.5.2).
const metadatumBytes = 32

// handshakeHeaders are the headers of the handshake that become metadata of the call. Cookies are not among them: a browser
// sends them for any page, so a service that took them for an identity would serve pages of other origins too.
var handshakeHeaders = []string{
	"Authorization", "User-Agent", "Accept-Language", "Traceparent", "Tracestate", "Baggage", "X-Request-Id",
}

// handshakeMetadata is the metadata that comes from the handshake.
type handshakeMetadata = metadata.MD

func metadataOfHandshake(r *http.Request) handshakeMetadata {
	md := metadata.MD{":authority": {r.Host}}
	for _, name := range handshakeHeaders {
		for _, value := range r.Header.Values(name) {
			if isPrintable(value) {
				key := strings.ToLower(name)
				md[key] = append(md[key], value)
			}
		}
	}
	return md
}

// isReserved reports whether a key belongs to the transport or to a proxy in front of it, so that neither a frame nor a
// service may set it: services trust these keys to come from where they are made.
func isReserved(key string) bool {
	for _, prefix := range []string{":", "grpc-", "x-forwarded-", "x-envoy-", "proxy-", "sec-"} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	switch key {
	case "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings", // hop by hop
		"content-type", "content-length", "user-agent", "host", "origin", "cookie", "set-cookie",
		"forwarded", "x-real-ip", "via":
		return true
	}
	return false
}

// metadataFromFrame turns the metadata of an @open frame into a call's. Reserved keys are dropped, as grpc-go drops them.
// The error is a status: INVALID_ARGUMENT for what cannot be metadata, RESOURCE_EXHAUSTED over the limit.
func metadataFromFrame(entries map[string]metadataValues, maxBytes int) (metadata.MD, error) {
	md := make(metadata.MD, len(entries))
	size := 0
	for name, values := range entries {
		key := strings.ToLower(name)
		if isReserved(key) {
			continue
		}
		if !isMetadataKey(key) {
			return nil, invalidField("metadata", fmt.Sprintf("%q is not a metadata key", cut(name, 64)))
		}
		for _, value := range values {
			if size += len(key) + len(value) + metadatumBytes; size > maxBytes {
				return nil, status.Errorf(codes.ResourceExhausted, "metadata larger than max (%d bytes)", maxBytes)
			}
			if strings.HasSuffix(key, binSuffix) {
				decoded, err := decodeBase64(value)
				if err != nil {
					return nil, invalidField("metadata."+key, "not base64")
				}
				value = decoded
			} else if !isPrintable(value) {
				return nil, invalidField("metadata."+key, "not printable ASCII")
			}
			md[key] = append(md[key], value)
		}
	}
	return md, nil
}

// metadataToFrame is the metadata of a service as a frame shows it, without what a service may not set.
func metadataToFrame(md metadata.MD) map[string]metadataValues {
	entries := make(map[string]metadataValues, len(md))
	for key, values := range md {
		if isReserved(key) || len(values) == 0 {
			continue
		}
		if strings.HasSuffix(key, binSuffix) {
			for _, value := range values {
				entries[key] = append(entries[key], base64.StdEncoding.EncodeToString([]byte(value)))
			}
			continue
		}
		entries[key] = values
	}
	return entries
}

// validateMetadata checks metadata that a service sets, by the rules of grpc-go.
func validateMetadata(md metadata.MD) error {
	for key, values := range md {
		if !isMetadataKey(key) {
			return fmt.Errorf("header key %q contains illegal characters not in [0-9a-z-_.]", key)
		}
		if strings.HasSuffix(key, binSuffix) {
			continue
		}
		for _, value := range values {
			if !isPrintable(value) {
				return fmt.Errorf("header key %q contains value with non-printable ASCII characters", key)
			}
		}
	}
	return nil
}

func isMetadataKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return key != ""
}

func isPrintable(value string) bool {
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return false
		}
	}
	return true
}

// decodeBase64 takes the standard and the URL alphabet, padded or not: gRPC asks implementations to take both paddings.
func decodeBase64(value string) (string, error) {
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(value, "-_") {
		encoding = base64.RawURLEncoding
	}
	decoded, err := encoding.DecodeString(strings.TrimRight(value, "="))
	return string(decoded), err
}
