package chat

import (
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// This file makes the records of commands that come both as a unary call and on Connect. All functions validate first.

// fieldPaths are the paths of a command's fields in the request that carries it. They are put together once, so that
// validation does not.
type fieldPaths struct{ room, clientID, body, text, data, mentions string }

// pathsUnder returns the paths of fields of the message at prefix, which is empty or ends with a dot.
func pathsUnder(prefix string) *fieldPaths {
	return &fieldPaths{
		room:     prefix + "room",
		clientID: prefix + "client_id",
		body:     prefix + "body",
		text:     prefix + "text",
		data:     prefix + "data",
		mentions: prefix + "mentions",
	}
}

// The requests that carry such commands.
var (
	unaryPaths    = pathsUnder("")
	publishPaths  = pathsUnder("publish.")
	markReadPaths = pathsUnder("mark_read.")
)

// publishRecord returns the record of a message to post.
func (e *engine) publishRecord(actor state.Actor, paths *fieldPaths, cmd *chatv1.Publish) (state.Record, error) {
	if err := validateRoom(paths.room, cmd.GetRoom()); err != nil {
		return state.Record{}, err
	}
	if err := validateClientID(paths.clientID, cmd.GetClientId()); err != nil {
		return state.Record{}, err
	}
	if err := validateMentions(paths.mentions, cmd.GetMentions()); err != nil {
		return state.Record{}, err
	}
	var body storev1.Body
	switch b := cmd.GetBody().(type) {
	case *chatv1.Publish_Text:
		if err := e.validateText(paths.text, b.Text); err != nil {
			return state.Record{}, err
		}
		body.Kind = &storev1.Body_Text{Text: b.Text}
	case *chatv1.Publish_Data:
		if err := e.validateData(paths.data, b.Data); err != nil {
			return state.Record{}, err
		}
		body.Kind = &storev1.Body_Data{Data: &storev1.TypedBytes{Type: b.Data.GetType(), Value: b.Data.GetValue()}}
	default:
		return state.Record{}, invalidArgument(paths.body, "one of text and data is required")
	}
	return e.record(actor, &storev1.Publish{
		Room: cmd.GetRoom(), ClientId: cmd.GetClientId(), Body: &body, ReplyTo: cmd.GetReplyTo(), Mentions: cmd.GetMentions(),
	})
}

// validateText checks a message's text, and counts one that is too long.
func (e *engine) validateText(field, text string) error {
	if len(text) > e.limits.TextBytes {
		e.meter.count(MaxText)
	}
	return e.limits.validateText(field, text)
}

// validateData checks typed bytes, and counts those that are too many.
func (e *engine) validateData(field string, d *chatv1.Data) error {
	if len(d.GetValue()) > e.limits.DataBytes {
		e.meter.count(MaxData)
	}
	return e.limits.validateData(field, d)
}

// markReadRecord returns the record of a read marker to set.
func (e *engine) markReadRecord(actor state.Actor, paths *fieldPaths, cmd *chatv1.MarkRead) (state.Record, error) {
	if err := validateRoom(paths.room, cmd.GetRoom()); err != nil {
		return state.Record{}, err
	}
	return e.record(actor, &storev1.MarkRead{Room: cmd.GetRoom(), Seq: cmd.GetSeq()})
}

// record returns the record of a valid command.
func (e *engine) record(actor state.Actor, command proto.Message) (state.Record, error) {
	rec, err := state.NewRecord(actor, e.now().UnixMilli(), command)
	if err != nil {
		return state.Record{}, e.internal("make record", err)
	}
	return rec, nil
}
