package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"os/user"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/terminal"
)

// chatCommand is the terminal client.
type chatCommand struct {
	Room string `default:"lobby" placeholder:"ROOM" help:"The room to enter (${default}). The first message makes it."`
	Name string `placeholder:"NAME" help:"The name that others see, 1 to 64 characters. Default: the name you are logged in with. One that was set by /nick goes before it."`
	URL  string `name:"url" default:"grpc://localhost:9090" placeholder:"URL" help:"The server (${default}). grpc://HOST:PORT is native gRPC, ws://HOST:PORT a WebSocket, for networks that let only HTTP through; grpcs:// and wss:// are the same by TLS."`

	CA        string `name:"ca" type:"path" placeholder:"FILE" group:"Security" help:"For grpcs and wss: the certificate authorities in this file (PEM). Default: the system's."`
	TokenFile string `type:"path" placeholder:"FILE" group:"Security" help:"Be who the token in this file says; a fresh guest's token is put there if there is no file. Default: one token a server in rialto/tokens.json in the configuration directory."`

	History *int          `placeholder:"N" help:"Messages to begin with, at most 100. Default: 50 on a terminal, otherwise 0."`
	JSON    bool          `name:"json" group:"Without a terminal" help:"Print each message as a JSON object, one a line."`
	Follow  bool          `group:"Without a terminal" help:"Go on printing after the end of the input, until interrupted."`
	Wait    time.Duration `default:"30s" placeholder:"TIME" group:"Without a terminal" help:"Give up after this long without a connection (${default}); 0: never."`
}

// exitInterrupted is the shells' code for a program that SIGINT ended.
const exitInterrupted = 130

// Help implements [kong.HelpProvider].
func (*chatCommand) Help() string {
	return `On a terminal this is a full-screen chat; /help there tells the rest. When standard input or output is something
else, each line of the input is posted and each message of the room printed, as "time name: text". Lines are stored in their
order; one that the server has no time for now is waited for, and one that it refuses is named by its number, and the others go on.

Examples:

  rialto chat --room lobby --name ana
      Talk.

  rialto chat --url wss://chat.example.com
      Talk over a WebSocket.

  date | rialto chat --room ops
      Post the output of a command, wait until it is stored, and end.

  rialto chat --room ops --json --follow --history 100 </dev/null | jq -r .text
      Print what was said and what is being said.

Exit codes: 0, every line was stored; 1, a line was refused, or the server, or there was no connection; 2, called
wrongly; 130, interrupted before every line was stored.`
}

// Validate implements kong's check after parsing.
func (c *chatCommand) Validate() error {
	if c.History != nil && (*c.History < 0 || *c.History > 100) {
		return fmt.Errorf("--history %d: expected 0 to 100", *c.History)
	}
	if !utf8.ValidString(c.Name) || utf8.RuneCountInString(c.Name) > 64 {
		return errors.New("--name: expected 1 to 64 characters")
	}
	u, err := c.target()
	if err != nil {
		return err
	}
	if c.CA != "" && u.Scheme != "grpcs" && u.Scheme != "wss" {
		return fmt.Errorf("--ca with --url %s: expected grpcs or wss", c.URL)
	}
	if c.Wait < 0 {
		return fmt.Errorf("--wait %v: expected no negative time", c.Wait)
	}
	return nil
}

// Run chats until the user, the input or the server ends it. A kept guest token that the server does not know, because
// its data was replaced, makes way for one of somebody new, if the server admits them, and the chat is begun again.
func (c *chatCommand) Run(ctx context.Context, console console) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	conn, err := c.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	keeper, err := c.keeper()
	if err != nil {
		return err
	}
	err = c.chat(ctx, console, conn, keeper)
	if status.Code(err) == codes.Unauthenticated && keeper.replaceable() {
		if err = c.becomeNew(ctx, conn, keeper); err == nil {
			fmt.Fprintln(console.stderr, "rialto: the server does not know the guest you were; you are a new one now")
			err = c.chat(ctx, console, conn, keeper)
		}
	}
	return errors.Join(describe(err), keeper.err())
}

// becomeNew keeps the token of a fresh guest instead of the one that was kept; after an error that one stays.
func (c *chatCommand) becomeNew(ctx context.Context, conn grpc.ClientConnInterface, keeper *tokenKeeper) error {
	limited := ctx
	if c.Wait > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, c.Wait)
		defer cancel()
	}
	guest, err := chatv1.NewChatServiceClient(conn).CreateGuest(limited, &chatv1.CreateGuestRequest{DisplayName: c.displayName()})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return err
	}
	return keeper.put(guest.GetGuestToken(), guest.GetTokenExpires().AsTime())
}

