package load

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
	crew    *Crew
	conn    grpc.ClientConnInterface
	name    string
	every   time.Duration // between two messages
	session bool          // publish over a session of the SDK, which repeats by itself; otherwise by unary calls

	// Those of run, and anybody's afterwards.
	acked, retries, repeated int
	err                      error // why it gave up before the end
}

// run posts until the crew is stopped; a message once begun is repeated until it is acknowledged or ctx ends.
func (p *publisher) run(ctx context.Context) {
	var guest *chatv1.CreateGuestResponse
	err := p.retry(ctx, func(ctx context.Context) (err error) {
		guest, err = chatv1.NewChatServiceClient(p.conn).CreateGuest(ctx, &chatv1.CreateGuestRequest{DisplayName: p.name}, grpc.WaitForReady(true))
		return err
	})
	if err != nil {
		return // ctx ended
	}
	post := p.unary(guest.GetGuestToken())
	if p.session {
		c, err := client.New(p.conn, client.WithToken(guest.GetGuestToken()), client.WithBackoff(20*time.Millisecond, 200*time.Millisecond))
		if err != nil {
			p.err = err
			return
		}
		defer c.Close()
		post = p.stream(c)
	}
	for n := 1; ctx.Err() == nil; n++ {
		select {
		case <-p.crew.done:
			return
		case <-time.After(p.every):
		}
		clientID := fmt.Sprintf("m%d", n)
		note := p.crew.recorder.Publish(p.crew.opts.Room, guest.GetUser().GetId(), clientID)
		seq, rev, duplicate, err := post(ctx, clientID, clientID+" of "+p.name)
		if err != nil {
			p.err = fmt.Errorf("%s: %s: %w", p.name, clientID, err)
			return
		}
		note.Acknowledged(seq, rev)
		p.acked++
		if duplicate {
			p.repeated++
		}
	}
}

// post stores one message, however many tries that takes; an error is that of ctx.
type post func(ctx context.Context, clientID, text string) (seq, rev uint64, duplicate bool, err error)

// unary posts by MessageService.PostMessage, repeating it under the same client_id.
func (p *publisher) unary(token string) post {
	return func(ctx context.Context, clientID, text string) (uint64, uint64, bool, error) {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
		var resp *chatv1.PostMessageResponse
		err := p.retry(ctx, func(ctx context.Context) (err error) {
			resp, err = chatv1.NewMessageServiceClient(p.conn).PostMessage(ctx, &chatv1.PostMessageRequest{
				Room:     p.crew.opts.Room,
				ClientId: clientID,
				Body:     &chatv1.PostMessageRequest_Text{Text: text},
			}, grpc.WaitForReady(true))
			return err
		})
		return resp.GetMessage().GetSeq(), resp.GetMessage().GetRev(), resp.GetDuplicate(), err
	}
}

// stream posts over the session, which repeats what has no answer by itself.
func (p *publisher) stream(c *client.Client) post {
	return func(ctx context.Context, clientID, text string) (uint64, uint64, bool, error) {
		result, err := c.Publish(ctx, p.crew.opts.Room, text, client.WithClientID(clientID))
		return result.GetSeq(), result.GetRev(), result.GetDuplicate(), err
	}
}

// retry calls f until it succeeds or ctx ends.
func (p *publisher) retry(ctx context.Context, f func(context.Context) error) error {
	for {
		try, cancel := context.WithTimeout(ctx, p.crew.opts.Try)
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
