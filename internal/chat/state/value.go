package state

import (
	"crypto/sha256"
	"encoding/binary"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

func actorToValue(a Actor) *storev1.Actor {
	return &storev1.Actor{Id: a.ID, Name: a.Name, Guest: a.Guest}
}

func actorFromValue(v *storev1.Actor) Actor {
	return Actor{ID: v.GetId(), Name: v.GetName(), Guest: v.GetGuest()}
}

func headFromValue(v *storev1.RoomValue) Head {
	return Head{Seq: v.GetHeadSeq(), Rev: v.GetHeadRev(), FirstSeq: v.GetFirstSeq(), UpdateTime: v.GetUpdateTimeMs()}
}

func roomFromValue(id RoomID, v *storev1.RoomValue) Room {
	return Room{
		ID:         id,
		Title:      v.GetTitle(),
		CreateTime: v.GetCreateTimeMs(),
		Creator:    actorFromValue(v.GetCreator()),
		Head:       headFromValue(v),
	}
}

func memberFromValue(room RoomID, v *storev1.MemberValue) Member {
	return Member{
		Room:       room,
		User:       actorFromValue(v.GetActor()),
		Role:       Role(v.GetRole()),
		CreateTime: v.GetCreateTimeMs(),
	}
}

// messageFromValue copies what may still change, the reactions, and shares the body.
func messageFromValue(id messageID, v *storev1.MessageValue) *Message {
	m := &Message{
		Room:       id.room,
		Seq:        id.seq,
		Rev:        v.GetRev(),
		Sender:     actorFromValue(v.GetSender()),
		CreateTime: v.GetCreateTimeMs(),
		EditTime:   v.GetEditTimeMs(),
		DeleteTime: v.GetDeleteTimeMs(),
		ClientID:   v.GetClientId(),
	}
	switch body := v.GetBody().GetKind().(type) {
	case *storev1.Body_Text:
		m.Text = body.Text
	case *storev1.Body_Data:
		m.DataType, m.Data = body.Data.GetType(), body.Data.GetValue()
	}
	if n := len(v.GetReactions()); n > 0 {
		m.Reactions = make([]Reaction, n)
		for i, r := range v.GetReactions() {
			m.Reactions[i] = Reaction{Emoji: r.GetEmoji(), UserIDs: append([]string(nil), r.GetUserIds()...)}
		}
	}
	return m
}

// bodyHash returns the first 16 bytes of the SHA-256 of a body: its kind, its type with a length before it, its bytes.
// It does not depend on how protobuf encodes.
func bodyHash(b *storev1.Body) []byte {
	var buf [512]byte
	in := buf[:0]
	switch body := b.GetKind().(type) {
	case *storev1.Body_Text:
		in = append(append(in, 1), body.Text...)
	case *storev1.Body_Data:
		in = binary.AppendUvarint(append(in, 2), uint64(len(body.Data.GetType())))
		in = append(append(in, body.Data.GetType()...), body.Data.GetValue()...)
	}
	sum := sha256.Sum256(in)
	return sum[:16]
}
