package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// maxPublishBytes is where a message is refused here, because a server ends the whole session over a request of 1 MiB,
// and every session after it that repeats the message.
const maxPublishBytes = 1<<20 - 1024

// blameBytes is the size up to which a message is never what ended a session: every server takes that much.
const blameBytes = 1024

// PublishOption changes one publish.
type PublishOption interface{ apply(*chatv1.Publish) }

type publishOptionFunc func(*chatv1.Publish)

func (f publishOptionFunc) apply(p *chatv1.Publish) { f(p) }

// WithClientID publishes under a client_id of the caller's, 1 to 64 bytes, so that it can be repeated after the
// program was restarted and is still stored once. It must be fresh for every message; [NewClientID] makes one.
// Default: a fresh one.
func WithClientID(id string) PublishOption {
	return publishOptionFunc(func(p *chatv1.Publish) { p.ClientId = id })
}

// ReplyTo makes the message an answer to the one with this seq in the same room.
func ReplyTo(seq uint64) PublishOption {
	return publishOptionFunc(func(p *chatv1.Publish) { p.ReplyTo = seq })
}

// NewClientID returns a random client_id.
func NewClientID() string { return rand.Text() }

// Publication is a publish on its way.
type Publication struct {
	client *Client
	done   chan struct{}

	publish   *chatv1.Publish
	requestID string

	// Guarded by client.mu.
	sent     bool      // on the present stream
	sendAt   time.Time // not before, after a refusal for now
	refusals int
	result   *chatv1.PublishResult
	err      error
}

// Publish posts text in the room and returns when it is stored there, however many connections that takes. It need not
// be joined.
//
// A refusal is returned as the status the server gave; one that may pass (UNAVAILABLE, or RESOURCE_EXHAUSTED with
// RetryInfo) is waited out. If ctx or the client ends first, the outcome is unknown: only another Publish with the same
// [WithClientID] settles it.
func (c *Client) Publish(ctx context.Context, room, text string, opts ...PublishOption) (*chatv1.PublishResult, error) {
	return c.publishAndWait(ctx, &chatv1.Publish{Room: room, Body: &chatv1.Publish_Text{Text: text}}, opts)
}

// PublishData is [Client.Publish] of typed bytes, which must not be changed afterwards.
func (c *Client) PublishData(ctx context.Context, room string, data *chatv1.Data, opts ...PublishOption) (*chatv1.PublishResult, error) {
	return c.publishAndWait(ctx, &chatv1.Publish{Room: room, Body: &chatv1.Publish_Data{Data: data}}, opts)
}

// PublishAsync returns as soon as the publish is on its way. Publishes are stored in the order of the calls, except that
// one refused for now may come after others that were already on the wire: none, with [WithMaxInFlight] of 1. When too many are without an answer (see
// [WithMaxInFlight]) it waits for a place, or for ctx to end; ctx does not matter afterwards.
func (c *Client) PublishAsync(ctx context.Context, room, text string, opts ...PublishOption) (*Publication, error) {
	return c.enqueue(ctx, &chatv1.Publish{Room: room, Body: &chatv1.Publish_Text{Text: text}}, opts)
}

// PublishDataAsync is [Client.PublishAsync] of typed bytes, which must not be changed afterwards.
func (c *Client) PublishDataAsync(ctx context.Context, room string, data *chatv1.Data, opts ...PublishOption) (*Publication, error) {
	return c.enqueue(ctx, &chatv1.Publish{Room: room, Body: &chatv1.Publish_Data{Data: data}}, opts)
}

// Publish is [Client.Publish] in this room.
func (r *Room) Publish(ctx context.Context, text string, opts ...PublishOption) (*chatv1.PublishResult, error) {
	return r.client.Publish(ctx, r.id, text, opts...)
}

// PublishAsync is [Client.PublishAsync] in this room.
func (r *Room) PublishAsync(ctx context.Context, text string, opts ...PublishOption) (*Publication, error) {
	return r.client.PublishAsync(ctx, r.id, text, opts...)
}

// ClientID returns the client_id that the message carries.
func (p *Publication) ClientID() string { return p.publish.GetClientId() }

// Done is closed when the outcome is there.
func (p *Publication) Done() <-chan struct{} { return p.done }

