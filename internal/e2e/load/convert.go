package load

import (
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/history"
)

func messageOf(m *chatv1.Message) history.Message {
	return history.Message{Seq: m.GetSeq(), Rev: m.GetRev(), Sender: m.GetSender().GetId(), ClientID: m.GetClientId()}
}

func pageOf(epoch string, room *chatv1.Room, messages []*chatv1.Message) history.Page {
	p := history.Page{Epoch: epoch, HeadRev: room.GetHeadRev(), HeadSeq: room.GetHeadSeq(), ToHead: true}
	for _, m := range messages {
		p.Messages = append(p.Messages, messageOf(m))
	}
	return p
}

// eventOf returns what matters of an event that has a rev and is no snapshot.
func eventOf(epoch string, e *chatv1.Event) history.Event {
	fact := history.Fact{Kind: "other"}
	switch kind := e.GetKind().(type) {
	case *chatv1.Event_Posted:
		fact = factOf(history.Posted, kind.Posted)
	case *chatv1.Event_Edited:
		fact = factOf("edited", kind.Edited)
	case *chatv1.Event_Deleted:
		fact = factOf("deleted", kind.Deleted)
	case *chatv1.Event_Reacted:
		fact = factOf("reacted", kind.Reacted)
	}
	return history.Event{Epoch: epoch, Rev: e.GetRev(), Fact: fact}
}

func factOf(kind string, m *chatv1.Message) history.Fact {
	return history.Fact{Kind: kind, Seq: m.GetSeq(), Sender: m.GetSender().GetId(), ClientID: m.GetClientId()}
}
