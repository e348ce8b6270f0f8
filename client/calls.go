package client

import (
	"context"
	"iter"

	"google.golang.org/grpc"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// Messages returns the generated client for reading, editing and deleting messages and for reactions. Each call of it,
// and of the two below, carries this client's token, and waits for one where there is none yet.
func (c *Client) Messages() chatv1.MessageServiceClient {
	return chatv1.NewMessageServiceClient(identified{c})
}

// Rooms returns the generated client for making, listing and changing rooms.
func (c *Client) Rooms() chatv1.RoomServiceClient { return chatv1.NewRoomServiceClient(identified{c}) }

// Members returns the generated client for memberships and read markers.
func (c *Client) Members() chatv1.MemberServiceClient {
	return chatv1.NewMemberServiceClient(identified{c})
}

// identified is the client's connection with its token on every call.
type identified struct{ c *Client }

func (i identified) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	ctx, err := i.identify(ctx)
	if err != nil {
		return err
	}
	return i.c.conn.Invoke(ctx, method, args, reply, opts...)
}

func (i identified) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, err := i.identify(ctx)
	if err != nil {
		return nil, err
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

// ListedRoom is a room as [Client.ListRooms] finds it.
type ListedRoom struct {
	Room *chatv1.Room
	Read *chatv1.ReadMarker // of this user; says how many messages are unread
}

// ListRooms yields the rooms that this user may see, by id, page by page as they are needed. An error is the last that it
// yields.
func (c *Client) ListRooms(ctx context.Context) iter.Seq2[ListedRoom, error] {
	return func(yield func(ListedRoom, error) bool) {
		request := &chatv1.ListRoomsRequest{}
		for {
			page, err := c.Rooms().ListRooms(ctx, request)
			if err != nil {
				yield(ListedRoom{}, err)
				return
			}
			for i, room := range page.GetRooms() {
				listed := ListedRoom{Room: room}
				if i < len(page.GetRead()) {
					listed.Read = page.GetRead()[i]
				}
				if !yield(listed, nil) {
					return
				}
			}
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				return
			}
		}
	}
}
