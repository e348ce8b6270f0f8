package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	adminv1 "github.com/rialto-rpc/rialto/gen/go/rialto/admin/v1"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/terminal"
)

// adminCommand is what the operator of a running server does.
type adminCommand struct {
	serverFile
	Admin string `default:"localhost:9091" placeholder:"HOST:PORT" help:"The admin port of the server, on this machine (${default})."`
	JSON  bool   `name:"json" help:"Print JSON, one object a line, instead of tables."`
	adminKey

	Stats      adminStats      `cmd:"" help:"What the server holds and does now."`
	Rooms      adminRooms      `cmd:"" help:"List all rooms, private ones included."`
	Room       adminRoom       `cmd:"" help:"Show a room, its owners and its moderators."`
	Members    adminMembers    `cmd:"" help:"List the members of a room."`
	Role       adminRole       `cmd:"" help:"Give somebody a role in a room, such as owner where there is none any more."`
	Remove     adminRemove     `cmd:"" help:"Remove a member from a room."`
	Archive    adminArchive    `cmd:"" help:"Make a room read only, or end that."`
	DeleteRoom adminDeleteRoom `cmd:"" help:"Delete a room with all that is in it, for good."`
	User       adminUser       `cmd:"" help:"Show what the server knows of somebody."`
	Disconnect adminDisconnect `cmd:"" help:"End somebody's connections; they may come back."`
	Ban        adminBan        `cmd:"" help:"Shut a user, or addresses, out of the server."`
	Unban      adminUnban      `cmd:"" help:"Let them in again."`
	Bans       adminBans       `cmd:"" help:"List who is shut out."`
	Erase      adminErase      `cmd:"" help:"Take somebody out of everything that is kept, for good."`
	Backup     adminBackup     `cmd:"" help:"Copy the data directory while the server goes on."`
	Log        adminLog        `cmd:"" help:"List what operators did, newest first."`
}

// Help implements [kong.HelpProvider].
func (*adminCommand) Help() string {
	return `The server answers callers on its own machine only, on the port that its --admin says, who can read the key in its data
directory: --data says where that is.

Examples:

  rialto admin rooms
      All rooms, with how much there is in them.

  rialto admin role lobby guest-73xzyesnekanuadyn5c2fk6r3m owner
      Give a room an owner.

  rialto admin ban user guest-73xzyesnekanuadyn5c2fk6r3m --reason spam
  rialto admin ban address 192.0.2.0/24 --for 24h
      Shut somebody out, and who comes back from there as a new guest.

  rialto admin --json bans | jq -r .userId
      For scripts.`
}

// Validate implements kong's check after parsing.
func (a *adminCommand) Validate() error {
	if a.Admin == "" {
		return errors.New("--admin: expected HOST:PORT, such as localhost:9091; a server without an admin port takes no such commands")
	}
	return nil
}

// AfterApply gives the commands below what was set above them.
func (a *adminCommand) AfterApply(ctx *kong.Context) error {
	ctx.Bind(a)
	return nil
}

// adminTimeout is how long the server may take; a backup has no limit.
const adminTimeout = 30 * time.Second

// call connects and does what do says, within a time; 0: any.
func (a *adminCommand) call(ctx context.Context, within time.Duration, do func(context.Context, adminv1.AdminServiceClient) error) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	if within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, within)
		defer cancel()
	}
	opts, keyErr := a.load()
	opts = append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	conn, err := grpc.NewClient(a.Admin, opts...)
	if err != nil {
		return fmt.Errorf("--admin %q: expected HOST:PORT, such as localhost:9091", a.Admin)
	}
	defer conn.Close()
	return a.explain(a.adminKey.explain(do(ctx, adminv1.NewAdminServiceClient(conn)), keyErr))
}

