package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// publisher is one identity that posts one message after another.
type publisher struct {
	conn       *grpc.ClientConn
	room, name string
	session    bool // publish over a session of the Go SDK, which repeats by itself; otherwise by unary calls

	user     string // its id, once it has one
	acked    []ack
	retries  int
	repeated int
	err      error // why it gave up before the end
}

type ack struct {
	clientID string
	seq      uint64
}

// run posts until stop is closed; a message once begun is repeated until it is acknowledged or ctx ends.
func (p *publisher) run(ctx context.Context, stop <-chan struct{}, every time.Duration) {
	var guest *chatv1.CreateGuestResponse
	_ = p.retry(ctx, func(ctx context.Context) (err error) {
		guest, err = chatv1.NewChatServiceClient(p.conn).CreateGuest(ctx, &chatv1.CreateGuestRequest{DisplayName: p.name}, grpc.WaitForReady(true))
		return err
	})
	p.user = guest.GetUser().GetId()

	post := p.unary(guest.GetGuestToken())
	if p.session {
		c, err := client.New(p.conn, client.WithToken(guest.GetGuestToken()), client.WithBackoff(20*time.Millisecond, 200*time.Millisecond))
		if err != nil {
			panic(err) // the options are constants
		}
		defer c.Close()
		post = p.stream(c)
	}
	for n := 1; ctx.Err() == nil; n++ {
		select {
		case <-stop:
			return
		case <-time.After(every):
		}
		clientID := fmt.Sprintf("m%d", n)
		seq, duplicate, err := post(ctx, clientID, clientID+" of "+p.name)
		if err != nil {
			p.err = fmt.Errorf("%s: %s: %w", p.name, clientID, err)
			return
		}
		p.acked = append(p.acked, ack{clientID, seq})
		if duplicate {
			p.repeated++
		}
	}
}

// post stores one message, however many tries that takes; an error is that of ctx.
type post func(ctx context.Context, clientID, text string) (seq uint64, duplicate bool, err error)

// unary posts by MessageService.PostMessage, repeating it under the same client_id.
func (p *publisher) unary(token string) post {
	return func(ctx context.Context, clientID, text string) (uint64, bool, error) {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
		var resp *chatv1.PostMessageResponse
		err := p.retry(ctx, func(ctx context.Context) (err error) {
			resp, err = chatv1.NewMessageServiceClient(p.conn).PostMessage(ctx, &chatv1.PostMessageRequest{
				Room:     p.room,
				ClientId: clientID,
				Body:     &chatv1.PostMessageRequest_Text{Text: text},
			}, grpc.WaitForReady(true))
			return err
		})
		return resp.GetMessage().GetSeq(), resp.GetDuplicate(), err
	}
}

// stream posts over the session, which repeats what has no answer by itself.
func (p *publisher) stream(c *client.Client) post {
	return func(ctx context.Context, clientID, text string) (uint64, bool, error) {
		result, err := c.Publish(ctx, p.room, text, client.WithClientID(clientID))
		return result.GetSeq(), result.GetDuplicate(), err
	}
}

// retry calls f until it succeeds or ctx ends.
func (p *publisher) retry(ctx context.Context, f func(context.Context) error) error {
	for {
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := f(try)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
		p.retries++
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}
