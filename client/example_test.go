package client_test

import (
	"context"
	"fmt"
	"log"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

func Example() {
	conn, err := grpc.NewClient("localhost:9090", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	c, err := client.New(conn, client.WithDisplayName("ana"))
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	ctx := context.Background()
	room, err := c.Join(ctx, "lobby", client.History(50))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := room.Publish(ctx, "hello"); err != nil { // returns when it is stored
		log.Fatal(err)
	}
	for event, err := range room.Events(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		switch e := event.GetKind().(type) {
		case *chatv1.Event_Snapshot: // the start, or a fresh one: drop what is held of the room
			for _, m := range e.Snapshot.GetMessages() {
				fmt.Println(m.GetSeq(), m.GetSender().GetDisplayName(), m.GetText())
			}
		case *chatv1.Event_Posted:
			fmt.Println(e.Posted.GetSeq(), e.Posted.GetSender().GetDisplayName(), e.Posted.GetText())
		}
	}
}
