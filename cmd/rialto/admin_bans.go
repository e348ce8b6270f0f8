package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	adminv1 "github.com/rialto-rpc/rialto/gen/go/rialto/admin/v1"
)

// banTerms are what all bans have.
type banTerms struct {
	For    *time.Duration `env:"-" placeholder:"TIME" help:"How long, such as 24h or 30d. Default: for good."`
	Reason string         `env:"-" placeholder:"TEXT" help:"Why, for operators only."`
}

// longestBan is the longest that has an end.
const longestBan = 10 * 365 * 24 * time.Hour

// check returns an error for a time that is none: 0 is not for good.
func (t banTerms) check() error {
	if t.For != nil && (*t.For < time.Second || *t.For > longestBan) {
		return errors.New("--for: expected 1s to 10 years")
	}
	return nil
}

func (t banTerms) duration() *durationpb.Duration {
	if t.For == nil {
		return nil
	}
	return durationpb.New(*t.For)
}

type adminBan struct {
	User    adminBanUser    `cmd:"" help:"Shut a user out. A guest's token is worth nothing from then on."`
	Address adminBanAddress `cmd:"" help:"Shut out whoever comes from some addresses."`
}

type adminBanUser struct {
	User string `arg:"" placeholder:"USER" help:"Whom, by id."`
	banTerms
}

// Validate implements kong's check after parsing.
func (r *adminBanUser) Validate() error { return r.check() }

// Run bans, also who is not known: who has a token may not have used it yet.
func (r *adminBanUser) Run(ctx context.Context, a *adminCommand, c console) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		before, err := admin.GetUser(ctx, &adminv1.GetUserRequest{UserId: r.User})
		if err != nil {
			return err
		}
		resp, err := admin.BanUser(ctx, &adminv1.BanUserRequest{UserId: r.User, Duration: r.duration(), Reason: r.Reason})
		if err != nil {
			return err
		}
		if isNobody(before) {
			fmt.Fprintf(c.stderr, "rialto: nothing else is known of %s: is that the id?\n", r.User)
		}
		return a.show(c, resp.GetBan(), func() { printBans(c.stdout, []*adminv1.Ban{resp.GetBan()}) })
	})
}

type adminBanAddress struct {
	Prefix string `arg:"" placeholder:"ADDRESS" help:"An address, which for IPv6 means its /64, or many, such as 192.0.2.0/24."`
	banTerms
}

// Validate implements kong's check after parsing.
func (r *adminBanAddress) Validate() error { return r.check() }

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
func (r *adminUnbanUser) Run(ctx context.Context, a *adminCommand, c console) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		before, err := admin.GetUser(ctx, &adminv1.GetUserRequest{UserId: r.User})
		if err != nil {
			return err
		}
		if before.GetBan() == nil && !before.GetErased() {
			return fmt.Errorf("%s is not banned", r.User)
		}
		resp, err := admin.UnbanUser(ctx, &adminv1.UnbanUserRequest{UserId: r.User})
		if err != nil {
			return err
		}
		return a.show(c, resp, func() { fmt.Fprintf(c.stdout, "%s may come again\n", r.User) })
	})
}

type adminUnbanAddress struct {
	Prefix string `arg:"" placeholder:"ADDRESS" help:"Which."`
}

// Run lifts the ban.
func (r *adminUnbanAddress) Run(ctx context.Context, a *adminCommand, c console) error {
	return a.call(ctx, adminTimeout, func(ctx context.Context, admin adminv1.AdminServiceClient) error {
		itself, around, err := bansOf(ctx, admin, r.Prefix)
		switch {
		case err != nil:
			return err
		case !itself && around != "":
			return fmt.Errorf("%s is not banned by itself; it is in %s, which is: rialto admin unban address %[2]s", r.Prefix, around)
		case !itself:
			return fmt.Errorf("%s is not banned", r.Prefix)
		}
		resp, err := admin.UnbanAddress(ctx, &adminv1.UnbanAddressRequest{Prefix: r.Prefix})
		if err != nil {
			return err
		}
		return a.show(c, resp, func() {
			if around != "" {
				fmt.Fprintf(c.stdout, "%s is banned still, by %s\n", r.Prefix, around)
				return
			}
			fmt.Fprintf(c.stdout, "%s may come again\n", r.Prefix)
		})
	})
}

// bansOf returns whether addresses are banned by themselves, and which ban of more addresses includes them. Of what is no address
// it says that it is banned: the server has the words for it.
func bansOf(ctx context.Context, admin adminv1.AdminServiceClient, text string) (itself bool, around string, err error) {
	asked, ok := addresses(text)
	if !ok {
		return true, "", nil
	}
	for token := ""; ; {
		resp, err := admin.ListBans(ctx, &adminv1.ListBansRequest{PageSize: adminPage, PageToken: token})
		if err != nil {
			return false, "", err
		}
		for _, ban := range resp.GetBans() {
			switch prefix, err := netip.ParsePrefix(ban.GetPrefix()); {
			case err != nil: // of a user
			case prefix == asked:
				itself = true
			case prefix.Bits() < asked.Bits() && prefix.Contains(asked.Addr()):
				around = ban.GetPrefix()
			}
		}
		if token = resp.GetNextPageToken(); token == "" {
			return itself, around, nil
		}
	}
}

// addresses reads an address, which means itself or its /64, or many, as the server does.
func addresses(text string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap().WithZone("")
		bits := 32
		if addr.Is6() {
			bits = 64
		}
		prefix, err := addr.Prefix(bits)
		return prefix, err == nil
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.Masked(), err == nil
}
