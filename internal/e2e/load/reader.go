package load

import (
	"context"
	"time"

	"google.golang.org/grpc"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// read asks for the newest page, again and again, until ctx ends. A page that does not come is no page.
func (c *Crew) read(ctx context.Context, conn grpc.ClientConnInterface) {
	client := chatv1.NewMessageServiceClient(conn)
	for ctx.Err() == nil {
		reading := c.recorder.Read(c.opts.Room)
		try, cancel := context.WithTimeout(ctx, c.opts.Try)
		page, err := client.ListMessages(try, &chatv1.ListMessagesRequest{Room: c.opts.Room, PageSize: 20})
		cancel()
		if err == nil {
			reading.Got(pageOf(page.GetEpoch(), page.GetRoom(), page.GetMessages()))
		}
		select {
		case <-ctx.Done():
		case <-time.After(c.opts.Every):
		}
	}
}
