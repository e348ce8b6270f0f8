package bridge_test

import (
	"testing"
)

// The seed of the project: a bare socket talks JSON to a bidi RPC, with no library.
func TestBareSocketTalksToBidiRPC(t *testing.T) {
	t.Parallel()
	c := serve(t, &echoServer{}).dial(t, bidiPath)
	c.sendText(`{"payload":{"body":"aGVsbG8="}}`)
	c.expectText(`{"payload":{"body":"aGVsbG8="}}`)
	c.sendText(`{"payload":{"body":"YWdhaW4="}}`)
	c.expectText(`{"payload":{"body":"YWdhaW4="}}`)
	c.sendText("")
	c.expectClose(1000)
}

func TestUnaryCallEndsAfterItsReply(t *testing.T) {
	t.Parallel()
	c := serve(t, &echoServer{}).dial(t, unaryPath)
	c.sendText(`{"payload":{"body":"aGVsbG8="}}`)
	c.expectText(`{"payload":{"body":"aGVsbG8="}}`)
	c.expectClose(1000)
}

func TestUnknownMethodIsUnimplemented(t *testing.T) {
	t.Parallel()
	s := serve(t, &echoServer{})
	for path, want := range map[string]string{
		"/grpc.testing.TestService/Nothing": "unknown method Nothing for service grpc.testing.TestService",
		"/no.Service/Method":                "unknown service no.Service",
		"/":                                 `malformed method name: "/"`,
	} {
		if reason := s.dial(t, path).expectClose(4012); reason != want {
			t.Errorf("%s: reason %q, want %q", path, reason, want)
		}
	}
}
