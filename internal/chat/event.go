package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// event is an event of responses with its encodings. Each is made once, by the first who needs it, and then shared by all
// who send the event. Safe for concurrent use.
type event struct {
	message *chatv1.Event
	size    int // of message, in protobuf
	proto   encoding
	json    encoding
}

// encoding is one form of an event.
type encoding struct {
	once sync.Once
	data []byte
	err  error
}

func newEvent(message *chatv1.Event) *event {
	return &event{message: message, size: proto.Size(message)}
}

// encodedProto returns the event as field 2 of a message, which it is in a ConnectResponse: the tag, which is one byte, the
// length, the event.
func (e *event) encodedProto() ([]byte, error) {
	e.proto.once.Do(func() { e.proto.data, e.proto.err = appendField(nil, connectEvents, e.message, e.size) })
	return e.proto.data, e.proto.err
}

// encodedJSON returns the event as a JSON object.
func (e *event) encodedJSON() ([]byte, error) {
	e.json.once.Do(func() { e.json.data, e.json.err = marshalJSON(e.message) })
	return e.json.data, e.json.err
}

// appendField appends a message of a known size as a field.
func appendField(dst []byte, number protowire.Number, m proto.Message, size int) ([]byte, error) {
	if dst == nil {
		dst = make([]byte, 0, protowire.SizeTag(number)+protowire.SizeBytes(size))
	}
	dst = protowire.AppendTag(dst, number, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(size))
	dst, err := proto.MarshalOptions{}.MarshalAppend(dst, m)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", m, err)
	}
	return dst, nil
}

// marshalJSON returns compact JSON; protojson by itself adds spaces at random, so that nobody relies on its output.
func marshalJSON(m proto.Message) ([]byte, error) {
	data, err := protojson.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", m, err)
	}
	compact := bytes.NewBuffer(make([]byte, 0, len(data)))
	if err := json.Compact(compact, data); err != nil {
		return nil, fmt.Errorf("encode %T: %w", m, err)
	}
	return compact.Bytes(), nil
}
