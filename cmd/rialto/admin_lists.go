package main

import (
	"context"

	"google.golang.org/protobuf/proto"

	adminv1 "github.com/rialto-rpc/rialto/gen/go/rialto/admin/v1"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// adminPage is how many entries are asked for at a time.
const adminPage = 1000

// listPages prints lists that come in pages: each as JSON lines, or all in one table. page returns the entries of the page of
// a token, and the next token.
func listPages[T proto.Message](
	ctx context.Context, a *adminCommand, c console,
	page func(context.Context, adminv1.AdminServiceClient, string) ([]T, string, error), table func([]T),
) error {
	var all []T
	err := a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		for token := ""; ; {
			entries, next, err := page(ctx, admin, token)
			if err != nil {
				return err
			}
			all = append(all, entries...)
			if token = next; token == "" {
				return nil
			}
		}
	})
	if err != nil {
		return err
	}
	if !a.JSON {
		table(all)
		return nil
	}
	for _, entry := range all {
		if err := printJSON(c.stdout, entry); err != nil {
			return err
		}
	}
	return nil
}

type adminRooms struct{}

// Run lists them.
func (*adminRooms) Run(ctx context.Context, a *adminCommand, c console) error {
	return listPages(ctx, a, c, func(ctx context.Context, admin adminv1.AdminServiceClient, token string) ([]*chatv1.Room, string, error) {
		resp, err := admin.ListRooms(ctx, &adminv1.ListRoomsRequest{PageSize: adminPage, PageToken: token})
		return resp.GetRooms(), resp.GetNextPageToken(), err
	}, func(rooms []*chatv1.Room) { printRooms(c.stdout, rooms) })
}

type adminRoom struct {
	Room string `arg:"" placeholder:"ROOM" help:"The room."`
}

// Run shows it.
func (r *adminRoom) Run(ctx context.Context, a *adminCommand, c console) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		resp, err := admin.GetRoom(ctx, &adminv1.GetRoomRequest{Room: r.Room})
		if err != nil {
			return err
		}
		return a.show(c, resp, func() { printRoom(c.stdout, resp) })
	})
}

type adminMembers struct {
	Room string `arg:"" placeholder:"ROOM" help:"The room."`
}

// Run lists them.
func (r *adminMembers) Run(ctx context.Context, a *adminCommand, c console) error {
	return listPages(ctx, a, c, func(ctx context.Context, admin adminv1.AdminServiceClient, token string) ([]*chatv1.Member, string, error) {
		resp, err := admin.ListMembers(ctx, &adminv1.ListMembersRequest{Room: r.Room, PageSize: adminPage, PageToken: token})
		return resp.GetMembers(), resp.GetNextPageToken(), err
	}, func(members []*chatv1.Member) { printMembers(c.stdout, members) })
}

type adminBans struct{}

// Run lists them.
func (*adminBans) Run(ctx context.Context, a *adminCommand, c console) error {
	return listPages(ctx, a, c, func(ctx context.Context, admin adminv1.AdminServiceClient, token string) ([]*adminv1.Ban, string, error) {
		resp, err := admin.ListBans(ctx, &adminv1.ListBansRequest{PageSize: adminPage, PageToken: token})
		return resp.GetBans(), resp.GetNextPageToken(), err
	}, func(bans []*adminv1.Ban) { printBans(c.stdout, bans) })
}

type adminLog struct {
	Most uint32 `default:"100" env:"-" placeholder:"N" help:"How many, at most 1000 (${default})."`
}

// Run lists them.
func (l *adminLog) Run(ctx context.Context, a *adminCommand, c console) error {
	return listPages(ctx, a, c, func(ctx context.Context, admin adminv1.AdminServiceClient, _ string) ([]*adminv1.Act, string, error) {
		resp, err := admin.ListActs(ctx, &adminv1.ListActsRequest{PageSize: l.Most})
		return resp.GetActs(), "", err
	}, func(acts []*adminv1.Act) { printActs(c.stdout, acts) })
}
