package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/alecthomas/kong"

	"github.com/rialto-rpc/rialto/internal/limit"
	"github.com/rialto-rpc/rialto/internal/server"
)

// serveCommand runs a server until it is told to stop.
type serveCommand struct {
	Config string `type:"path" placeholder:"FILE" help:"Configuration file (YAML; its keys are these flags without the leading dashes). Without it rialto.yaml or /etc/rialto/rialto.yaml, if there is one."`
	Data   string `default:"rialto-data" placeholder:"DIR" help:"Directory of everything that lasts (${default}). One process at a time."`

	Durability   string `default:"always" enum:"always,interval" placeholder:"WHEN" help:"always: nothing is acknowledged or shown before it is synced to the disk. interval: it is synced once a second, so a power loss takes the last second, and clients load their rooms anew after any unclean stop (${default})."`
	MinFreeBytes int64  `default:"268435456" placeholder:"N" help:"Space that its disk must have left; with less, reading goes on and writes are refused (${default})."`

	RetainAge      time.Duration `default:"0" placeholder:"TIME" help:"How old messages become in rooms that do not say so themselves, such as 90d: at least 1h. 0: however old (${default}). They leave 1,000 at a time."`
	RetainMessages uint64        `default:"0" placeholder:"N" help:"How many messages such rooms keep: at least 1000. 0: all (${default})."`

	HTTP     string `name:"http" default:"localhost:8080" placeholder:"HOST:PORT" group:"Listening" help:"Where browsers connect: the web app, WebSocket, /healthz, /readyz (${default}). Port 0: any free one."`
	GRPC     string `name:"grpc" default:"localhost:9090" placeholder:"HOST:PORT" group:"Listening" help:"Where native gRPC clients connect (${default})."`
	Admin    string `default:"localhost:9091" placeholder:"HOST:PORT" group:"Listening" help:"Where operators look: /metrics, /debug/pprof, details at /readyz (${default}). Empty: nowhere. Keep it private."`
	TLSCert  string `name:"tls-cert" placeholder:"FILE" group:"Listening" help:"Certificate chain (PEM) for both ports: https, wss, grpcs. Read again when it changes."`
	TLSKey   string `name:"tls-key" placeholder:"FILE" group:"Listening" help:"Its private key (PEM)."`
	PortFile string `type:"path" placeholder:"FILE" group:"Listening" help:"Write the addresses listened on here, as JSON, once the server answers."`

	Guests         bool     `default:"true" negatable:"" group:"Who may come" help:"Admit guests: people without a token get a fresh identity (on)."`
	AllowedOrigins []string `placeholder:"ORIGIN" group:"Who may come" help:"Web pages of other origins that may connect, such as https://chat.example. The server's own pages always may."`
	AllowedHosts   []string `placeholder:"HOST" group:"Who may come" help:"Names browsers may know this server by, besides the host of --http, localhost and IP addresses."`
	TrustedProxies []string `placeholder:"NETWORK" group:"Who may come" help:"Proxies whose X-Forwarded-For says where people come from, as addresses or networks such as 10.0.0.0/8. Of others it is not believed."`

	MaxMessageBytes   int           `default:"1048576" placeholder:"N" group:"Limits" help:"Largest message a client may send on any wire, in bytes after decompression (${default})."`
	MaxTextBytes      int           `default:"16384" placeholder:"N" group:"Limits" help:"Longest text of a message, in bytes (${default})."`
	MaxDataBytes      int           `default:"65536" placeholder:"N" group:"Limits" help:"Longest typed data of a message, in bytes (${default})."`
	MaxConnections    int           `default:"0" placeholder:"N" group:"Limits" help:"WebSockets and calls over HTTP at a time; more are answered 503. 0: no limit (${default})."`
	MaxRooms          int           `default:"200" placeholder:"N" group:"Limits" help:"Rooms one connection may have joined (${default})."`
	MaxMembers        int           `default:"100000" placeholder:"N" group:"Limits" help:"Members a room may have (${default})."`
	MaxReactions      int           `default:"500" placeholder:"N" group:"Limits" help:"Reactions a message may have (${default})."`
	MaxReactionKinds  int           `default:"20" placeholder:"N" group:"Limits" help:"Different emoji among them (${default})."`
	DeliveryWindow    time.Duration `default:"50ms" placeholder:"TIME" group:"Limits" help:"How long news of a busy room may wait for more, to be written together; the first after a pause, and what answers one's own commands, goes at once (${default}). 0: nothing waits, at the price of more CPU."`
	Heartbeat         time.Duration `default:"20s" placeholder:"TIME" group:"Limits" help:"How often a silent client is asked whether it is there (${default}). Keep it below the idle time-out of proxies in between."`
	FirstFrameTimeout time.Duration `default:"10s" placeholder:"TIME" group:"Limits" help:"How long a WebSocket may wait with its first frame (${default})."`
	WriteTimeout      time.Duration `default:"30s" placeholder:"TIME" group:"Limits" help:"How long a client may take nothing of what is sent to it before it is disconnected (${default})."`
	DrainTimeout      time.Duration `default:"10s" placeholder:"TIME" group:"Limits" help:"How long running calls may take to end after SIGTERM or Ctrl+C (${default})."`

	ConnectionCommands limit.Rate `default:"500/5s" placeholder:"N/TIME" group:"Rates" help:"Requests on one chat session (${default})."`
	UserWrites         limit.Rate `default:"100/2s" placeholder:"N/TIME" group:"Rates" help:"Messages, edits, reactions and other changes of one user (${default})."`
	RoomWrites         limit.Rate `default:"2000/2s" placeholder:"N/TIME" group:"Rates" help:"Those of all in one room (${default})."`
	AddressWrites      limit.Rate `default:"1000/2s" placeholder:"N/TIME" group:"Rates" help:"Those of all from one address (${default})."`
	UserRooms          limit.Rate `default:"50/h" placeholder:"N/TIME" group:"Rates" help:"Rooms that one user makes (${default})."`
	AddressRooms       limit.Rate `default:"200/h" placeholder:"N/TIME" group:"Rates" help:"Rooms that all from one address make (${default})."`
	AddressGuests      limit.Rate `default:"200/10m" placeholder:"N/TIME" group:"Rates" help:"New guests from one address (${default})."`
	AddressConnections limit.Rate `default:"300/30s" placeholder:"N/TIME" group:"Rates" help:"Chat sessions begun from one address (${default}); twice as many WebSockets and native connections."`

	LogLevel slog.Level  `default:"info" placeholder:"LEVEL" group:"Logging" help:"debug, info, warn or error (${default})."`
	file     *configFile // nil: none

	LogFormat string `default:"auto" enum:"auto,text,json" placeholder:"FORMAT" group:"Logging" help:"text, json, or auto: text on a terminal, JSON elsewhere."`
}

