package bridge

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// Encoded is a message that carries its own encoding. A service that sends one message to many clients encodes it once in
// each format and gives the Encoded to SendMsg in place of the message.
//
// The bytes must be a whole message of the method's response type, are shared by all who send them, and must not change
// afterwards. JSON should be compact. Both methods must be safe for concurrent use; each is called only where its format
// is spoken, so either may encode lazily. An error ends the call with INTERNAL.
type Encoded interface {
	EncodedProto() ([]byte, error)
	EncodedJSON() ([]byte, error)
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
	data, err := message.EncodedProto()
	if err != nil {
		return nil, err
	}
	return mem.BufferSlice{mem.SliceBuffer(data)}, nil // freeing a SliceBuffer does nothing: the bytes stay shared
}
