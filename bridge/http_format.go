package bridge

import (
	"mime"
	"net/http"
	"strings"
)

// httpFormat is what a request's Content-Type says: the protocol and the encoding of messages.
type httpFormat struct {
	contentType string // in the one spelling that connect knows
	codec       codec
	envelopes   bool // messages have a length in front; otherwise the body is the message
	connect     bool // Connect, which has a Content-Type for each kind of call; otherwise gRPC-Web
	base64      bool // gRPC-Web's text form
}

// The Content-Types of Connect (https://connectrpc.com/docs/protocol) and of gRPC-Web
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md).
const (
	typeUnary   = "application/"
	typeStream  = "application/connect+"
	typeWeb     = "application/grpc-web"
	typeWebText = "application/grpc-web-text"

	acceptPost = "application/json, application/proto, application/connect+json, application/connect+proto, " +
		"application/grpc-web, application/grpc-web+json, application/grpc-web+proto, " +
		"application/grpc-web-text, application/grpc-web-text+proto"
)

// parseHTTPFormat reads a Content-Type. False: it is none of a call. gRPC's own is not among them: it has a port of its own.
func parseHTTPFormat(contentType string) (httpFormat, bool) {
	base, params, err := mime.ParseMediaType(contentType)
	if charset := params["charset"]; err != nil || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return httpFormat{}, false
	}
	f := httpFormat{contentType: base}
	var encoding string
	var ok bool
	if encoding, ok = cutWeb(base, typeWebText); ok {
		f.envelopes, f.base64 = true, true
		f.contentType = typeWeb + "+" + encoding
	} else if encoding, ok = cutWeb(base, typeWeb); ok {
		f.envelopes = true
	} else if encoding, ok = strings.CutPrefix(base, typeStream); ok {
		f.envelopes, f.connect = true, true
	} else if encoding, ok = strings.CutPrefix(base, typeUnary); ok {
		f.connect = true
	}
	if f.codec, ok = codecNamed(encoding); !ok || f.base64 && f.codec.text() {
		return httpFormat{}, false
	}
	return f, true
}

// cutWeb returns the encoding of a Content-Type of gRPC-Web; without one it is protobuf.
func cutWeb(base, protocol string) (encoding string, ok bool) {
	rest, ok := strings.CutPrefix(base, protocol)
	if rest == "" {
		return "proto", ok
	}
	return strings.CutPrefix(rest, "+")
}

// fits reports whether a call of m can be made in this format over this version of HTTP; otherwise it has answered.
func (f httpFormat) fits(w http.ResponseWriter, r *http.Request, m *method) bool {
	stream := m.clientStreams() || m.serverStreams()
	switch {
	case f.connect && stream && !f.envelopes:
		refuseMediaType(w, "This method streams: its Content-Type is application/connect+json or application/connect+proto\n")
	case f.connect && !stream && f.envelopes:
		refuseMediaType(w, "This method does not stream: its Content-Type is application/json or application/proto\n")
	case m.clientStreams() && m.serverStreams() && r.ProtoMajor < 2:
		// A client that waits for an answer to its first message would wait for ever.
		w.Header().Set("Connection", "close")
		http.Error(w, "A bidirectional call needs HTTP/2 or a WebSocket", http.StatusHTTPVersionNotSupported)
	default:
		return true
	}
	return false
}

func refuseMediaType(w http.ResponseWriter, text string) {
	w.Header().Set("Accept-Post", acceptPost)
	http.Error(w, text, http.StatusUnsupportedMediaType)
}