// chat is one client's life.
func (c *chatCommand) chat(ctx context.Context, console console, conn grpc.ClientConnInterface, keeper *tokenKeeper) error {
	opts := []client.Option{client.WithDisplayName(c.displayName()), client.WithTokenSaver(keeper.save)}
	if token, err := keeper.load(); err != nil {
		return err
	} else if token != "" {
		opts = append(opts, client.WithToken(token))
	}
	onScreen := isTerminal(os.Stdin) && isTerminal(console.stdout) && !c.JSON
	if !onScreen {
		opts = append(opts, client.WithMaxInFlight(1)) // so that lines keep their order, however often the server says "later"
	}
	sdk, err := client.New(conn, opts...)
	if err != nil {
		return err
	}
	defer sdk.Close()
	if onScreen {
		return terminal.RunScreen(ctx, sdk, terminal.ScreenOptions{
			Room: c.Room, Server: c.URL, History: c.history(50), In: os.Stdin, Out: console.stdout,
		})
	}
	return terminal.RunLines(ctx, sdk, terminal.LineOptions{
		Room: c.Room, History: c.history(0), Follow: c.Follow, JSON: c.JSON, Patience: c.Wait,
		In: os.Stdin, Out: console.stdout, Errors: console.stderr,
	})
}

func (c *chatCommand) history(otherwise int) int {
	if c.History != nil {
		return *c.History
	}
	return otherwise
}

func (c *chatCommand) displayName() string {
	if c.Name != "" {
		return c.Name
	}
	if name := os.Getenv("USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "guest"
}

// target is the URL as it is dialled; it says what is wrong with one that cannot be.
func (c *chatCommand) target() (*url.URL, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return nil, fmt.Errorf("--url %q: expected a URL such as grpc://localhost:9090 or wss://chat.example.com", c.URL)
	}
	switch u.Scheme {
	case "grpc", "grpcs":
		if u.Port() == "" { // gRPC would take 443, also for what is not TLS, and try for long
			return nil, fmt.Errorf("--url %q: expected a port, such as grpc://localhost:9090", c.URL)
		}
		if strings.Trim(u.Path, "/") != "" {
			return nil, fmt.Errorf("--url %q: expected no path", c.URL)
		}
	case "ws", "wss":
	default:
		return nil, fmt.Errorf("--url %q: expected grpc, grpcs, ws or wss", c.URL)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("--url: expected no user, query or fragment; see --token-file")
	}
	return u, nil
}

// connection is what there is between a client and a server.
type connection interface {
	grpc.ClientConnInterface
	io.Closer
}

// dial connects to nothing yet; the first call does.
func (c *chatCommand) dial() (connection, error) {
	u, err := c.target()
	if err != nil {
		return nil, err
	}
	trust, err := c.trust()
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "ws":
		return bridge.Dial(u.String())
	case "wss":
		return bridge.Dial(u.String(), bridge.WithTLSConfig(trust))
	case "grpcs":
		return grpc.NewClient(u.Host, grpc.WithTransportCredentials(credentials.NewTLS(trust)))
	default:
		return grpc.NewClient(u.Host, grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
}

// trust is whom to believe who the server is.
func (c *chatCommand) trust() (*tls.Config, error) {
	if c.CA == "" {
		return &tls.Config{}, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--ca %s: no certificate in it", c.CA)
	}
	return &tls.Config{RootCAs: roots}, nil
}

// describe puts a gRPC status in a person's words, and gives an interruption its exit code.
func describe(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return interrupted{}
	}
	var refusal interface{ GRPCStatus() *status.Status }
	if errors.As(err, &refusal) {
		switch refusal.GRPCStatus().Message() {
		case "this server admits no guests", "this needs a token: see CreateGuest":
			return errors.New("this server admits no guests (it runs with --no-guests), and so nobody can talk there")
		}
		return fmt.Errorf("%s (%s)", terminal.CleanLine(refusal.GRPCStatus().Message()), refusal.GRPCStatus().Code())
	}
	return err
}

// interrupted is the end by SIGINT or SIGTERM; the user knows.
type interrupted struct{}

func (interrupted) Error() string { return "" }
func (interrupted) ExitCode() int { return exitInterrupted }

// tokenKeeper keeps the identity from one run to the next.
type tokenKeeper struct {
	load func() (string, error)
	put  func(token string, expires time.Time) error
	ours bool // whether another may take its place; not what somebody named

	mu     sync.Mutex
	failed error
}

func (c *chatCommand) keeper() (*tokenKeeper, error) {
	if c.TokenFile != "" {
		file := terminal.TokenFile(c.TokenFile)
		return &tokenKeeper{
			load: file.Get,
			put:  func(token string, _ time.Time) error { return file.Put(token) },
		}, nil
	}
	tokens, err := terminal.OpenTokens("")
	if err != nil {
		return nil, err
	}
	return &tokenKeeper{
		load: func() (string, error) { return tokens.Get(c.URL, time.Now()) },
		put:  func(token string, expires time.Time) error { return tokens.Put(c.URL, token, expires) },
		ours: true,
	}, nil
}

// replaceable reports whether a token is kept in whose place another may be put.
func (k *tokenKeeper) replaceable() bool {
	token, err := k.load()
	return k.ours && err == nil && token != ""
}

// save is the client's token saver. What goes wrong is said at the end: the screen is the chat's now.
func (k *tokenKeeper) save(token string, expires time.Time) {
	if err := k.put(token, expires); err != nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.failed = err
	}
}

func (k *tokenKeeper) err() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.failed
}
