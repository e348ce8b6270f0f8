package bridge

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
)

// gRPC-Web's text form, for clients that cannot take bytes while a response is still coming: the body in base64
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md, "Protocol differences vs gRPC over HTTP2").

// webTextBody decodes a request.
type webTextBody struct {
	io.Reader
	io.Closer
}

func newWebTextBody(body io.ReadCloser) io.ReadCloser {
	return webTextBody{base64.NewDecoder(base64.StdEncoding, body), body}
}

// webTextWriter encodes a response. What lies between two flushes is one text with its own padding.
type webTextWriter struct {
	http.ResponseWriter
	pending bytes.Buffer
}

func (w *webTextWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *webTextWriter) WriteHeader(code int) {
	w.label()
	w.ResponseWriter.WriteHeader(code)
}

// label gives the response the Content-Type that the client asked for: below, the call is in binary.
func (w *webTextWriter) label() { w.Header().Set("Content-Type", typeWebText+"+proto") }

func (w *webTextWriter) Write(p []byte) (int, error) { return w.pending.Write(p) }

// Flush implements [http.Flusher].
func (w *webTextWriter) Flush() {
	w.finish()
	if flusher, ok := w.ResponseWriter.(http.Flusher); ok {
		flusher.Flush()
	}
}

// finish writes what is pending.
func (w *webTextWriter) finish() {
	w.label()
	if w.pending.Len() == 0 {
		return
	}
	text := make([]byte, base64.StdEncoding.EncodedLen(w.pending.Len()))
	base64.StdEncoding.Encode(text, w.pending.Bytes())
	w.pending.Reset()
	w.ResponseWriter.Write(text) // an error comes back with the request's context
}
