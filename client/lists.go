package client

import (
	"context"
	"iter"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// ListedRoom is a room as [Client.ListRooms] finds it.
type ListedRoom struct {
	Room *chatv1.Room
	Read *chatv1.ReadMarker // of this user; says how many messages are unread
}

// ListRooms yields the rooms that this user may see, by id, page by page as they are needed. An error is the last that it
// yields. (The rooms that this user is a member of come by themselves: see [Client.Feeds].)
func (c *Client) ListRooms(ctx context.Context) iter.Seq2[ListedRoom, error] {
	return pages(func(token string) ([]ListedRoom, string, error) {
		page, err := c.Rooms().ListRooms(ctx, &chatv1.ListRoomsRequest{PageToken: token})
		listed := make([]ListedRoom, len(page.GetRooms()))
		for i, room := range page.GetRooms() {
			listed[i].Room = room
			if i < len(page.GetRead()) {
				listed[i].Read = page.GetRead()[i]
			}
		}
		return listed, page.GetNextPageToken(), err
	})
}

// ListMembers yields a room's members by user id, as [Client.ListRooms] does rooms.
func (c *Client) ListMembers(ctx context.Context, room string) iter.Seq2[*chatv1.Member, error] {
	return pages(func(token string) ([]*chatv1.Member, string, error) {
		page, err := c.Members().ListMembers(ctx, &chatv1.ListMembersRequest{Room: room, PageToken: token})
		return page.GetMembers(), page.GetNextPageToken(), err
	})
}

// ListBans yields whom a room keeps out, by user id. For moderators.
func (c *Client) ListBans(ctx context.Context, room string) iter.Seq2[*chatv1.Ban, error] {
	return pages(func(token string) ([]*chatv1.Ban, string, error) {
		page, err := c.Members().ListBans(ctx, &chatv1.ListBansRequest{Room: room, PageToken: token})
		return page.GetBans(), page.GetNextPageToken(), err
	})
}

// ListMembershipRequests yields who asks to become a member, by user id. For moderators.
func (c *Client) ListMembershipRequests(ctx context.Context, room string) iter.Seq2[*chatv1.MembershipRequest, error] {
	return pages(func(token string) ([]*chatv1.MembershipRequest, string, error) {
		page, err := c.Members().ListMembershipRequests(ctx, &chatv1.ListMembershipRequestsRequest{Room: room, PageToken: token})
		return page.GetRequests(), page.GetNextPageToken(), err
	})
}

// ListAuditEntries yields what was done in a room by moderators and owners, newest first. For owners.
func (c *Client) ListAuditEntries(ctx context.Context, room string) iter.Seq2[*chatv1.AuditEntry, error] {
	return pages(func(token string) ([]*chatv1.AuditEntry, string, error) {
		page, err := c.Rooms().ListAuditEntries(ctx, &chatv1.ListAuditEntriesRequest{Room: room, PageToken: token})
		return page.GetEntries(), page.GetNextPageToken(), err
	})
}

// pages yields the items of a list whose pages get returns, each with the token of the next. An error is the last.
func pages[Item any](get func(token string) (page []Item, next string, err error)) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		token := ""
		for {
			page, next, err := get(token)
			if err != nil {
				var none Item
				yield(none, err)
				return
			}
			for _, item := range page {
				if !yield(item, nil) {
					return
				}
			}
			if token = next; token == "" {
				return
			}
		}
	}
}
