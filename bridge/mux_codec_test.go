package bridge_test

import (
	"slices"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// reversed is a codec of the tests: protobuf, backwards.
type reversed struct{}

func init() { encoding.RegisterCodecV2(reversed{}) }

func (reversed) Name() string { return "reversed" }

func (reversed) Marshal(m any) (mem.BufferSlice, error) {
	data, err := proto.Marshal(m.(proto.Message))
	return mem.BufferSlice{mem.SliceBuffer(reverse(data))}, err
}

func (reversed) Unmarshal(data mem.BufferSlice, m any) error {
	return proto.Unmarshal(reverse(data.Materialize()), m.(proto.Message))
}

func reverse(data []byte) []byte {
	data = slices.Clone(data)
	slices.Reverse(data)
	return data
}
