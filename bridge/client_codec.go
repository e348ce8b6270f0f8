package bridge

import (
	"cmp"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// messageCodec is what a client encodes messages with, whichever of grpc-go's three generations of codecs it is.
type messageCodec interface {
	// encode returns bytes that nobody else changes. With reuse they may lie in memory that the payload's free gives back.
	encode(m any, reuse bool) (payload, error)
	// decode keeps nothing of data.
	decode(data []byte, m any) error
}

// oldCodec is an [encoding.Codec] or a [grpc.Codec].
type oldCodec struct {
	encoding interface {
		Marshal(m any) ([]byte, error)
		Unmarshal(data []byte, m any) error
	}
}

func (c oldCodec) encode(m any, _ bool) (payload, error) { return shared(c.encoding.Marshal(m)) }

// decode copies: codecs of this kind may keep the bytes.
func (c oldCodec) decode(data []byte, m any) error {
	return c.encoding.Unmarshal(append([]byte(nil), data...), m)
}

// bufferCodec is an [encoding.CodecV2].
type bufferCodec struct{ encoding.CodecV2 }

func (c bufferCodec) encode(m any, _ bool) (payload, error) {
	buffers, err := c.Marshal(m)
	if err != nil {
		return payload{}, err
	}
	defer buffers.Free()
	if len(buffers) == 1 {
		if data, ok := buffers[0].(mem.SliceBuffer); ok {
			return payload{data: data}, nil // nobody takes these back
		}
	}
	return payload{data: buffers.Materialize()}, nil
}

// decode copies: a codec may keep the bytes, by a reference to their buffer, and ours are used again.
func (c bufferCodec) decode(data []byte, m any) error {
	buffers := mem.BufferSlice{mem.Copy(data, mem.DefaultBufferPool())}
	defer buffers.Free()
	return c.Unmarshal(buffers, m)
}

// plainProtoCodec is grpc-go's own codec for protobuf without its buffers: it copies what it keeps.
type plainProtoCodec struct{}

func (plainProtoCodec) encode(m any, reuse bool) (payload, error) {
	message, err := protoMessage(m)
	switch {
	case err != nil:
		return payload{}, err
	case !reuse:
		return shared(proto.Marshal(message))
	}
	return marshalProto(message)
}

func (plainProtoCodec) decode(data []byte, m any) error {
	message, err := protoMessage(m)
	if err != nil {
		return err
	}
	return proto.Unmarshal(data, message)
}

// registeredCodec returns the codec that is registered for a content subtype now; nil if there is none. As with grpc-go the
// older registry comes first.
func registeredCodec(subtype string) messageCodec {
	if codec := encoding.GetCodec(subtype); codec != nil {
		return oldCodec{codec}
	}
	codec := encoding.GetCodecV2(subtype)
	if codec == nil {
		return nil
	}
	if isStock(codec) {
		return plainProtoCodec{}
	}
	return bufferCodec{codec}
}

// settleCodec chooses the codec if no option did. The error is a status.
func (info *callInfo) settleCodec() error {
	if info.codec != nil {
		return nil
	}
	if info.codec = registeredCodec(cmp.Or(info.subtype, grpcproto.Name)); info.codec == nil {
		return status.Errorf(codes.Internal, "no codec registered for content-subtype %s", info.subtype)
	}
	return nil
}