// Wait waits for the outcome, or for ctx to end, which does not stop the publish.
func (p *Publication) Wait(ctx context.Context) (*chatv1.PublishResult, error) {
	select {
	case <-p.done:
		return p.result, p.err
	default:
	}
	select {
	case <-p.done:
		return p.result, p.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *Client) publishAndWait(ctx context.Context, publish *chatv1.Publish, opts []PublishOption) (*chatv1.PublishResult, error) {
	p, err := c.enqueue(ctx, publish, opts)
	if err != nil {
		return nil, err
	}
	result, err := p.Wait(ctx)
	if err != nil && ctx.Err() != nil && !isClosed(p.done) {
		c.withdraw(p)
		return nil, fmt.Errorf("client: publish without an answer, outcome unknown: %w", err)
	}
	return result, err
}

// enqueue puts a publish at the end of those without an answer, when there is a place.
func (c *Client) enqueue(ctx context.Context, publish *chatv1.Publish, opts []PublishOption) (*Publication, error) {
	publish.ClientId = NewClientID()
	for _, opt := range opts {
		opt.apply(publish)
	}
	if err := checkPublish(publish); err != nil {
		return nil, err
	}
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.done:
		return nil, c.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		<-c.slots
		return nil, c.err
	}
	p := &Publication{client: c, done: make(chan struct{}), publish: publish, requestID: c.nextIDLocked()}
	c.publications = append(c.publications, p)
	if r := c.rooms[publish.GetRoom()]; r != nil {
		r.typing = typing{} // others take the message as the end of it
	}
	c.wakeUp()
	return p, nil
}

// withdraw gives up waiting for p's outcome, unless it has come.
func (c *Client) withdraw(p *Publication) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removeLocked(p)
}

// publishReplyLocked takes the answer to p.
func (c *Client) publishReplyLocked(p *Publication, result *chatv1.PublishResult, err error) {
	if err != nil && refusedForNow(err) {
		p.sent, p.sendAt = false, time.Now().Add(c.config.backoff.delay(p.refusals, err))
		p.refusals++
		c.oneByOne = true
		return
	}
	if err == nil && result == nil {
		err = status.Error(codes.Internal, "a reply of another kind")
	}
	if c.removeLocked(p) {
		c.settleLocked(p, result, err)
	}
}

// removeLocked takes p out of those without an answer, and frees its place; false if it was not there any more.
func (c *Client) removeLocked(p *Publication) bool {
	for i, other := range c.publications {
		if other == p {
			c.publications = append(c.publications[:i:i], c.publications[i+1:]...)
			c.oneByOne = c.oneByOne && len(c.publications) > 0
			<-c.slots
			return true
		}
	}
	return false
}

func (c *Client) settleLocked(p *Publication, result *chatv1.PublishResult, err error) {
	p.result, p.err = result, err
	close(p.done)
}

// blameLocked finds the message that a server with a lower limit than maxPublishBytes ended the session over, and fails
// it instead of repeating it in session after session: the largest of those it was asked to take.
func (c *Client) blameLocked(end error) {
	if _, later := retryInfo(end); status.Code(end) != codes.ResourceExhausted || later {
		return
	}
	var largest *Publication
	for _, p := range c.publications {
		if p.sent && (largest == nil || proto.Size(p.publish) > proto.Size(largest.publish)) {
			largest = p
		}
	}
	if largest != nil && proto.Size(largest.publish) > blameBytes && c.removeLocked(largest) {
		c.settleLocked(largest, nil, end)
	}
}

// checkPublish refuses what cannot even be sent: the wire would end the session over it.
func checkPublish(p *chatv1.Publish) error {
	texts := []string{p.GetRoom(), p.GetClientId(), p.GetText(), p.GetData().GetType()}
	if err := checkText(append(texts, p.GetMentions()...)...); err != nil {
		return err
	}
	if size := proto.Size(p); size > maxPublishBytes {
		return status.Errorf(codes.InvalidArgument, "a message of %d bytes is over %d", size, maxPublishBytes)
	}
	return nil
}

func checkText(texts ...string) error {
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return status.Error(codes.InvalidArgument, "text that is not valid UTF-8")
		}
	}
	return nil
}
