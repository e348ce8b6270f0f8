package client_test

import (
	"context"
	"fmt"
	"log"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/rialto-rpc/rialto/bridge"
	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

func Example() {
	server := startExampleServer() // "localhost:9090", if it is `rialto serve`
	defer server.stop()

	conn, err := grpc.NewClient(server.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
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
			room.Leave() // ends the loop; a chat would go on
		}
	}
	// Output: 1 ana hello
}

// Over a WebSocket, where only HTTP gets through: any connection will do.
func ExampleNew_bridge() {
	server := startExampleServer()
	defer server.stop()

	conn, err := bridge.Dial("ws://" + server.http) // "wss://chat.example.com"
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	c, err := client.New(conn, client.WithDisplayName("ana"))
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	result, err := c.Publish(context.Background(), "lobby", "hello")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("message", result.GetSeq())
	// Output: message 1
}

// A program that may be killed between storing and noting that it has stored: it keeps the id first, and repeats.
func ExampleWithClientID() {
	server := startExampleServer()
	defer server.stop()
	c := server.client("nightly")

	id := client.NewClientID() // keep it where it outlives the program
	for range 2 {              // the second run
		result, err := c.Publish(context.Background(), "reports", "all is well", client.WithClientID(id))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("message", result.GetSeq(), "duplicate:", result.GetDuplicate())
	}
	// Output:
	// message 1 duplicate: false
	// message 1 duplicate: true
}

// A bot that handles each message once, across restarts: it keeps its position together with what came of the message.
func ExampleResumeAfter() {
	server := startExampleServer()
	defer server.stop()
	c := server.client("bot")
	ctx := context.Background()
	for _, order := range []string{"espresso", "cappuccino", "ristretto"} {
		if _, err := c.Publish(ctx, "orders", order); err != nil {
			log.Fatal(err)
		}
	}

	var position client.Position // as kept by the last run; the zero position begins with a snapshot
	run := func(until int) {
		room, err := c.Join(ctx, "orders", client.ResumeAfter(position))
		if err != nil {
			log.Fatal(err)
		}
		defer room.Leave()
		handled := 0
		for handled < until {
			event, err := room.Next(ctx)
			if err != nil {
				log.Fatal(err)
			}
			for _, m := range append(event.GetSnapshot().GetMessages(), event.GetPosted()) {
				if m != nil {
					fmt.Println("handled", m.GetText())
					handled++
				}
			}
			position = room.Position()
		}
	}
	run(3)
	if _, err := c.Publish(ctx, "orders", "macchiato"); err != nil { // while the bot is down
		log.Fatal(err)
	}
	fmt.Println("restarted")
	run(1)
	// Output:
	// handled espresso
	// handled cappuccino
	// handled ristretto
	// restarted
	// handled macchiato
}

func ExampleRoom_Edit() {
	server := startExampleServer()
	defer server.stop()
	c := server.client("ana")
	ctx := context.Background()
	room, err := c.Join(ctx, "lobby", client.FromNow())
	if err != nil {
		log.Fatal(err)
	}
	result, err := room.Publish(ctx, "What news on the Realto?")
	if err != nil {
		log.Fatal(err)
	}
	message, err := room.Edit(ctx, result.GetSeq(), "What news on the Rialto?")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(message.GetText())
	if message, err = room.React(ctx, result.GetSeq(), "👍"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(message.GetReactions()), "reaction")
	// Output:
	// What news on the Rialto?
	// 1 reaction
}

// A bot that goes wherever it is invited, and says hello there.
func ExampleClient_Feeds() {
	server := startExampleServer()
	defer server.stop()
	bot, ana := server.client("bot"), server.client("ana")
	ctx := context.Background()
	user, err := bot.Ready(ctx)
	if err != nil {
		log.Fatal(err)
	}

	go func() { // ana makes a private room and invites the bot, by the generated clients
		den := &chatv1.CreateRoomRequest{Room: "den", Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE}
		if _, err := ana.Rooms().CreateRoom(ctx, den); err != nil {
			log.Fatal(err)
		}
		if _, err := ana.Members().InviteMember(ctx, &chatv1.InviteMemberRequest{Room: "den", UserId: user.GetId()}); err != nil {
			log.Fatal(err)
		}
	}()
	for feed := range bot.Feeds(ctx) {
		for _, invitation := range feed.Invitations {
			id := invitation.GetRoom().GetId()
			if _, err := bot.Members().AddMember(ctx, &chatv1.AddMemberRequest{Room: id}); err != nil {
				log.Fatal(err)
			}
			if _, err := bot.Publish(ctx, id, "hello"); err != nil {
				log.Fatal(err)
			}
		}
		if room := feed.Room("den"); room != nil {
			fmt.Println("in", room.GetRoom().GetId(), "by invitation")
			break // a bot would go on
		}
	}
	// Output: in den by invitation
}
