package bench

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// event is what the generator looks at in a chatv1.Event. The slices are parts of the response.
type event struct {
	room []byte
	rev  uint64

	posted bool
	seq    uint64
	text   []byte // of a posted message
	whole  []byte // a snapshot's bytes; nil: it is none
}

// handler takes what a response holds, in its order, replies before events.
type handler interface {
	reply(*chatv1.Reply) error
	event(*event) error
}

var errMalformed = errors.New("malformed response")

// decodeResponse walks an encoded ConnectResponse by hand: decoding whole messages costs a microsecond each, which is
// more than the whole of a delivery may cost the generator.
func decodeResponse(b []byte, h handler) error {
	return eachField(b, func(number protowire.Number, value []byte, _ uint64) error {
		switch number {
		case 1:
			r := new(chatv1.Reply)
			if err := proto.Unmarshal(value, r); err != nil {
				return fmt.Errorf("reply: %w", err)
			}
			return h.reply(r)
		case 2:
			e, err := decodeEvent(value)
			if err != nil {
				return err
			}
			return h.event(&e)
		}
		return nil
	})
}

// The field numbers of chatv1.Event and chatv1.Message that matter here; decode_test.go holds them to the descriptors.
const (
	eventRoom, eventRev, eventPosted, eventSnapshot = 1, 2, 4, 20

	messageSeq, messageText = 2, 9
)

func decodeEvent(b []byte) (event, error) {
	var e event
	err := eachField(b, func(number protowire.Number, value []byte, n uint64) error {
		switch number {
		case eventRoom:
			e.room = value
		case eventRev:
			e.rev = n
		case eventSnapshot:
			e.whole = value
		case eventPosted:
			e.posted = true
			return eachField(value, func(number protowire.Number, value []byte, n uint64) error {
				switch number {
				case messageSeq:
					e.seq = n
				case messageText:
					e.text = value
				}
				return nil
			})
		}
		return nil
	})
	return e, err
}

// eachField calls f for every field: with its bytes, or its number where it is a varint.
func eachField(b []byte, f func(number protowire.Number, value []byte, n uint64) error) error {
	for len(b) > 0 {
		number, kind, size := protowire.ConsumeTag(b)
		if size < 0 || number > protowire.MaxValidNumber {
			return errMalformed
		}
		b = b[size:]
		var value []byte
		var n uint64
		switch kind {
		case protowire.BytesType:
			value, size = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(b)
		default:
			size = protowire.ConsumeFieldValue(number, kind, b)
		}
		if size < 0 {
			return errMalformed
		}
		b = b[size:]
		if err := f(number, value, n); err != nil {
			return err
		}
	}
	return nil
}
