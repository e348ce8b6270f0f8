package chat

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// This file turns what the state machine knows into what clients see. The messages it returns are fresh, except that
// data bodies, mentions and reactions share their bytes and ids with the state: nobody writes to them.

// actorOf returns who a principal is to the state machine.
func actorOf(p auth.Principal) state.Actor {
	return state.Actor{ID: p.ID, Name: p.Name, Guest: p.Guest}
}

// userProto returns nil for nobody.
func userProto(a state.Actor) *chatv1.User {
	if a.ID == "" {
		return nil
	}
	return &chatv1.User{Id: a.ID, DisplayName: a.Name, Guest: a.Guest}
}

// roomProto of a room that does not exist, state.Room{ID: id}, has only its id.
func roomProto(r state.Room) *chatv1.Room {
	return &chatv1.Room{
		Id:         string(r.ID),
		Title:      r.Settings.Title,
		Topic:      r.Settings.Topic,
		SlowMode:   durationProto(r.Settings.SlowMode),
		CreateTime: timeProto(r.CreateTime),
		Creator:    userProto(r.Creator),
		HeadSeq:    r.Head.Seq,
		HeadRev:    r.Head.Rev,
		FirstSeq:   r.Head.FirstSeq,
		UpdateTime: timeProto(r.Head.UpdateTime),

		Kind:        chatv1.RoomKind(r.Settings.Kind),
		Posting:     chatv1.Role(r.Settings.Posting),
		ArchiveTime: timeProto(r.Settings.ArchiveTime),
		MemberCount: r.Members,

		JoinRequests: r.Settings.Requests,
		People:       r.People,
		Retention:    retentionProto(r.Settings.Retention),
	}
}

// retentionProto returns nil where the room leaves it to the server.
func retentionProto(r state.Retention) *chatv1.Retention {
	if !r.Set {
		return nil
	}
	return &chatv1.Retention{MaxAge: durationProto(r.Age), MaxMessages: r.Messages}
}

// messageProto returns a message, or its tombstone without body and reactions.
func messageProto(m *state.Message) *chatv1.Message {
	p := &chatv1.Message{
		Room:       string(m.Room),
		Seq:        m.Seq,
		Rev:        m.Rev,
		Sender:     userProto(m.Sender),
		CreateTime: timeProto(m.CreateTime),
		EditTime:   timeProto(m.EditTime),
		DeleteTime: timeProto(m.DeleteTime),
		ClientId:   m.ClientID,
		ReplyTo:    m.ReplyTo,
		Thread:     threadProto(m.Thread),
	}
	if m.DeleteTime != 0 {
		return p
	}
	if m.DataType != "" {
		p.Body = &chatv1.Message_Data{Data: &chatv1.Data{Type: m.DataType, Value: m.Data}}
	} else {
		p.Body = &chatv1.Message_Text{Text: m.Text}
	}
	p.Mentions = m.Mentions
	for _, r := range m.Reactions {
		p.Reactions = append(p.Reactions, &chatv1.Reaction{Emoji: r.Emoji, UserIds: r.UserIDs})
	}
	return p
}

// threadProto returns nil for a message that nothing ever answered.
func threadProto(t state.Thread) *chatv1.Thread {
	if t.Count == 0 {
		return nil
	}
	return &chatv1.Thread{Count: t.Count, LastSeq: t.LastSeq, LastTime: timeProto(t.LastTime)}
}

func messagesProto(ms []*state.Message) []*chatv1.Message {
	ps := make([]*chatv1.Message, len(ms))
	for i, m := range ms {
		ps[i] = messageProto(m)
	}
	return ps
}

func memberProto(m state.Member) *chatv1.Member {
	return &chatv1.Member{
		Room:       string(m.Room),
		User:       userProto(m.User),
		Role:       chatv1.Role(m.Role),
		CreateTime: timeProto(m.CreateTime),
		Muted:      m.Muted,
		MuteEnd:    timeProto(m.MuteEnd),
		Banned:     m.Banned,
	}
}

func linkProto(l state.Link) *chatv1.Link {
	return &chatv1.Link{
		Room:       string(l.Room),
		Id:         l.ID,
		Creator:    userProto(l.By),
		Role:       chatv1.Role(l.Role),
		CreateTime: timeProto(l.Time),
		EndTime:    timeProto(l.End),
		MaxUses:    l.MaxUses,
		Uses:       l.Uses,
	}
}

func requestProto(r state.Request) *chatv1.MembershipRequest {
	return &chatv1.MembershipRequest{Room: string(r.Room), User: userProto(r.User), Note: r.Note, CreateTime: timeProto(r.Time)}
}

