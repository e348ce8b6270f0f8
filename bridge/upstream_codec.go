package bridge

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// rawCodec passes messages between the bridge and an upstream as the bytes they are. Its name is that of protobuf, so that
// the upstream sees the content type it expects. It is never registered.
type rawCodec struct{}

var _ encoding.CodecV2 = rawCodec{}

func (rawCodec) Name() string { return proto.Name }

// Marshal gives the message's reference to grpc-go, which frees it when it is written.
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	request, ok := v.(*proxiedRequest)
	if !ok {
		return nil, fmt.Errorf("bridge: raw codec got %T", v)
	}
	return mem.BufferSlice{request.data}, nil
}

// Unmarshal copies the message into one piece of its own: grpc-go frees data when Unmarshal returns, and the message may be
// on its way to the client longer than that.
func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	response, ok := v.(*proxiedResponse)
	if !ok {
		return fmt.Errorf("bridge: raw codec got %T", v)
	}
	response.data = data.Materialize()
	return nil
}

// decoder is a message that decodes itself, as [Encoded] is one that encodes itself. Neither method keeps data, and both
// return a status.
type decoder interface {
	decodeProto(data []byte) error
	decodeJSON(data []byte) error
}

// proxiedRequest is a message on its way to the upstream.
type proxiedRequest struct {
	transcoding *transcoding // nil: protobuf only
	data        mem.Buffer   // protobuf
}

// proxiedResponse is a message on its way from the upstream.
type proxiedResponse struct {
	transcoding *transcoding // nil: protobuf only
	data        []byte       // protobuf
}

var (
	_ decoder = (*proxiedRequest)(nil)
	_ Encoded = (*proxiedResponse)(nil)
)

func (r *proxiedRequest) decodeProto(data []byte) error {
	r.data = mem.Copy(data, mem.DefaultBufferPool())
	return nil
}

func (r *proxiedRequest) decodeJSON(data []byte) error {
	encoded, err := r.transcoding.request(data)
	if err != nil {
		return err
	}
	r.data = mem.SliceBuffer(encoded)
	return nil
}

// EncodedProto implements [Encoded].
func (r *proxiedResponse) EncodedProto() ([][]byte, error) { return [][]byte{r.data}, nil }

// EncodedJSON implements [Encoded].
func (r *proxiedResponse) EncodedJSON() ([][]byte, error) {
	data, err := r.transcoding.response(r.data)
	return [][]byte{data}, err
}
