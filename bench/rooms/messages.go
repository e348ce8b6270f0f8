package main

import (
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// joinResponse answers a join of a room whose newest message is seq.
func joinResponse(room, requestID string, seq uint64) []byte {
	r := &chatv1.Room{Id: room, HeadSeq: seq, HeadRev: seq}
	return encode(&chatv1.ConnectResponse{
		Replies: []*chatv1.Reply{{RequestId: requestID, Result: &chatv1.Reply_Join{Join: &chatv1.JoinResult{Room: r}}}},
		Events: []*chatv1.Event{{
			Room: room, Rev: seq, Kind: &chatv1.Event_Snapshot{Snapshot: &chatv1.Snapshot{Room: r}},
		}},
	})
}

// messageResponse is a message as an event.
func messageResponse(room string, seq uint64, text string) []byte {
	return encode(&chatv1.ConnectResponse{Events: []*chatv1.Event{{
		Room: room, Rev: seq, Kind: &chatv1.Event_Posted{Posted: &chatv1.Message{
			Room: room, Seq: seq, Rev: seq, Body: &chatv1.Message_Text{Text: text},
		}},
	}}})
}

// encode encodes a message whose strings are our own: it cannot fail.
func encode(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}
