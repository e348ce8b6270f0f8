package bridge

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
)

const (
	// SubprotocolPlain is the WebSocket subprotocol of plain mode with control frames: metadata and a deadline in @open,
	// response headers in @headers, status details and trailers in @end.
	SubprotocolPlain = "rialto.plain.v1"

	// SubprotocolBearerPrefix starts a second offered subprotocol that carries the call's token: base64url without padding
	// follows. It is how a page sets a token without putting it into a URL; the server never echoes it.
	SubprotocolBearerPrefix = "rialto.bearer."
)

// offer is what a client's Sec-WebSocket-Protocol offers that concerns us. Other subprotocols are ignored.
type offer struct {
	plain      bool
	mux        bool
	improbable bool
	token      string
	tokenErr   error // the client meant to send a token, but this is none
}

var (
	errMalformedToken = errors.New("malformed token in subprotocol " + SubprotocolBearerPrefix + "*")
	errTwoTokens      = errors.New("more than one token in subprotocols " + SubprotocolBearerPrefix + "*")
	// A browser fails a socket that offered subprotocols when the server selects none, and the token must not be echoed.
	errTokenAlone = errors.New("a token needs the subprotocol " + SubprotocolPlain + " or " + SubprotocolMultiplexed + " beside it")
)

// parseOffer reads the subprotocols of a handshake. The error is about the handshake and answered with HTTP 400.
func parseOffer(header http.Header) (offer, error) {
	var o offer
	var tokens []string
	for _, line := range header.Values("Sec-Websocket-Protocol") {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.TrimSpace(name)
			switch name {
			case SubprotocolPlain:
				o.plain = true
			case SubprotocolMultiplexed:
				o.mux = true
			case SubprotocolImprobable:
				o.improbable = true
			}
			if token, ok := strings.CutPrefix(name, SubprotocolBearerPrefix); ok {
				tokens = append(tokens, token)
			}
		}
	}
	o.improbable = o.improbable && !o.plain
	switch {
	case len(tokens) == 0:
	case !o.plain && !o.mux:
		return offer{}, errTokenAlone
	case len(tokens) > 1:
		o.tokenErr = errTwoTokens
	default:
		o.token, o.tokenErr = decodeToken(tokens[0])
	}
	return o, nil
}

// decodeToken decodes a token and checks that it can stand in an Authorization header (RFC 6750, section 2.1).
func decodeToken(encoded string) (string, error) {
	token, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || len(token) == 0 || slices.ContainsFunc(token, func(b byte) bool { return b <= ' ' || b > '~' }) {
		return "", errMalformedToken
	}
	return string(token), nil
}
