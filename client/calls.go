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
func (r *Room) History(ctx context.Context, before uint64, n int) ([]*chatv1.Message, error) {
	request := &chatv1.ListMessagesRequest{Room: r.id, PageSize: uint32(min(max(n, 1), 100))}
	if before > 0 {
		request.Position = &chatv1.ListMessagesRequest_BeforeSeq{BeforeSeq: before}
	}
	page, err := r.client.Messages().ListMessages(ctx, request)
	return page.GetMessages(), err
}

// CreateRoom makes a room with a title, which may be empty; this user becomes its owner. ALREADY_EXISTS: the id is
// taken.
func (c *Client) CreateRoom(ctx context.Context, id, title string) (*chatv1.Room, error) {
	response, err := c.Rooms().CreateRoom(ctx, &chatv1.CreateRoomRequest{Room: id, Title: title})
	return response.GetRoom(), err
}

// ListRooms yields all rooms by id, page by page as they are needed. An error is the last that it yields.
func (c *Client) ListRooms(ctx context.Context) iter.Seq2[*chatv1.Room, error] {
	return func(yield func(*chatv1.Room, error) bool) {
		request := &chatv1.ListRoomsRequest{}
		for {
			page, err := c.Rooms().ListRooms(ctx, request)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, room := range page.GetRooms() {
				if !yield(room, nil) {
					return
				}
			}
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				return
			}
		}
	}
}
