package bridge

import (
	"slices"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// Encoded is a message that carries its own encoding. A service that sends the same to many clients encodes it once in each
// format and gives the Encoded to SendMsg in place of the message.
//
// The encoding comes in parts, which joined are a whole message of the method's response type; so messages that share some of
// their fields can share the encoding of those: protobuf joins encoded fields as they are. Parts are shared by all who send
// them and must not change afterwards. JSON should be compact. Both methods must be safe for concurrent use; each is called
// only where its format is spoken, so either may encode lazily. An error ends the call with INTERNAL.
type Encoded interface {
	EncodedProto() ([][]byte, error)
	EncodedJSON() ([][]byte, error)
}

// joined returns the whole of an encoding: in a buffer that is used again, unless it is one part, which others may have.
func joined(parts [][]byte, err error) (payload, error) {
	switch {
	case err != nil:
		return payload{}, err
	case len(parts) == 1:
		return shared(parts[0], nil)
	}
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	if size > maxBufferBytes {
		return shared(slices.Concat(parts...), nil)
	}
	box := getBuffer(size)
	data := (*box)[:0]
	for _, part := range parts {
		data = append(data, part...)
	}
	return payload{data, box}, nil
}

// Codec returns a codec for grpc.ForceServerCodecV2 that recognises [Encoded] and leaves every other message to grpc-go's
// proto codec. With it the same SendMsg serves native gRPC clients too.
func Codec() encoding.CodecV2 { return encodedCodec{encoding.GetCodecV2(proto.Name)} }

type encodedCodec struct{ encoding.CodecV2 }

func (c encodedCodec) Marshal(v any) (mem.BufferSlice, error) {
	message, ok := v.(Encoded)
	if !ok {
		return c.CodecV2.Marshal(v)
	}
	parts, err := message.EncodedProto()
	if err != nil {
		return nil, err
	}
	buffers := make(mem.BufferSlice, len(parts))
	for i, part := range parts {
		buffers[i] = mem.SliceBuffer(part) // freeing one does nothing: the bytes stay shared
	}
	return buffers, nil
}
