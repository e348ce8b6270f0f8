package client

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// Conn returns the connection with this client's identity on every call, for any generated client, such as
// chatv1.NewRoomServiceClient. It is how to do all that this package has no function for: what there is, is in the comments of
// rialto.chat.v1, and who may do it in docs/chat.md.
//
// Each call carries this client's token, and waits for one where there is none yet. A unary call that the server surely did not
// carry out, as it was asked too often (RESOURCE_EXHAUSTED with RetryInfo), is repeated when the server says; one that only
// reads (its method is called Get… or List…), also while the server cannot be reached; until ctx ends or the client does. All
// else is returned as the status that the server gave: a change without an answer (UNAVAILABLE) may have been made.
func (c *Client) Conn() grpc.ClientConnInterface { return identified{c} }

// Messages returns the generated client for messages and reactions, on [Client.Conn].
func (c *Client) Messages() chatv1.MessageServiceClient {
	return chatv1.NewMessageServiceClient(c.Conn())
}

// Rooms returns the generated client for making, listing and changing rooms, for direct rooms and the audit, on
// [Client.Conn].
func (c *Client) Rooms() chatv1.RoomServiceClient { return chatv1.NewRoomServiceClient(c.Conn()) }

// Members returns the generated client for memberships, invitations, links, requests, moderation, blocking and read markers,
// on [Client.Conn].
func (c *Client) Members() chatv1.MemberServiceClient {
	return chatv1.NewMemberServiceClient(c.Conn())
}

// Users returns the generated client for what people say of themselves (profiles), on [Client.Conn].
func (c *Client) Users() chatv1.UserServiceClient { return chatv1.NewUserServiceClient(c.Conn()) }

// identified is the client's connection with its token on every call.
type identified struct{ c *Client }

func (i identified) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	again := surelyNotDone
	if onlyReads(method) {
		again = refusedForNow
	}
	ctx, err := i.identify(ctx)
	if err == nil {
		_, err = persist(ctx, i.c, again, func() (any, error) { return nil, i.c.conn.Invoke(ctx, method, args, reply, opts...) })
	}
	return asStatus(err)
}

// asStatus is what users of a generated client expect of a context that ended while nothing was on the wire.
func asStatus(err error) error {
	if err == context.Canceled || err == context.DeadlineExceeded {
		return status.FromContextError(err).Err()
	}
	return err
}

// onlyReads reports whether a method has no side effects, by its name: Get and List are the names of such (AIP-131 and AIP-132).
func onlyReads(method string) bool {
	name := method[strings.LastIndexByte(method, '/')+1:]
	return strings.HasPrefix(name, "Get") || strings.HasPrefix(name, "List")
}

func (i identified) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, err := i.identify(ctx)
	if err != nil {
		return nil, asStatus(err)
	}
	return i.c.conn.NewStream(ctx, desc, method, opts...)
}

// identify waits for the first welcome where there is no token before it: another way to get one would make this client
// two people.
func (i identified) identify(ctx context.Context) (context.Context, error) {
	if token := i.token(); token != "" {
		return withToken(ctx, token), nil
	}
	if _, err := i.c.Ready(ctx); err != nil {
		return nil, err
	}
	return withToken(ctx, i.token()), nil
}

func (i identified) token() string {
	i.c.mu.Lock()
	defer i.c.mu.Unlock()
	return i.c.token
}

// History returns up to n messages, at most 100, just before message before (0: the newest), oldest first. Fewer than n
// do not mean that there are no more: the first message kept is Info().FirstSeq.
//
// Pages and events merge in any order: of two forms of a message the one with the higher rev is the newer.
func (r *Room) History(ctx context.Context, before uint64, n int) ([]*chatv1.Message, error) {
	request := &chatv1.ListMessagesRequest{}
	if before > 0 {
		request.Position = &chatv1.ListMessagesRequest_BeforeSeq{BeforeSeq: before}
	}
	return r.list(ctx, request, n)
}

// HistoryAfter returns up to n messages, at most 100, just after message after, oldest first. Fewer than n do not mean that
// there are no more: the newest is Info().HeadSeq.
func (r *Room) HistoryAfter(ctx context.Context, after uint64, n int) ([]*chatv1.Message, error) {
	return r.list(ctx, &chatv1.ListMessagesRequest{Position: &chatv1.ListMessagesRequest_AfterSeq{AfterSeq: after}}, n)
}

// Replies returns up to n of the messages that answer message seq, at most 100, after message after (0: from the first on),
// oldest first.
func (r *Room) Replies(ctx context.Context, seq, after uint64, n int) ([]*chatv1.Message, error) {
	request := &chatv1.ListMessagesRequest{ReplyTo: seq, Position: &chatv1.ListMessagesRequest_AfterSeq{AfterSeq: after}}
	return r.list(ctx, request, n)
}

func (r *Room) list(ctx context.Context, request *chatv1.ListMessagesRequest, n int) ([]*chatv1.Message, error) {
	request.Room, request.PageSize = r.id, uint32(min(max(n, 1), 100))
	page, err := r.client.Messages().ListMessages(ctx, request)
	return page.GetMessages(), err
}

// Message returns one message or its tombstone. NOT_FOUND: there is none.
func (r *Room) Message(ctx context.Context, seq uint64) (*chatv1.Message, error) {
	response, err := r.client.Messages().GetMessage(ctx, &chatv1.GetMessageRequest{Room: r.id, Seq: seq})
	return response.GetMessage(), err
}

// CreateRoom makes a room with a title, which may be empty; this user becomes its owner. ALREADY_EXISTS: the id is
// taken.
func (c *Client) CreateRoom(ctx context.Context, id, title string) (*chatv1.Room, error) {
	response, err := c.Rooms().CreateRoom(ctx, &chatv1.CreateRoomRequest{Room: id, Title: title})
	return response.GetRoom(), err
}
