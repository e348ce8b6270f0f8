package bridge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/dynamicpb"
)

const (
	// maxDepth is how deeply messages may be nested, in both encodings; the default of protobuf in C++ and Java.
	maxDepth = 100

	// maxErrorBytes bounds what an error about a message says: it may quote the message.
	maxErrorBytes = 256
)

// codec is one of the two encodings of messages.
type codec interface {
	// contentType is what a service finds as "content-type" in its metadata.
	contentType() string
	// text reports whether messages are text frames.
	text() bool
	// marshal encodes a message that a service sends.
	marshal(m any) (payload, error)
	// unmarshal decodes into m and keeps nothing of data. The error is a status: INVALID_ARGUMENT that says where.
	unmarshal(data []byte, m any) error
}

// codecNamed returns the codec for an encoding as the protocol names it.
func codecNamed(name string) (codec, bool) {
	switch name {
	case "json":
		return jsonCodec{}, true
	case "proto":
		return binaryCodec(), true
	}
	return nil, false
}

// protoCodec is protobuf's binary encoding. Unknown fields are kept and ignored.
type protoCodec struct{}

func (protoCodec) contentType() string { return "application/grpc+proto" }

func (protoCodec) text() bool { return false }

func (protoCodec) marshal(m any) (payload, error) {
	if encoded, ok := m.(Encoded); ok {
		return joined(encoded.EncodedProto())
	}
	message, err := protoMessage(m)
	if err != nil {
		return payload{}, err
	}
	return marshalProto(message)
}

// shared is a payload whose bytes others may have.
func shared(data []byte, err error) (payload, error) { return payload{data: data}, err }

// marshalProto encodes into a buffer that is used again.
func marshalProto(message proto.Message) (payload, error) {
	size := proto.Size(message)
	if size > maxBufferBytes {
		return shared(proto.Marshal(message))
	}
	box := getBuffer(size)
	data, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend((*box)[:0], message)
	if err != nil {
		return payload{}, err
	}
	return payload{data, box}, nil
}

func (protoCodec) unmarshal(data []byte, m any) error {
	if raw, ok := m.(decoder); ok {
		return raw.decodeProto(data)
	}
	message, err := protoMessage(m)
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	if err := unmarshalProto(data, message); err != nil {
		return protoError(data, message, err)
	}
	return nil
}

func unmarshalProto(data []byte, message proto.Message) error {
	return proto.UnmarshalOptions{RecursionLimit: maxDepth, NoLazyDecoding: true}.Unmarshal(data, message)
}

// maxDiagnosedBytes is up to what size a message is decoded once more to say what is wrong with it: by reflection, which is
// many times slower.
const maxDiagnosedBytes = 64 << 10

var invalidUTF8Field = regexp.MustCompile(`field \S*?([^.\s]+) contains invalid UTF-8`)

// protoError says what is wrong with data. Generated code does not know the name of a string field with invalid UTF-8;
// decoding by reflection does.
func protoError(data []byte, message proto.Message, err error) error {
	if strings.Contains(err.Error(), "invalid UTF-8") && len(data) <= maxDiagnosedBytes {
		err = unmarshalProto(data, dynamicpb.NewMessage(message.ProtoReflect().Descriptor()))
		if match := invalidUTF8Field.FindStringSubmatch(fmt.Sprint(err)); match != nil {
			return invalidField(match[1], "not valid UTF-8")
		}
	}
	return status.Error(codes.InvalidArgument, "malformed protobuf message")
}

// jsonCodec is protojson: names in lowerCamelCase, compact. Unknown fields are refused by name.
type jsonCodec struct{}

func (jsonCodec) contentType() string { return "application/grpc+json" }

func (jsonCodec) text() bool { return true }

func (jsonCodec) marshal(m any) (payload, error) {
	if encoded, ok := m.(Encoded); ok {
		return joined(encoded.EncodedJSON())
	}
	message, err := protoMessage(m)
	if err != nil {
		return payload{}, err
	}
	return shared(marshalJSON(message, nil))
}

// marshalJSON writes compact JSON. types resolves extensions and the contents of Any; nil: those that are linked in.
func marshalJSON(message proto.Message, types typeResolver) ([]byte, error) {
	data, err := protojson.MarshalOptions{Resolver: types}.Marshal(message)
	if err != nil {
		return nil, err
	}
	// protojson adds spaces at random, so that nobody relies on its output.
	compact := bytes.NewBuffer(make([]byte, 0, len(data)))
	if err := json.Compact(compact, data); err != nil {
		return nil, err
	}
	return compact.Bytes(), nil
}

func (jsonCodec) unmarshal(data []byte, m any) error {
	if raw, ok := m.(decoder); ok {
		return raw.decodeJSON(data)
	}
	message, err := protoMessage(m)
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	return unmarshalJSON(data, message, nil)
}

// unmarshalJSON is the opposite of marshalJSON. The error is a status that says where.
func unmarshalJSON(data []byte, message proto.Message, types typeResolver) error {
	options := protojson.UnmarshalOptions{RecursionLimit: maxDepth, Resolver: types}
	if err := options.Unmarshal(data, message); err != nil {
		return jsonError(data, err)
	}
	return nil
}

// protoMessage is m as a message of today's protobuf API; grpc-go's codec takes both too.
func protoMessage(m any) (proto.Message, error) {
	switch m := m.(type) {
	case proto.Message:
		return m, nil
	case protoadapt.MessageV1:
		return protoadapt.MessageV2Of(m), nil
	default:
		return nil, fmt.Errorf("message is %T, want proto.Message", m)
	}
}

// invalidField is INVALID_ARGUMENT that names a field, for people and for programs.
func invalidField(field, description string) error {
	st := status.New(codes.InvalidArgument, field+": "+description)
	detailed, err := st.WithDetails(&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
		{Field: field, Description: description},
	}})
	if err != nil {
		return st.Err()
	}
	return detailed.Err()
}
