package bridge_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/rialto-rpc/rialto/bridge"
)

// Messages in JSON are those of the mapping, with the upstream's own types in Any, and errors say where.
func TestTranscoding(t *testing.T) {
	t.Parallel()
	b := startBackend(t, newSchema(t, itemFile, shopFile).serve)
	s := front(t, b.addr, nil)
	for name, tt := range map[string]struct{ in, out string }{
		"empty":           {`{}`, `{}`},
		"proto name":      {`{"display_name":"a"}`, `{"displayName":"a"}`},
		"64 bits":         {`{"count":5}`, `{"count":"5"}`},
		"defaults":        {`{"count":"0","displayName":"","parts":[]}`, `{}`},
		"well-known type": {`{"made":"2026-11-23T01:00:00+01:00"}`, `{"made":"2026-11-23T00:00:00Z"}`},
		"Any of the upstream's type": {
			`{"extra":{"@type":"type.googleapis.com/shop.v1.Item","display_name":"b"}}`,
			`{"extra":{"@type":"type.googleapis.com/shop.v1.Item","displayName":"b"}}`},
		"Any of a linked-in type": {
			`{"extra":{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"R"}}`,
			`{"extra":{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"R"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.dial(t, "/shop.v1.Shop/Echo")
			c.sendText(tt.in)
			c.expectText(tt.out)
			c.expectClose(1000)
		})
	}
	for in, reason := range map[string]string{
		`{"nope":1}`:                   `nope: unknown field "nope" at byte 1`,
		`{"parts":[{},{"count":"x"}]}`: `parts[1].count: invalid value for int64 field count: "x" at byte 22`,
		`{"count":`:                    `malformed JSON at byte 9: unexpected end of JSON input`,
		`{"displayName":"a"} {}`:       `malformed JSON at byte 20: invalid character '{' after top-level value`,
	} {
		expectEnd(t, s, "/shop.v1.Shop/Echo", in, 4003, reason)
	}
}

// nestedJSON is an item with parts n deep.
func nestedJSON(n int) string {
	return strings.Repeat(`{"parts":[`, n) + `{}` + strings.Repeat(`]}`, n)
}

// Messages may be nested 100 deep, on the way there and on the way back, and so may the contents of Any.
func TestTranscodingDepth(t *testing.T) {
	t.Parallel()
	b := startBackend(t, newSchema(t, itemFile, shopFile).serve)
	s := front(t, b.addr, nil)
	expectEcho(t, s, "/shop.v1.Shop/Echo", nestedJSON(99))
	c := s.dial(t, "/shop.v1.Shop/Echo")
	c.sendText(nestedJSON(100))
	if got := c.expectClose(4003); !strings.Contains(got, "exceeded max recursion depth") {
		t.Errorf("reason %q", got)
	}
}

// frontSender is a bridge in front of an upstream whose every answer is one given message.
func frontSender(t *testing.T, answer []byte) *server {
	shop := newSchema(t, itemFile, shopFile)
	b := startBackend(t, newSender(shop, answer), grpc.ForceServerCodecV2(bytesCodec{}))
	return front(t, b.addr, []bridge.UpstreamOption{bridge.WithUpstreamDescriptors(shop.set)})
}

// An upstream's message that JSON cannot say, or that would take too much to say, ends the call; others go on.
func TestTranscodingBadAnswers(t *testing.T) {
	t.Parallel()
	parts := []byte{}
	for range 101 {
		parts = append([]byte{3<<3 | 2}, append(binary.AppendUvarint(nil, uint64(len(parts))), parts...)...)
	}
	extra := []byte{}
	for range 2_000 {
		content, err := proto.Marshal(&anypb.Any{TypeUrl: "a/shop.v1.Item", Value: extra})
		if err != nil {
			t.Fatal(err)
		}
		extra = append([]byte{4<<3 | 2}, append(binary.AppendUvarint(nil, uint64(len(content))), content...)...)
	}
	for name, tt := range map[string]struct {
		answer []byte
		reason string
	}{
		"not protobuf": {[]byte{0xff}, "error while marshaling: the upstream's message is not a shop.v1.Item"},
		"too deep":     {parts, "error while marshaling: the upstream's message is not a shop.v1.Item"},
		"Any too deep": {extra, "error while marshaling: message is nested too deeply"},
		"Any unknown":  {[]byte("\x22\x05\x0a\x03a/b"), "error while marshaling: the upstream's shop.v1.Item has no JSON encoding"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := frontSender(t, tt.answer)
			expectEnd(t, s, "/shop.v1.Shop/Echo", "{}", 4013, tt.reason)
			c := s.dial(t, "/shop.v1.Shop/Echo?encoding=proto") // bytes need no understanding
			c.sendBinary(nil)
			if _, data, err := c.conn.ReadMessage(); string(data) != string(tt.answer) {
				t.Errorf("%d bytes, %v; want the %d of the upstream", len(data), err, len(tt.answer))
			}
		})
	}
}
