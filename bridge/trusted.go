package bridge

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"
)

// trustedHeaders are the names that only the handshake may say, in lower case. A proxy in front of the bridge sets or
// removes them; what a page puts into frames or subprotocols never does.
type trustedHeaders []string

// WithTrustedHeaders makes headers of the handshake metadata of its calls, such as "x-user" or "x-forwarded-for" that an
// authenticating proxy sets. The same names in a client's frames are dropped, and so is the token of a subprotocol if
// "authorization" is one of them. A client that reaches the bridge past the proxy can set them all: see to it that none can.
//
// Names are case-insensitive; values of names that end in "-bin" are base64. Refused are names of the protocol itself:
// those that begin with ":", "grpc-" or "sec-", and hop-by-hop headers.
func WithTrustedHeaders(names ...string) HandlerOption {
	return handlerOptionFunc(func(c *handlerConfig) error {
		for _, name := range names {
			key := strings.ToLower(name)
			if !isMetadataKey(key) || isOfProtocol(key) {
				return fmt.Errorf("trusted header %q cannot be metadata of a call", name)
			}
			if !slices.Contains(c.trusted, key) {
				c.trusted = append(c.trusted, key)
			}
		}
		return nil
	})
}

// isOfProtocol reports whether a reserved key is HTTP's, WebSocket's or gRPC's own, rather than something a proxy may say
// about a client.
func isOfProtocol(key string) bool {
	for _, prefix := range []string{":", "grpc-", "sec-"} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	switch key {
	case "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings", "proxy-connection",
		"content-type", "content-length", "user-agent", "host":
		return true
	}
	return false
}

// copyFrom puts what the handshake says under the trusted names into md. Values that cannot be metadata are left out.
func (t trustedHeaders) copyFrom(md metadata.MD, r *http.Request) {
	for _, key := range t {
		delete(md, key)
		for _, value := range r.Header.Values(key) {
			if strings.HasSuffix(key, binSuffix) {
				decoded, err := decodeBase64(value)
				if err != nil {
					continue
				}
				value = decoded
			} else if !isPrintable(value) {
				continue
			}
			md[key] = append(md[key], value)
		}
	}
}

// removeFrom takes the trusted names out of metadata that a client has sent otherwise.
func (t trustedHeaders) removeFrom(md metadata.MD) {
	for _, key := range t {
		delete(md, key)
	}
}