// syncIntervals are the values of --durability.
var syncIntervals = map[string]time.Duration{"always": 0, "interval": time.Second}

// Help implements [kong.HelpProvider]: the examples of --help.
func (*serveCommand) Help() string {
	return `Examples:

  rialto
      A server on this machine. Open http://localhost:8080.

  rialto --http :443 --grpc :9443 --tls-cert chain.pem --tls-key key.pem --allowed-hosts chat.example
      A public one.

  RIALTO_DATA=/var/lib/rialto RIALTO_LOG_LEVEL=debug rialto serve
      Every flag --foo-bar is also the variable RIALTO_FOO_BAR and the key foo-bar of rialto.yaml. The command line wins
      over the environment, and the environment over the file.

Rates are N/TIME: N at once, and N again in every TIME, evenly: 100/2s, 60/m, 20/h. 0 is no limit. An address is an IPv4
address or an IPv6 /64; behind a proxy see --trusted-proxies. docs/operations.md says what those are told who reach one.

SIGTERM or Ctrl+C sends clients elsewhere, finishes what runs, stores it and ends. A second signal ends at once.`
}

// BeforeResolve adds the configuration file to where flags come from.
func (s *serveCommand) BeforeResolve(ctx *kong.Context) error {
	file, err := resolveByFile(ctx)
	s.file = file
	return err
}