// explain says what to do about a call that failed.
func (a *adminCommand) explain(err error) error {
	var refusal interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &refusal) {
		return err
	}
	text := terminal.CleanLine(refusal.GRPCStatus().Message())
	switch code := refusal.GRPCStatus().Code(); code {
	case codes.Unavailable:
		if !strings.Contains(text, "connection error") && !strings.Contains(text, "name resolver") {
			return errors.New(text)
		}
		return fmt.Errorf("no server answers at %s: start one (rialto serve), or say with --admin where its admin port is", a.Admin)
	case codes.Unimplemented:
		return fmt.Errorf("what answers at %s does not know this command: is it the admin port, of a server as new as this program?", a.Admin)
	case codes.DeadlineExceeded:
		return fmt.Errorf("the server at %s did not answer within %v; what was asked for may be done", a.Admin, adminTimeout)
	case codes.Canceled:
		return interrupted{}
	case codes.InvalidArgument, codes.NotFound, codes.FailedPrecondition, codes.PermissionDenied:
		return errors.New(text)
	default:
		return fmt.Errorf("%s (%s)", text, code)
	}
}

type adminStats struct{}

// Run prints them.
func (*adminStats) Run(ctx context.Context, a *adminCommand, c console) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		resp, err := admin.GetStats(ctx, &adminv1.GetStatsRequest{})
		if err != nil {
			return err
		}
		return a.show(c, resp, func() { printStats(c.stdout, resp) })
	})
}

type adminRole struct {
	Room string `arg:"" placeholder:"ROOM" help:"The room."`
	User string `arg:"" placeholder:"USER" help:"Who, by id."`
	Role string `arg:"" enum:"guest,member,moderator,owner" placeholder:"ROLE" help:"guest, member, moderator or owner."`
}

// Run gives the role.
func (r *adminRole) Run(ctx context.Context, a *adminCommand, c console) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		role := chatv1.Role(chatv1.Role_value["ROLE_"+strings.ToUpper(r.Role)])
		resp, err := admin.SetRole(ctx, &adminv1.SetRoleRequest{Room: r.Room, UserId: r.User, Role: role})
		if err != nil {
			return err
		}
		return a.show(c, resp.GetMember(), func() { printMembers(c.stdout, []*chatv1.Member{resp.GetMember()}) })
	})
}

type adminRemove struct {
	Room string `arg:"" placeholder:"ROOM" help:"The room."`
	User string `arg:"" placeholder:"USER" help:"Who, by id."`
}

// Run ends the membership.
func (r *adminRemove) Run(ctx context.Context, a *adminCommand, c console) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		before, err := admin.GetUser(ctx, &adminv1.GetUserRequest{UserId: r.User})
		if err != nil {
			return err
		}
		resp, err := admin.RemoveMember(ctx, &adminv1.RemoveMemberRequest{Room: r.Room, UserId: r.User})
		if err != nil {
			return err
		}
		if rooms := before.GetRooms(); len(rooms) < adminPage && !slices.Contains(rooms, r.Room) {
			return fmt.Errorf("%s is no member of %s", r.User, r.Room)
		}
		return a.show(c, resp, func() { fmt.Fprintf(c.stdout, "%s is no member of %s any more\n", r.User, r.Room) })
	})
}

type adminArchive struct {
	Room string `arg:"" placeholder:"ROOM" help:"The room."`
	Undo bool   `env:"-" help:"Let people post again."`
}

// Run archives.
func (r *adminArchive) Run(ctx context.Context, a *adminCommand, c console) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		resp, err := admin.ArchiveRoom(ctx, &adminv1.ArchiveRoomRequest{Room: r.Room, Undo: r.Undo})
		if err != nil {
			return err
		}
		return a.show(c, resp.GetRoom(), func() { printRooms(c.stdout, []*chatv1.Room{resp.GetRoom()}) })
	})
}

type adminDeleteRoom struct {
	Room string `arg:"" placeholder:"ROOM" help:"The room."`
	Yes  bool   `env:"-" help:"Really: it cannot be undone."`
}

