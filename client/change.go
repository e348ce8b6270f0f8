package client

import (
	"context"
	"slices"
	"time"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// EditOption changes one edit.
type EditOption interface {
	applyEdit(*chatv1.EditMessageRequest)
}

// Mentions says whom a message is about, by user id: at most 50, each once. It is a [PublishOption] and an [EditOption].
type Mentions []string

func (m Mentions) apply(p *chatv1.Publish)                { p.Mentions = slices.Clone(m) }
func (m Mentions) applyEdit(r *chatv1.EditMessageRequest) { r.Mentions = slices.Clone(m) }

// IfRev has an edit refused with ABORTED if the message has changed since that rev.
func IfRev(rev uint64) EditOption { return ifRev(rev) }

type ifRev uint64

func (i ifRev) applyEdit(r *chatv1.EditMessageRequest) { r.ExpectedRev = (*uint64)(&i) }

// Edit replaces the text of a message of one's own, and whom it mentions: nobody, without [Mentions]. It returns when that is
// stored, however many connections it takes, with the message as it is then; everybody in the room gets an Edited event.
//
// A refusal is returned as the status that the server gave: PERMISSION_DENIED for somebody else's message,
// FAILED_PRECONDITION for a deleted one or one without text. One that may pass is waited out, except with [IfRev]: a
// repetition could not tell its own change from another.
func (r *Room) Edit(ctx context.Context, seq uint64, text string, opts ...EditOption) (*chatv1.Message, error) {
	request := &chatv1.EditMessageRequest{Room: r.id, Seq: seq, Text: text}
	for _, opt := range opts {
		opt.applyEdit(request)
	}
	if err := checkText(text); err != nil {
		return nil, err
	}
	edit := func() (*chatv1.EditMessageResponse, error) { return r.client.Messages().EditMessage(ctx, request) }
	if request.ExpectedRev != nil {
		response, err := edit()
		return response.GetMessage(), err
	}
	response, err := persist(ctx, r.client, refusedForNow, edit)
	return response.GetMessage(), err
}

// Delete makes a message a tombstone: its body and reactions are gone for good. One's own, or for a moderator of the room
// anybody's. Refusals are as of [Room.Edit]; deleting a tombstone does nothing.
func (r *Room) Delete(ctx context.Context, seq uint64) error {
	_, err := persist(ctx, r.client, refusedForNow, func() (*chatv1.DeleteMessageResponse, error) {
		return r.client.Messages().DeleteMessage(ctx, &chatv1.DeleteMessageRequest{Room: r.id, Seq: seq})
	})
	return err
}

// React adds this user's reaction to a message, an emoji or any short text without spaces, and returns the message as it is
// then. One that is there already stays. Refusals are as of [Room.Edit].
func (r *Room) React(ctx context.Context, seq uint64, emoji string) (*chatv1.Message, error) {
	if err := checkText(emoji); err != nil {
		return nil, err
	}
	response, err := persist(ctx, r.client, refusedForNow, func() (*chatv1.AddReactionResponse, error) {
		return r.client.Messages().AddReaction(ctx, &chatv1.AddReactionRequest{Room: r.id, Seq: seq, Emoji: emoji})
	})
	return response.GetMessage(), err
}

// Unreact takes this user's reaction back. One that is not there is no error.
func (r *Room) Unreact(ctx context.Context, seq uint64, emoji string) (*chatv1.Message, error) {
	if err := checkText(emoji); err != nil {
		return nil, err
	}
	response, err := persist(ctx, r.client, refusedForNow, func() (*chatv1.RemoveReactionResponse, error) {
		return r.client.Messages().RemoveReaction(ctx, &chatv1.RemoveReactionRequest{Room: r.id, Seq: seq, Emoji: emoji})
	})
	return response.GetMessage(), err
}

// persist repeats a call for as long as again says of its error that it may be, until it has an answer that stays, or ctx or
// the client ends. For a call that does nothing when it was done before, [refusedForNow] says so, for any other [surelyNotDone].
func persist[Response any](ctx context.Context, c *Client, again func(error) bool, call func() (Response, error)) (Response, error) {
	for attempt := 0; ; attempt++ {
		response, err := call()
		if err == nil || ctx.Err() != nil || !again(err) {
			return response, err
		}
		timer := time.NewTimer(c.config.backoff.delay(attempt, err))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return response, ctx.Err()
		case <-c.done:
			timer.Stop()
			return response, c.Err()
		}
	}
}
