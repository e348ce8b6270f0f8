package bridge

import (
	"errors"
	"testing"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
)

func transcodingOf(message proto.Message) *transcoding {
	descriptor := message.ProtoReflect().Descriptor()
	return &transcoding{input: descriptor, output: descriptor, types: newUpstreamTypes(new(protoregistry.Files))}
}

// FuzzTranscoding: whatever a client sends in JSON and an upstream in protobuf, there is a message or a status, never a
// panic; and what was turned into protobuf says the same when it is turned back and forth again.
func FuzzTranscoding(f *testing.F) {
	for _, seed := range []string{
		`{"payload":{"body":"aGVsbG8="}}`, `{"@type":"type.googleapis.com/google.protobuf.Value","value":[1,null,{"a":"b"}]}`,
		`{"a":[1e400]}`, "\x0a\x03a/b\x12\x00", `{"@type":"x/google.protobuf.Any","value":{}}`, "\x22\x05\x0a\x03a/b",
	} {
		f.Add([]byte(seed))
	}
	transcodings := []*transcoding{
		transcodingOf(&testgrpc.SimpleRequest{}), transcodingOf(&anypb.Any{}), transcodingOf(&structpb.Struct{}),
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, tc := range transcodings {
			tc.response(data) // of no use to a client, but no panic
			encoded, err := tc.request(data)
			if err != nil {
				if _, ok := status.FromError(err); !ok {
					t.Errorf("no status: %v", err)
				}
				continue
			}
			once, err := tc.response(encoded)
			if err != nil {
				continue // a number that JSON does not have
			}
			again, err := tc.request(once)
			if err != nil {
				t.Fatalf("%s became %s, which is refused: %v", data, once, err)
			}
			if !sameMessage(t, tc.input, encoded, again) {
				t.Errorf("%s became %x, then %x", data, encoded, again)
			}
		}
	})
}

// sameMessage compares messages rather than bytes: maps have no order.
func sameMessage(t *testing.T, descriptor protoreflect.MessageDescriptor, a, b []byte) bool {
	x, y := dynamicpb.NewMessage(descriptor), dynamicpb.NewMessage(descriptor)
	if err := errors.Join(proto.Unmarshal(a, x), proto.Unmarshal(b, y)); err != nil {
		t.Fatal(err)
	}
	return proto.Equal(x, y)
}
