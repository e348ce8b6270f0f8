package chat

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// Numbers of fields, all of them below 16, so that a tag is one byte.
const (
	connectReplies  protowire.Number = 1 // ConnectResponse.replies
	connectEvents   protowire.Number = 2 // ConnectResponse.events
	subscribeEvents protowire.Number = 1 // SubscribeResponse.events
)

// response is a ConnectResponse or a SubscribeResponse that is put together from the encodings of its events. It is what
// sessions give to SendMsg: bridge.Encoded, which the bridge recognises, and a grpc.Server that has bridge.Codec. It is sent
// to one client, by one goroutine; its events are shared.
type response struct {
	replies   []*chatv1.Reply
	events    []*event
	parts     [][]byte // of the encoding; used again
	subscribe bool
}

// EncodedProto implements bridge.Encoded.
func (r *response) EncodedProto() ([][]byte, error) {
	parts := slices.Grow(r.parts[:0], 1+2*len(r.events))
	if len(r.replies) > 0 {
		replies, err := appendReplies(r.replies)
		if err != nil {
			return nil, err
		}
		parts = append(parts, replies)
	}
	for _, e := range r.events {
		data, err := e.encodedProto()
		if err != nil {
			return nil, err
		}
		if r.subscribe {
			parts = append(parts, subscribeEventTag)
			data = data[len(subscribeEventTag):]
		}
		parts = append(parts, data)
	}
	r.parts = parts
	return parts, nil
}

var subscribeEventTag = protowire.AppendTag(nil, subscribeEvents, protowire.BytesType)

func appendReplies(replies []*chatv1.Reply) (data []byte, err error) {
	for _, reply := range replies {
		if data, err = appendField(data, connectReplies, reply, proto.Size(reply)); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// The pieces of a response in JSON.
var (
	jsonEmpty         = []byte(`{}`)
	jsonReplies       = []byte(`{"replies":[`)
	jsonRepliesEvents = []byte(`],"events":[`)
	jsonEvents        = []byte(`{"events":[`)
	jsonComma         = []byte(`,`)
	jsonEnd           = []byte(`]}`)
)

// EncodedJSON implements bridge.Encoded.
func (r *response) EncodedJSON() ([][]byte, error) {
	if len(r.replies) == 0 && len(r.events) == 0 {
		return [][]byte{jsonEmpty}, nil
	}
	parts := make([][]byte, 0, 3+2*len(r.replies)+2*len(r.events))
	for i, reply := range r.replies {
		data, err := marshalJSON(reply)
		if err != nil {
			return nil, err
		}
		parts = append(parts, separator(i, jsonReplies), data)
	}
	beginEvents := jsonEvents
	if len(r.replies) > 0 {
		beginEvents = jsonRepliesEvents
	}
	for i, e := range r.events {
		data, err := e.encodedJSON()
		if err != nil {
			return nil, err
		}
		parts = append(parts, separator(i, beginEvents), data)
	}
	return append(parts, jsonEnd), nil
}

// separator returns what stands before the i-th element of a list that begins so.
func separator(i int, begin []byte) []byte {
	if i == 0 {
		return begin
	}
	return jsonComma
}
