package bridge

import (
	"errors"

	"google.golang.org/protobuf/proto"
)

// bytesMessage is a message as it is on the wire.
type bytesMessage struct {
	data []byte // nil: an envelope without bytes, which is the empty message in every encoding
}

// bytesCodec carries bytes through connect, under the name of an encoding. It also encodes what connect itself sends: the
// google.rpc.Status of gRPC-Web.
type bytesCodec string

var errNotBytes = errors.New("not a message of bytes")

func (c bytesCodec) Name() string { return string(c) }

func (c bytesCodec) Marshal(m any) ([]byte, error) { return c.MarshalAppend(nil, m) }

// MarshalAppend copies: connect reuses for other calls what a codec returns, and an [Encoded] message shares its bytes.
func (bytesCodec) MarshalAppend(dst []byte, m any) ([]byte, error) {
	switch m := m.(type) {
	case *bytesMessage:
		return append(dst, m.data...), nil
	case proto.Message:
		return proto.MarshalOptions{}.MarshalAppend(dst, m)
	}
	return nil, errNotBytes
}

// Unmarshal copies too: data is in a buffer that is used again.
func (bytesCodec) Unmarshal(data []byte, m any) error {
	message, ok := m.(*bytesMessage)
	if !ok {
		return errNotBytes
	}
	message.data = append([]byte{}, data...)
	return nil
}
