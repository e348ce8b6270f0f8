package bridge

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Whatever a text frame holds: decoding it as @open or as a message either works or is a short INVALID_ARGUMENT (or a limit)
// in valid UTF-8; what works survives being written and read again.
func FuzzTextFrame(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `{"@open":{}}`, ` { "@open" : {"metadata":{"a":["b","c"],"k-bin":"AAE"},"timeoutMs":5,"encoding":"json"}}`,
		`{"@open":{"metadata":{"a":1}}}`, `{"@open":null}`, `{"@open":{"timeoutMs":1e3}}`, `{"payload":{"body":"YQ=="}}`,
		`{"payload":{"bodi":""}}`, "{\"a\":\n[{\"b\":[1,2,{\"c\":\"\\ud800\"}]}]}", `[[[[`, `{"responseSize":"12"}`, `{"responseSize":1e99}`,
		"\xff", `{"a":`, `{"responseStatus":{"code":"x"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !utf8.Valid(data) {
			return // never gets past the socket
		}
		if isOpenFrame(data) {
			opened, err := parseOpenFrame(data, DefaultMaxMetadataBytes)
			checkDecodeError(t, err)
			if err == nil {
				reopenSame(t, opened)
			}
		}
		var message testgrpc.SimpleRequest
		err := jsonCodec{}.unmarshal(data, &message)
		checkDecodeError(t, err)
		if err != nil {
			return
		}
		again, err := jsonCodec{}.marshal(&message)
		if err != nil {
			t.Fatalf("decoded, but not encoded again: %v", err)
		}
		var second testgrpc.SimpleRequest
		if err := (jsonCodec{}).unmarshal(again.data, &second); err != nil || !proto.Equal(&message, &second) {
			t.Fatalf("%s comes back as %v, %v", again.data, &second, err)
		}
	})
}

func checkDecodeError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	st, ok := status.FromError(err)
	if !ok || st.Code() != codes.InvalidArgument && st.Code() != codes.ResourceExhausted {
		t.Fatalf("error %v", err)
	}
	if len(st.Message()) > 3*maxErrorBytes || !utf8.ValidString(st.Message()) {
		t.Fatalf("message of %d bytes: %q", len(st.Message()), st.Message())
	}
	if !json.Valid(endFrame(st, nil, protoregistry.GlobalTypes)) {
		t.Fatalf("@end is no JSON: %s", endFrame(st, nil, protoregistry.GlobalTypes))
	}
}

// reopenSame checks that the metadata of an @open frame survives being written as a frame and read again.
func reopenSame(t *testing.T, opened opening) {
	t.Helper()
	frame := mustMarshal(map[string]any{"@open": map[string]any{"metadata": metadataToFrame(opened.metadata)}})
	again, err := parseOpenFrame(frame, DefaultMaxMetadataBytes)
	if err != nil {
		t.Fatalf("%s: %v", frame, err)
	}
	for key, values := range opened.metadata {
		if len(values) != len(again.metadata[key]) {
			t.Fatalf("%s: %q comes back as %q", key, values, again.metadata[key])
		}
		for i := range values {
			if values[i] != again.metadata[key][i] {
				t.Fatalf("%s: %q comes back as %q", key, values, again.metadata[key])
			}
		}
	}
}

// Whatever a binary frame holds, decoding it works or is INVALID_ARGUMENT.
func FuzzBinaryFrame(f *testing.F) {
	for _, seed := range []string{"", "\x1a\x03\x12\x01a", "\xff", "\x3a\x04\x12\x02\xff\xfe", "\xfa\x01\x01a"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkDecodeError(t, protoCodec{}.unmarshal(data, &testgrpc.SimpleRequest{}))
	})
}
