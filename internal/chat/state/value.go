package state

import (
	"crypto/sha256"
	"encoding/binary"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

func actorToValue(a Actor) *storev1.Actor {
	return &storev1.Actor{Id: a.ID, Name: a.Name, Guest: a.Guest, Operator: a.Operator}
}

func actorFromValue(v *storev1.Actor) Actor {
	return Actor{ID: v.GetId(), Name: v.GetName(), Guest: v.GetGuest(), Operator: v.GetOperator()}
}

func headFromValue(v *storev1.RoomValue) Head {
	return Head{Seq: v.GetHeadSeq(), Rev: v.GetHeadRev(), FirstSeq: v.GetFirstSeq(), UpdateTime: v.GetUpdateTimeMs()}
}

func roomFromValue(id RoomID, v *storev1.RoomValue) Room {
	return Room{
		ID:         id,
		Settings:   settingsFromValue(v.GetSettings()),
		CreateTime: v.GetCreateTimeMs(),
		Creator:    actorFromValue(v.GetCreator()),
		Head:       headFromValue(v),
		Members:    v.GetMembers(),
		People:     v.GetPeople(),
		Asking:     v.GetRequests(),
		Deleted:    v.GetRemoval().GetDeleteTimeMs(),
		Removal:    removalFromValue(v),
	}
}

func settingsFromValue(v *storev1.Settings) Settings {
	return Settings{
		Title:       v.GetTitle(),
		Topic:       v.GetTopic(),
		SlowMode:    v.GetSlowModeMs(),
		Kind:        RoomKind(v.GetKind()),
		Posting:     Role(v.GetPosting()),
		ArchiveTime: v.GetArchiveTimeMs(),
		Requests:    v.GetRequests(),
		Retention:   retentionFromValue(v.GetRetention()),
	}
}

func memberFromValue(room RoomID, v *storev1.MemberValue) Member {
	return Member{
		Room:       room,
		User:       actorFromValue(v.GetActor()),
		Role:       Role(v.GetRole()),
		CreateTime: v.GetCreateTimeMs(),
		Muted:      v.GetMute() != nil,
		MuteEnd:    v.GetMute().GetUntilMs(),
		Banned:     v.GetBan() != nil,
		BanEnd:     v.GetBan().GetUntilMs(),
	}
}

func invitationFromValue(id memberID, v *storev1.InvitationValue) Invitation {
	return Invitation{Room: id.room, User: id.user, By: actorFromValue(v.GetBy()), Role: Role(v.GetRole()), Time: v.GetTimeMs()}
}

func linkFromValue(id string, l link) Link {
	return Link{
		Room:    l.room,
		ID:      id,
		By:      actorFromValue(l.value.GetBy()),
		Role:    Role(l.value.GetRole()),
		Time:    l.value.GetTimeMs(),
		End:     l.value.GetUntilMs(),
		MaxUses: l.value.GetMaxUses(),
		Uses:    l.value.GetUses(),
	}
}

// messageFromValue copies what may still change, the reactions, and shares the body and the mentions.
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
		ReplyTo:    v.GetReplyTo(),
		Mentions:   v.GetMentions(),
		Thread:     Thread{Count: v.GetReplies(), LastSeq: v.GetLastReply(), LastTime: v.GetLastReplyTimeMs()},
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

// contentHash returns the first 16 bytes of the SHA-256 of what a publish says: which message it answers and whom it
// mentions, if it does, then its kind of body, its type with a length before it, its bytes. It does not depend on how
// protobuf encodes.
func contentHash(c *storev1.Publish) []byte {
	var buf [512]byte
	in := buf[:0]
	if c.GetReplyTo() != 0 {
		in = binary.AppendUvarint(append(in, 3), c.GetReplyTo())
	}
	for _, user := range c.GetMentions() {
		in = binary.AppendUvarint(append(in, 4), uint64(len(user)))
		in = append(in, user...)
	}
	switch body := c.GetBody().GetKind().(type) {
	case *storev1.Body_Text:
		in = append(append(in, 1), body.Text...)
	case *storev1.Body_Data:
		in = binary.AppendUvarint(append(in, 2), uint64(len(body.Data.GetType())))
		in = append(append(in, body.Data.GetType()...), body.Data.GetValue()...)
	}
	sum := sha256.Sum256(in)
	return sum[:16]
}