func auditProto(room state.RoomID, a state.Act) *chatv1.AuditEntry {
	return &chatv1.AuditEntry{
		Room:    string(room),
		Action:  chatv1.AuditAction(a.Action),
		Actor:   userProto(a.Actor),
		Time:    timeProto(a.Time),
		UserId:  a.User,
		Seq:     a.Seq,
		EndTime: timeProto(a.Until),
		Text:    a.Text,
		Role:    chatv1.Role(a.Role),
	}
}

func banProto(b state.Ban) *chatv1.Ban {
	return &chatv1.Ban{
		Room:       string(b.Room),
		User:       userProto(b.User),
		BannedBy:   userProto(b.By),
		Reason:     b.Reason,
		CreateTime: timeProto(b.Time),
		EndTime:    timeProto(b.End),
	}
}

// invitationProto returns an invitation to a room, of which the invited may know what it is, but not what happens in it.
func invitationProto(i state.Invitation, room state.Room) *chatv1.Invitation {
	room.Head = state.Head{}
	return &chatv1.Invitation{
		Room:       roomProto(room),
		UserId:     i.User,
		InvitedBy:  userProto(i.By),
		Role:       chatv1.Role(i.Role),
		CreateTime: timeProto(i.Time),
	}
}

// readMarkerProto returns the marker of somebody who has read room up to seq while its head was h.
func readMarkerProto(room state.RoomID, seq uint64, h state.Head) *chatv1.ReadMarker {
	return &chatv1.ReadMarker{Room: string(room), Seq: seq, Unread: unread(seq, h)}
}

// unread counts the kept messages above a marker: head_seq - max(seq, first_seq - 1).
func unread(seq uint64, h state.Head) uint64 {
	if h.FirstSeq > 0 {
		seq = max(seq, h.FirstSeq-1)
	}
	if seq >= h.Seq {
		return 0
	}
	return h.Seq - seq
}

// eventProto returns a change as clients see it. One of a kind that the API does not know still has room, rev and time.
func eventProto(e *state.Event) *chatv1.Event {
	p := &chatv1.Event{Room: string(e.Room), Rev: e.Rev, Time: timeProto(e.Time)}
	if aboutMessage(e) && e.Message == nil {
		return p // it has left the room
	}
	switch e.Kind {
	case state.Posted:
		p.Kind = &chatv1.Event_Posted{Posted: messageProto(e.Message)}
	case state.Edited:
		p.Kind = &chatv1.Event_Edited{Edited: messageProto(e.Message)}
	case state.Deleted:
		p.Kind = &chatv1.Event_Deleted{Deleted: messageProto(e.Message)}
	case state.Reacted:
		p.Kind = &chatv1.Event_Reacted{Reacted: messageProto(e.Message)}
	case state.RoomChanged:
		p.Kind = &chatv1.Event_RoomChanged{RoomChanged: roomProto(*e.State)}
	case state.MemberChanged:
		p.Kind = &chatv1.Event_MemberChanged{MemberChanged: memberProto(*e.Member)}
	case state.MemberRemoved:
		p.Kind = &chatv1.Event_MemberRemoved{MemberRemoved: memberProto(*e.Member)}
	case state.Trimmed:
		p.Kind = &chatv1.Event_Trimmed{Trimmed: &chatv1.Trimmed{FirstSeq: e.First}}
	}
	if e.Actor.ID != subject(e) {
		p.Actor = userProto(e.Actor)
	}
	return p
}

// subject returns who is taken to have done what an event tells, if it does not say who did.
func subject(e *state.Event) string {
	switch e.Kind {
	case state.Posted, state.Edited, state.Deleted:
		return e.Message.Sender.ID
	case state.MemberChanged, state.MemberRemoved:
		return e.Member.User.ID
	case state.Trimmed:
		return e.Actor.ID // nobody
	}
	return ""
}

// aboutMessage reports whether an event is of a kind that shows a message.
func aboutMessage(e *state.Event) bool { return e.Kind == state.Posted || changesMessage(e) }

// durationProto returns milliseconds as a duration; unset for 0.
func durationProto(ms int64) *durationpb.Duration {
	if ms == 0 {
		return nil
	}
	return durationpb.New(time.Duration(ms) * time.Millisecond)
}

// timeProto returns unix milliseconds as a timestamp; unset for 0.
func timeProto(ms int64) *timestamppb.Timestamp {
	if ms == 0 {
		return nil
	}
	return timestamppb.New(time.UnixMilli(ms))
}