// Validate implements kong's check after parsing.
func (r *adminDeleteRoom) Validate() error {
	if !r.Yes {
		return errors.New("this deletes all that is in the room and cannot be undone: add --yes")
	}
	return nil
}

// Run deletes.
func (r *adminDeleteRoom) Run(ctx context.Context, a *adminCommand, c console) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		resp, err := admin.DeleteRoom(ctx, &adminv1.DeleteRoomRequest{Room: r.Room})
		if err != nil {
			return err
		}
		return a.show(c, resp, func() { fmt.Fprintf(c.stdout, "%s is deleted\n", r.Room) })
	})
}

type adminUser struct {
	User string `arg:"" placeholder:"USER" help:"Who, by id."`
}

// Run shows them.
func (r *adminUser) Run(ctx context.Context, a *adminCommand, c console) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		resp, err := known(ctx, admin, r.User)
		if err != nil {
			return err
		}
		return a.show(c, resp, func() { printUser(c.stdout, resp) })
	})
}

// known returns what the server knows of somebody, and an error if that is nothing.
func known(ctx context.Context, admin adminv1.AdminServiceClient, user string) (*adminv1.GetUserResponse, error) {
	u, err := admin.GetUser(ctx, &adminv1.GetUserRequest{UserId: user})
	if err == nil && isNobody(u) {
		err = fmt.Errorf("nothing is known of %s", user)
	}
	return u, err
}

func isNobody(u *adminv1.GetUserResponse) bool {
	silent := u.GetUser().GetDisplayName() == "" && u.GetAbout() == "" && u.GetEmoji() == ""
	return silent && len(u.GetSessions()) == 0 && len(u.GetRooms()) == 0 && u.GetBan() == nil && !u.GetErased()
}

type adminDisconnect struct {
	User string `arg:"" placeholder:"USER" help:"Whom, by id."`
}

// Run ends their streams.
func (r *adminDisconnect) Run(ctx context.Context, a *adminCommand, c console) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		if _, err := known(ctx, admin, r.User); err != nil {
			return err
		}
		resp, err := admin.DisconnectUser(ctx, &adminv1.DisconnectUserRequest{UserId: r.User})
		if err != nil {
			return err
		}
		return a.show(c, resp, func() { fmt.Fprintf(c.stdout, "%d connections ended\n", resp.GetSessions()) })
	})
}

type adminErase struct {
	User string `arg:"" placeholder:"USER" help:"Whom, by id."`
	Yes  bool   `env:"-" help:"Really: it cannot be undone."`
}

// Validate implements kong's check after parsing.
func (r *adminErase) Validate() error {
	if !r.Yes {
		return errors.New("this deletes all their messages and cannot be undone: add --yes")
	}
	return nil
}

// Run erases, for as long as that takes; the server goes on if it is interrupted.
func (r *adminErase) Run(ctx context.Context, a *adminCommand, c console) error {
	return a.call(ctx, 0, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		resp, err := admin.EraseUser(ctx, &adminv1.EraseUserRequest{UserId: r.User})
		if err != nil {
			return err
		}
		return a.show(c, resp, func() { fmt.Fprintf(c.stdout, "%s is erased, with %d messages\n", r.User, resp.GetMessages()) })
	})
}

type adminBackup struct {
	To string `arg:"" placeholder:"DIR" help:"Where the copy is made, on the server's machine: a directory that is empty or not there."`
}

// Run makes the copy.
func (r *adminBackup) Run(ctx context.Context, a *adminCommand, c console) error {
	to, err := filepath.Abs(r.To)
	if err != nil {
		return err
	}
	return a.call(ctx, 0, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		resp, err := admin.BackUp(ctx, &adminv1.BackUpRequest{Directory: to})
		if err != nil {
			return err
		}
		return a.show(c, resp, func() { fmt.Fprintf(c.stdout, "%s: %s\n", to, byteCount(resp.GetBytes())) })
	})
}