// Validate implements kong's check after parsing: what it finds is an error of usage.
func (s *serveCommand) Validate() error {
	for _, l := range []struct {
		flag string
		n    int
	}{
		{"max-text-bytes", s.MaxTextBytes}, {"max-data-bytes", s.MaxDataBytes}, {"max-members", s.MaxMembers},
		{"max-reactions", s.MaxReactions}, {"max-reaction-kinds", s.MaxReactionKinds},
	} {
		if l.n == 0 { // which would be the default there, and nobody means that
			return s.file.explain(fmt.Errorf("--%s 0: at least 1", l.flag))
		}
	}
	return s.file.explain(s.config().Validate())
}

// Run serves until SIGINT or SIGTERM; a second one then has its default effect.
func (s *serveCommand) Run(ctx context.Context, c console) error {
	ctx, stop := untilSignal(ctx)
	defer stop()

	config := s.config()
	config.Logger = newLogger(c.stderr, s.LogFormat, s.LogLevel)
	ports := &portFile{path: s.PortFile}
	ports.clearDead(ctx)
	config.OnOpen = ports.clear
	config.OnReady = func(addresses server.Addresses) error { return s.announce(c, ports, addresses) }
	defer ports.remove()
	return server.Run(ctx, config)
}

func (s *serveCommand) config() server.Config {
	return server.Config{
		HTTP:              s.HTTP,
		GRPC:              s.GRPC,
		Admin:             s.Admin,
		DataDir:           s.Data,
		SyncInterval:      syncIntervals[s.Durability],
		MinFreeBytes:      s.MinFreeBytes,
		RetainAge:         s.RetainAge,
		RetainMessages:    s.RetainMessages,
		TLSCertFile:       s.TLSCert,
		TLSKeyFile:        s.TLSKey,
		Guests:            s.Guests,
		AllowedOrigins:    s.AllowedOrigins,
		AllowedHosts:      s.AllowedHosts,
		TrustedProxies:    s.TrustedProxies,
		MaxMessageBytes:   s.MaxMessageBytes,
		MaxTextBytes:      s.MaxTextBytes,
		MaxDataBytes:      s.MaxDataBytes,
		MaxConnections:    s.MaxConnections,
		MaxRooms:          s.MaxRooms,
		MaxMembers:        s.MaxMembers,
		MaxReactions:      s.MaxReactions,
		MaxReactionKinds:  s.MaxReactionKinds,
		Rates:             s.rates(),
		DeliveryWindow:    s.DeliveryWindow,
		Heartbeat:         s.Heartbeat,
		FirstFrameTimeout: s.FirstFrameTimeout,
		WriteTimeout:      s.WriteTimeout,
		DrainTimeout:      s.DrainTimeout,
		Version:           version(),
	}
}

func (s *serveCommand) rates() server.Rates {
	return server.Rates{
		ConnectionCommands: s.ConnectionCommands,
		UserWrites:         s.UserWrites,
		RoomWrites:         s.RoomWrites,
		AddressWrites:      s.AddressWrites,
		UserRooms:          s.UserRooms,
		AddressRooms:       s.AddressRooms,
		AddressGuests:      s.AddressGuests,
		AddressConnections: s.AddressConnections,
	}
}

// announce says where the server is: to scripts in the port file, to people on a terminal.
func (s *serveCommand) announce(c console, ports *portFile, addresses server.Addresses) error {
	if err := ports.write(addresses); err != nil {
		return err
	}
	if isTerminal(c.stderr) && s.LogFormat != "json" {
		fmt.Fprint(c.stderr, s.banner(addresses))
	}
	return nil
}
