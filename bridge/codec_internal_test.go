package bridge

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// The JSON of a message is compact and always the same, unlike protojson's own.
func TestJSONIsCompactAndDeterministic(t *testing.T) {
	t.Parallel()
	message := &testgrpc.SimpleResponse{
		Username: "a b\t<é>", OauthScope: "s", Payload: &testgrpc.Payload{Type: testgrpc.PayloadType_COMPRESSABLE, Body: []byte{0xff}},
	}
	want := `{"payload":{"body":"/w=="},"username":"a b\t<é>","oauthScope":"s"}`
	for range 50 {
		got, err := jsonCodec{}.marshal(message)
		if err != nil || string(got.data) != want {
			t.Fatalf("%s, %v; want %s", got.data, err, want)
		}
	}
}

// Both encodings stop at a depth. (A list in a Value is one level of JSON and two of protobuf.)
func TestDepthIsLimited(t *testing.T) {
	t.Parallel()
	nested := func(depth int) *structpb.Value {
		value := structpb.NewNullValue()
		for range depth {
			value = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{value}})
		}
		return value
	}
	for _, test := range []struct {
		depth int
		want  codes.Code
	}{{40, codes.OK}, {120, codes.InvalidArgument}, {500, codes.InvalidArgument}} {
		data := []byte(strings.Repeat("[", test.depth) + "null" + strings.Repeat("]", test.depth))
		if err := (jsonCodec{}).unmarshal(data, &structpb.Value{}); status.Code(err) != test.want {
			t.Errorf("JSON of depth %d: %v", test.depth, err)
		}
		data, err := proto.Marshal(nested(test.depth))
		if err != nil {
			t.Fatal(err)
		}
		if err := (protoCodec{}).unmarshal(data, &structpb.Value{}); status.Code(err) != test.want {
			t.Errorf("protobuf of depth %d: %v", test.depth, err)
		}
	}
}

// Errors stay short whatever they quote, and valid UTF-8.
func TestErrorsAreShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 10_000)
	for _, text := range []string{
		`{"` + long + `":1}`, `{"payload":"` + long + `"}`, `{"payload":{"type":"` + long + `"}}`, `{"responseSize":"` + long + `"}`, long,
	} {
		err := jsonCodec{}.unmarshal([]byte(text), &testgrpc.SimpleRequest{})
		if n := len(status.Convert(err).Message()); status.Code(err) != codes.InvalidArgument || n > 3*maxErrorBytes {
			t.Errorf("%.20s: %v with %d bytes", text, status.Code(err), n)
		}
	}
}

func TestMessagesOfOtherTypes(t *testing.T) {
	t.Parallel()
	for _, c := range []codec{jsonCodec{}, protoCodec{}} {
		if _, err := c.marshal(5); err == nil {
			t.Errorf("%T encodes a number", c)
		}
		if err := c.unmarshal([]byte("{}"), new(int)); status.Code(err) != codes.Internal {
			t.Errorf("%T decodes into a number: %v", c, err)
		}
	}
}
