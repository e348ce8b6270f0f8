package bridge

import (
	"bytes"
	"reflect"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// codecRegistered returns the codec of a call that names it: "proto", "json", or one that the program has registered with
// grpc-go. It is looked up for each call, as grpc-go does.
func codecRegistered(name string) (codec, bool) {
	name = strings.ToLower(name)
	if c, ok := codecNamed(name); ok {
		return c, true
	}
	if c := encoding.GetCodecV2(name); c != nil {
		return grpcCodec{c}, true
	}
	if c := encoding.GetCodec(name); c != nil {
		return grpcCodec{codecV1{c}}, true
	}
	return nil, false
}

// binaryCodec is the codec of protobuf messages: ours, unless the program has registered another in place of grpc-go's, such as
// one that knows faster generated code.
func binaryCodec() codec {
	if c := encoding.GetCodecV2(grpcproto.Name); c != nil && !isStock(c) {
		return grpcCodec{c}
	}
	return protoCodec{}
}

// isStock reports whether a codec is grpc-go's own; a program may have registered another one under its name.
func isStock(c encoding.CodecV2) bool {
	t := reflect.TypeOf(c)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath() == grpcPackage+"/encoding/proto"
}

// grpcCodec makes a codec of one of grpc-go's.
type grpcCodec struct{ encoding.CodecV2 }

func (c grpcCodec) contentType() string { return "application/grpc+" + c.Name() }

func (grpcCodec) text() bool { return false }

func (c grpcCodec) marshal(m any) (payload, error) {
	if encoded, ok := m.(Encoded); ok && c.Name() == grpcproto.Name {
		return joined(encoded.EncodedProto())
	}
	data, err := c.Marshal(m)
	if err != nil {
		return payload{}, err
	}
	defer data.Free()
	return payload{data: data.Materialize()}, nil
}

// unmarshal gives the codec bytes of its own: it may keep them.
func (c grpcCodec) unmarshal(data []byte, m any) error {
	if raw, ok := m.(decoder); ok && c.Name() == grpcproto.Name {
		return raw.decodeProto(data)
	}
	if err := c.Unmarshal(mem.BufferSlice{mem.SliceBuffer(bytes.Clone(data))}, m); err != nil {
		return status.Errorf(codes.InvalidArgument, "malformed %s message", c.Name())
	}
	return nil
}

// codecV1 makes a CodecV2 of an older codec.
type codecV1 struct{ encoding.Codec }

func (c codecV1) Marshal(m any) (mem.BufferSlice, error) {
	data, err := c.Codec.Marshal(m)
	return mem.BufferSlice{mem.SliceBuffer(data)}, err
}

func (c codecV1) Unmarshal(data mem.BufferSlice, m any) error {
	return c.Codec.Unmarshal(data.Materialize(), m)
}
