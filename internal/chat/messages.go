package chat

import (
	"context"
	"errors"
	"math"

	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// Page sizes of messages.
const (
	defaultMessagePage = 50
	maxMessagePage     = 100
	messagePageBytes   = 256 << 10
)

// messageService implements rialto.chat.v1.MessageService.
type messageService struct {
	chatv1.UnimplementedMessageServiceServer
	engine *engine
}

// ListMessages implements chatv1.MessageServiceServer.
func (s *messageService) ListMessages(ctx context.Context, req *chatv1.ListMessagesRequest) (*chatv1.ListMessagesResponse, error) {
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	id := state.RoomID(req.GetRoom())
	v, err := s.engine.viewAt(ctx, id, callerID(ctx), req.GetMinRev())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	room, _, err := s.engine.enter(v, id, callerID(ctx))
	if err != nil {
		return nil, err
	}
	from, back := position(req)
	n := pageSize(req.GetPageSize(), defaultMessagePage, maxMessagePage)
	messages, err := readPage(v, id, req.GetReplyTo(), from, back, n)
	if err != nil {
		return nil, s.engine.internal("list messages", err)
	}
	return &chatv1.ListMessagesResponse{
		Messages: messagesProto(messages),
		Room:     roomProto(room),
		Epoch:    string(v.Epoch()),
	}, nil
}

// readPage reads a page of a room, or of the messages in it that answer one.
func readPage(v state.View, room state.RoomID, replyTo, from uint64, back bool, n int) ([]*state.Message, error) {
	if replyTo != 0 {
		return v.Replies(room, replyTo, from, back, n, messagePageBytes)
	}
	return v.Messages(room, from, back, n, messagePageBytes)
}

// position returns where a page starts, and whether it goes back from there.
func position(req *chatv1.ListMessagesRequest) (from uint64, back bool) {
	switch p := req.GetPosition().(type) {
	case *chatv1.ListMessagesRequest_BeforeSeq:
		return p.BeforeSeq, true
	case *chatv1.ListMessagesRequest_AfterSeq:
		return p.AfterSeq, false
	default:
		return math.MaxUint64, true
	}
}

// GetMessage implements chatv1.MessageServiceServer.
func (s *messageService) GetMessage(ctx context.Context, req *chatv1.GetMessageRequest) (*chatv1.GetMessageResponse, error) {
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	id := state.RoomID(req.GetRoom())
	v, err := s.engine.viewAt(ctx, id, callerID(ctx), req.GetMinRev())
	if err != nil {
		return nil, err
	}
	defer v.Close()
	if _, _, err := s.engine.enter(v, id, callerID(ctx)); err != nil {
		return nil, err
	}
	m, err := s.engine.message(v, id, req.GetSeq())
	if err != nil {
		return nil, err
	}
	return &chatv1.GetMessageResponse{Message: messageProto(m)}, nil
}

// PostMessage implements chatv1.MessageServiceServer.
func (s *messageService) PostMessage(ctx context.Context, req *chatv1.PostMessageRequest) (*chatv1.PostMessageResponse, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	actor, err := s.engine.actor(who)
	if err != nil {
		return nil, err
	}
	rec, err := s.engine.publishRecord(actor, unaryPaths, publishOf(req))
	if err != nil {
		return nil, err
	}
	if err := s.engine.admitPublish(network(ctx), who.ID, state.RoomID(req.GetRoom())); err != nil {
		return nil, err
	}
	result, err := s.engine.appendIn(ctx, state.RoomID(req.GetRoom()), rec)
	if err != nil {
		return nil, err
	}
	m, err := s.current(req.GetRoom(), result.Seq)
	if errors.Is(err, errNoSuchMessage) {
		m, err = gone(req, who, result), nil
	}
	if err != nil {
		return nil, err
	}
	return &chatv1.PostMessageResponse{Message: m, Duplicate: result.Duplicate}, nil
}

// gone returns what is known of a message that was posted and has left the room.
func gone(req *chatv1.PostMessageRequest, who auth.Principal, r state.Result) *chatv1.Message {
	return &chatv1.Message{
		Room: req.GetRoom(), Seq: r.Seq, Rev: r.Rev, Sender: userProto(actorOf(who)), CreateTime: timeProto(r.Time),
		ClientId: req.GetClientId(),
	}
}

// publishOf returns the command that a PostMessage is.
func publishOf(req *chatv1.PostMessageRequest) *chatv1.Publish {
	cmd := &chatv1.Publish{
		Room: req.GetRoom(), ClientId: req.GetClientId(), ReplyTo: req.GetReplyTo(), Mentions: req.GetMentions(),
	}
	switch b := req.GetBody().(type) {
	case *chatv1.PostMessageRequest_Text:
		cmd.Body = &chatv1.Publish_Text{Text: b.Text}
	case *chatv1.PostMessageRequest_Data:
		cmd.Body = &chatv1.Publish_Data{Data: b.Data}
	}
	return cmd
}

// EditMessage implements chatv1.MessageServiceServer.
func (s *messageService) EditMessage(ctx context.Context, req *chatv1.EditMessageRequest) (*chatv1.EditMessageResponse, error) {
	m, err := s.change(ctx, req, func() error {
		if err := s.engine.validateText("text", req.GetText()); err != nil {
			return err
		}
		return validateMentions("mentions", req.GetMentions())
	}, &storev1.Edit{
		Room: req.GetRoom(), Seq: req.GetSeq(), Text: req.GetText(), Mentions: req.GetMentions(), ExpectedRev: req.ExpectedRev,
	})
	if err != nil {
		return nil, err
	}
	return &chatv1.EditMessageResponse{Message: m}, nil
}

// DeleteMessage implements chatv1.MessageServiceServer.
func (s *messageService) DeleteMessage(ctx context.Context, req *chatv1.DeleteMessageRequest) (*chatv1.DeleteMessageResponse, error) {
	m, err := s.change(ctx, req, nothingElse, &storev1.Delete{Room: req.GetRoom(), Seq: req.GetSeq()})
	if err != nil {
		return nil, err
	}
	return &chatv1.DeleteMessageResponse{Message: m}, nil
}

// AddReaction implements chatv1.MessageServiceServer.
func (s *messageService) AddReaction(ctx context.Context, req *chatv1.AddReactionRequest) (*chatv1.AddReactionResponse, error) {
	m, err := s.change(ctx, req, func() error { return validateEmoji("emoji", req.GetEmoji()) },
		s.engine.reaction(req))
	if err != nil {
		return nil, err
	}
	return &chatv1.AddReactionResponse{Message: m}, nil
}

// reaction returns the command that an AddReaction is. Apply decides by the limits that it carries.
func (e *engine) reaction(req *chatv1.AddReactionRequest) *storev1.React {
	return &storev1.React{
		Room: req.GetRoom(), Seq: req.GetSeq(), Emoji: req.GetEmoji(),
		MaxReactions: uint32(e.limits.Reactions), MaxKinds: uint32(e.limits.ReactionKinds),
	}
}

// RemoveReaction implements chatv1.MessageServiceServer.
func (s *messageService) RemoveReaction(ctx context.Context, req *chatv1.RemoveReactionRequest) (*chatv1.RemoveReactionResponse, error) {
	m, err := s.change(ctx, req, func() error { return validateEmoji("emoji", req.GetEmoji()) },
		&storev1.React{Room: req.GetRoom(), Seq: req.GetSeq(), Emoji: req.GetEmoji(), Remove: true})
	if err != nil {
		return nil, err
	}
	return &chatv1.RemoveReactionResponse{Message: m}, nil
}

// messageRequest is a request about one message.
type messageRequest interface {
	GetRoom() string
	GetSeq() uint64
}

func nothingElse() error { return nil }

// change appends a command about a message and returns the message afterwards. What validate checks comes after the
// caller and the room.
func (s *messageService) change(ctx context.Context, req messageRequest, validate func() error, command proto.Message) (*chatv1.Message, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if err := validateRoom("room", req.GetRoom()); err != nil {
		return nil, err
	}
	if err := validate(); err != nil {
		return nil, err
	}
	if _, err := s.engine.do(ctx, who, command); err != nil {
		return nil, err
	}
	return s.current(req.GetRoom(), req.GetSeq())
}

// current returns a message as it is now.
func (s *messageService) current(room string, seq uint64) (*chatv1.Message, error) {
	v := s.engine.views.View()
	defer v.Close()
	m, err := s.engine.message(v, state.RoomID(room), seq)
	if err != nil {
		return nil, err
	}
	return messageProto(m), nil
}
