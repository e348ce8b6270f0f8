package auth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rialto-rpc/rialto/internal/auth"
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// at returns a clock that stands still.
func at(t time.Time) func() time.Time { return func() time.Time { return t } }

func issue(t testing.TB, g *auth.Guests, name string) (auth.Principal, string) {
	t.Helper()
	p, token, err := g.Issue(name)
	if err != nil {
		t.Fatalf("Issue: %v", err)
	}
	return p, token
}

func TestGuestTokenProvesItsIdentity(t *testing.T) {
	t.Parallel()
	g := auth.NewGuests(auth.Key{1}, at(start))
	for _, name := range []string{"ana", "Ωμέγα 🦜", strings.Repeat("🦜", 64)} {
		p, token := issue(t, g, name)
		if !regexp.MustCompile(`^guest-[a-z2-7]{26}$`).MatchString(p.ID) {
			t.Errorf("id = %q", p.ID)
		}
		if want := start.Add(365 * 24 * time.Hour); !p.Expires.Equal(want) {
			t.Errorf("expires %v, want %v", p.Expires, want)
		}
		got, err := g.Authenticate(t.Context(), token)
		if err != nil || got != p || p.Name != name || !p.Guest {
			t.Errorf("Authenticate = %+v, %v; want %+v", got, err, p)
		}
	}
}

func TestGuestsOfOneNameAreDifferent(t *testing.T) {
	t.Parallel()
	g := auth.NewGuests(auth.Key{1}, at(start))
	a, _ := issue(t, g, "ana")
	b, _ := issue(t, g, "ana")
	if a.ID == b.ID {
		t.Errorf("both are %s", a.ID)
	}
}

func TestGuestWithoutNameGetsOne(t *testing.T) {
	t.Parallel()
	g := auth.NewGuests(auth.Key{1}, at(start))
	p, token := issue(t, g, "")
	got, err := g.Authenticate(t.Context(), token)
	if err != nil || !strings.HasPrefix(p.Name, "Guest ") || got.Name != p.Name {
		t.Errorf("name %q, in the token %q, %v", p.Name, got.Name, err)
	}
}

func TestGuestNameMustFit(t *testing.T) {
	t.Parallel()
	g := auth.NewGuests(auth.Key{1}, at(start))
	for _, name := range []string{strings.Repeat("x", auth.MaxNameBytes+1), "\xff"} {
		if _, token, err := g.Issue(name); err == nil || token != "" {
			t.Errorf("Issue(%.10q) = %q, %v", name, token, err)
		}
	}
}

func TestAnyFlippedBitIsRefused(t *testing.T) {
	t.Parallel()
	g := auth.NewGuests(auth.Key{1}, at(start))
	// Names of three lengths in a row: every number of unused bits at the end of the base64 text occurs.
	for _, name := range []string{"ana", "anab", "anabe"} {
		_, token := issue(t, g, name)
		for i := range len(token) * 8 {
			b := []byte(token)
			b[i/8] ^= 1 << (i % 8)
			refused(t, g, string(b))
		}
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(raw) * 8 {
			b := append([]byte(nil), raw...)
			b[i/8] ^= 1 << (i % 8)
			refused(t, g, base64.RawURLEncoding.EncodeToString(b))
		}
		for i := range len(token) {
			refused(t, g, token[:i])
			refused(t, g, token[:i]+"\n"+token[i:])
		}
	}
}

func TestForeignKeyIsRefused(t *testing.T) {
	t.Parallel()
	_, token := issue(t, auth.NewGuests(auth.Key{1}, at(start)), "ana")
	refused(t, auth.NewGuests(auth.Key{2}, at(start)), token)
}

func TestTokenEnds(t *testing.T) {
	t.Parallel()
	p, token := issue(t, auth.NewGuests(auth.Key{1}, at(start)), "ana")
	if _, err := auth.NewGuests(auth.Key{1}, at(p.Expires.Add(-1))).Authenticate(t.Context(), token); err != nil {
		t.Errorf("just before its end: %v", err)
	}
	refused(t, auth.NewGuests(auth.Key{1}, at(p.Expires)), token)
}

func TestErrorsHoldNothingOfTheToken(t *testing.T) {
	t.Parallel()
	p, token := issue(t, auth.NewGuests(auth.Key{1}, at(start)), "ana-secret")
	for _, g := range []*auth.Guests{auth.NewGuests(auth.Key{2}, at(start)), auth.NewGuests(auth.Key{1}, at(p.Expires))} {
		_, err := g.Authenticate(t.Context(), token)
		if text := err.Error(); strings.Contains(text, token) || strings.Contains(text, p.Name) || strings.Contains(text, p.ID) {
			t.Errorf("error %q", text)
		}
	}
}

func refused(t testing.TB, g *auth.Guests, token string) {
	t.Helper()
	if p, err := g.Authenticate(context.Background(), token); !errors.Is(err, auth.ErrInvalidToken) || p != (auth.Principal{}) {
		t.Errorf("Authenticate = %+v, %v; want ErrInvalidToken", p, err)
	}
}

// issued is a token of auth.Key{1}, made at start with version 1 of the format: such tokens stay valid.
const (
	issued   = "AQAAAABs5V5A_u-cEk0igNoAeG9FoqvR2wADYW5hZo_zRDpNLjbDQiA9KjcJ18OE1yiS04P-OuWiUdezJCg"
	issuedID = "guest-73xzyesnekanuadyn5c2fk6r3m"
)

func TestTokensOfVersion1StayValid(t *testing.T) {
	t.Parallel()
	p, err := auth.NewGuests(auth.Key{1}, at(start)).Authenticate(t.Context(), issued)
	want := auth.Principal{ID: issuedID, Name: "ana", Guest: true, Expires: start.Add(auth.GuestLifetime)}
	if !p.Expires.Equal(want.Expires) {
		t.Errorf("expires %v, want %v", p.Expires, want.Expires)
	}
	if p.Expires = want.Expires; err != nil || p != want {
		t.Errorf("Authenticate = %+v, %v; want %+v", p, err, want)
	}
}

// FuzzAuthenticate looks for texts that are taken although they are not the token that the server wrote.
func FuzzAuthenticate(f *testing.F) {
	g := auth.NewGuests(auth.Key{1}, at(start))
	f.Add("")
	f.Add(issued)
	f.Add(issued + "=")
	f.Add(strings.ToUpper(issued))
	f.Add(strings.Repeat("A", 79))
	f.Add(strings.Repeat("A", 1<<16))
	f.Fuzz(func(t *testing.T, s string) {
		p, err := g.Authenticate(t.Context(), s)
		if (err == nil) != (s == issued) {
			t.Errorf("Authenticate = %+v, %v", p, err)
		}
		if err != nil && !errors.Is(err, auth.ErrInvalidToken) {
			t.Errorf("error %v", err)
		}
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	g := auth.NewGuests(auth.Key{1}, at(start))
	_, token := issue(b, g, "ana")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Authenticate(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}
