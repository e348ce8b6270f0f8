package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	adminv1 "github.com/rialto-rpc/rialto/gen/go/rialto/admin/v1"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/terminal"
)

// adminCommand is what the operator of a running server does.
type adminCommand struct {
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
func (r *adminRemove) Run(ctx context.Context, a *adminCommand) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		_, err := admin.RemoveMember(ctx, &adminv1.RemoveMemberRequest{Room: r.Room, UserId: r.User})
		return err
	})
}

type adminArchive struct {
	Room string `arg:"" placeholder:"ROOM" help:"The room."`
	Undo bool   `help:"Let people post again."`
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
	Yes  bool   `help:"Really: it cannot be undone."`
}

// Validate implements kong's check after parsing.
func (r *adminDeleteRoom) Validate() error {
	if !r.Yes {
		return errors.New("this deletes all that is in the room and cannot be undone: add --yes")
	}
	return nil
}

// Run deletes.
func (r *adminDeleteRoom) Run(ctx context.Context, a *adminCommand) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		_, err := admin.DeleteRoom(ctx, &adminv1.DeleteRoomRequest{Room: r.Room})
		return err
	})
}

type adminUser struct {
	User string `arg:"" placeholder:"USER" help:"Who, by id."`
}

// Run shows them.
func (r *adminUser) Run(ctx context.Context, a *adminCommand, c console) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		resp, err := admin.GetUser(ctx, &adminv1.GetUserRequest{UserId: r.User})
		if err != nil {
			return err
		}
		return a.show(c, resp, func() { printUser(c.stdout, resp) })
	})
}

type adminDisconnect struct {
	User string `arg:"" placeholder:"USER" help:"Whom, by id."`
}

// Run ends their streams.
func (r *adminDisconnect) Run(ctx context.Context, a *adminCommand, c console) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		resp, err := admin.DisconnectUser(ctx, &adminv1.DisconnectUserRequest{UserId: r.User})
		if err != nil {
			return err
		}
		return a.show(c, resp, func() { fmt.Fprintf(c.stdout, "%d connections ended\n", resp.GetSessions()) })
	})
}

type adminErase struct {
	User string `arg:"" placeholder:"USER" help:"Whom, by id."`
	Yes  bool   `help:"Really: it cannot be undone."`
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

// banTerms are what all bans have.
type banTerms struct {
	For    time.Duration `placeholder:"TIME" help:"How long, such as 24h. Default: for good."`
	Reason string        `placeholder:"TEXT" help:"Why, for operators only."`
}

func (t banTerms) duration() *durationpb.Duration {
	if t.For == 0 {
		return nil
	}
	return durationpb.New(t.For)
}

type adminBan struct {
	User    adminBanUser    `cmd:"" help:"Shut a user out. A guest's token is worth nothing from then on."`
	Address adminBanAddress `cmd:"" help:"Shut out whoever comes from some addresses."`
}

type adminBanUser struct {
	User string `arg:"" placeholder:"USER" help:"Whom, by id."`
	banTerms
}

// Run bans.
func (r *adminBanUser) Run(ctx context.Context, a *adminCommand, c console) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		resp, err := admin.BanUser(ctx, &adminv1.BanUserRequest{UserId: r.User, Duration: r.duration(), Reason: r.Reason})
		if err != nil {
			return err
		}
		return a.show(c, resp.GetBan(), func() { printBans(c.stdout, []*adminv1.Ban{resp.GetBan()}) })
	})
}

type adminBanAddress struct {
	Prefix string `arg:"" placeholder:"ADDRESS" help:"An address, which for IPv6 means its /64, or many, such as 192.0.2.0/24."`
	banTerms
}

// Run bans.
func (r *adminBanAddress) Run(ctx context.Context, a *adminCommand, c console) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		resp, err := admin.BanAddress(ctx, &adminv1.BanAddressRequest{Prefix: r.Prefix, Duration: r.duration(), Reason: r.Reason})
		if err != nil {
			return err
		}
		return a.show(c, resp.GetBan(), func() { printBans(c.stdout, []*adminv1.Ban{resp.GetBan()}) })
	})
}

type adminUnban struct {
	User    adminUnbanUser    `cmd:"" help:"Let a user in again."`
	Address adminUnbanAddress `cmd:"" help:"Let addresses in again: those that were banned, as the list of bans has them."`
}

type adminUnbanUser struct {
	User string `arg:"" placeholder:"USER" help:"Whom, by id."`
}

// Run lifts the ban.
func (r *adminUnbanUser) Run(ctx context.Context, a *adminCommand) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		_, err := admin.UnbanUser(ctx, &adminv1.UnbanUserRequest{UserId: r.User})
		return err
	})
}

type adminUnbanAddress struct {
	Prefix string `arg:"" placeholder:"ADDRESS" help:"Which."`
}

// Run lifts the ban.
func (r *adminUnbanAddress) Run(ctx context.Context, a *adminCommand) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		_, err := admin.UnbanAddress(ctx, &adminv1.UnbanAddressRequest{Prefix: r.Prefix})
		return err
	})
}
