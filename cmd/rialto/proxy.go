package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/rialto-rpc/rialto/internal/server"
)

// proxyCommand runs a bridge in front of a gRPC server until it is told to stop.
type proxyCommand struct {
	Upstream          string   `required:"" placeholder:"HOST:PORT" group:"Upstream" help:"The gRPC server behind: an address, or another target that grpc-go knows, such as dns:///name:port or unix:///path."`
	UpstreamTLS       bool     `name:"upstream-tls" group:"Upstream" help:"Connect to it by TLS, with the system's certificate authorities."`
	UpstreamCA        string   `name:"upstream-ca" placeholder:"FILE" group:"Upstream" help:"Connect to it by TLS, with the certificate authorities in this file (PEM)."`
	UpstreamAuthority string   `placeholder:"NAME" group:"Upstream" help:"The name it has in its certificate, and in :authority, if not that of --upstream."`
	Services          []string `placeholder:"NAME" group:"Upstream" help:"Services that clients can reach, by full name. Default: all that the upstream's reflection or --descriptors lists, but grpc.*"`
	Descriptors       string   `placeholder:"FILE" group:"Upstream" help:"What JSON needs to know about messages, from a file instead of the upstream's reflection: a FileDescriptorSet, as buf build -o writes it."`

	HTTP     string `name:"http" default:"localhost:8080" placeholder:"HOST:PORT" group:"Listening" help:"Where browsers connect: WebSocket, /healthz, /readyz (${default}). Port 0: any free one."`
	Admin    string `default:"localhost:9091" placeholder:"HOST:PORT" group:"Listening" help:"Where operators look: /metrics, /debug/pprof, details at /readyz (${default}). Empty: nowhere. Keep it private."`
	TLSCert  string `name:"tls-cert" placeholder:"FILE" group:"Listening" help:"Certificate chain (PEM) for --http: https, wss. Read again when it changes."`
	TLSKey   string `name:"tls-key" placeholder:"FILE" group:"Listening" help:"Its private key (PEM)."`
	PortFile string `type:"path" placeholder:"FILE" group:"Listening" help:"Write the addresses listened on here, as JSON, once the proxy answers."`

	AllowedOrigins []string `placeholder:"ORIGIN" group:"Who may come" help:"Web pages of other origins that may connect, such as https://app.example. Pages under the proxy's own host always may."`
	AllowedHosts   []string `placeholder:"HOST" group:"Who may come" help:"Names browsers may know this proxy by, besides the host of --http, localhost and IP addresses."`
	TrustedHeaders []string `placeholder:"NAME" group:"Who may come" help:"Headers of the handshake that a proxy in front sets and the upstream gets as metadata, such as x-user. Clients cannot say them in frames."`

	MaxMessageBytes   int           `default:"4194304" placeholder:"N" group:"Limits" help:"Largest message a client may send, in bytes after decompression (${default})."`
	MaxConnections    int           `default:"0" placeholder:"N" group:"Limits" help:"WebSocket connections at a time; more are answered 503. 0: no limit (${default})."`
	Heartbeat         time.Duration `default:"20s" placeholder:"TIME" group:"Limits" help:"How often a silent client is asked whether it is there (${default}). Keep it below the idle time-out of proxies in between."`
	FirstFrameTimeout time.Duration `default:"10s" placeholder:"TIME" group:"Limits" help:"How long a WebSocket may wait with its first frame (${default})."`
	WriteTimeout      time.Duration `default:"30s" placeholder:"TIME" group:"Limits" help:"How long a client may take nothing of what is sent to it before it is disconnected (${default})."`
	DrainTimeout      time.Duration `default:"10s" placeholder:"TIME" group:"Limits" help:"How long running calls may take to end after SIGTERM or Ctrl+C (${default})."`

	LogLevel  slog.Level `default:"info" placeholder:"LEVEL" group:"Logging" help:"debug, info, warn or error (${default})."`
	LogFormat string     `default:"auto" enum:"auto,text,json" placeholder:"FORMAT" group:"Logging" help:"text, json, or auto: text on a terminal, JSON elsewhere."`
}

// Help implements [kong.HelpProvider]: the examples of --help.
func (*proxyCommand) Help() string {
	return `The server behind can be written in any language. With reflection switched on there it needs nothing else;
without it, give --descriptors for JSON, or --services for protobuf alone.

Examples:

  rialto proxy --upstream localhost:9000
      In a browser: new WebSocket("ws://localhost:8080/echo.v1.EchoService/Talk")

  rialto proxy --upstream shop.internal:443 --upstream-tls --services shop.v1.ShopService --http :443 \
      --tls-cert chain.pem --tls-key key.pem --allowed-hosts api.example --allowed-origins https://www.example
      A public one, with nothing exposed but what is named.

  buf build -o shop.binpb && rialto proxy --upstream localhost:9000 --descriptors shop.binpb
      A server without reflection.

Every flag --foo-bar is also the variable RIALTO_FOO_BAR. The command line wins.`
}

// Validate implements kong's check after parsing: what it finds is an error of usage.
func (p *proxyCommand) Validate() error {
	return p.config().Validate()
}

// Run serves until SIGINT or SIGTERM; a second one then has its default effect.
func (p *proxyCommand) Run(ctx context.Context, c console) error {
	ctx, stop := untilSignal(ctx)
	defer stop()

	config := p.config()
	config.Logger = newLogger(c.stderr, p.LogFormat, p.LogLevel)
	ports := &portFile{path: p.PortFile}
	ports.clearDead(ctx)
	config.OnOpen = ports.clear
	config.OnReady = func(addresses server.Addresses) error { return p.announce(c, ports, addresses) }
	defer ports.remove()
	return server.RunProxy(ctx, config)
}

func (p *proxyCommand) config() server.ProxyConfig {
	return server.ProxyConfig{
		Upstream:          p.Upstream,
		UpstreamTLS:       p.UpstreamTLS,
		UpstreamCAFile:    p.UpstreamCA,
		UpstreamAuthority: p.UpstreamAuthority,
		Services:          p.Services,
		DescriptorFile:    p.Descriptors,
		TrustedHeaders:    p.TrustedHeaders,
		HTTP:              p.HTTP,
		Admin:             p.Admin,
		TLSCertFile:       p.TLSCert,
		TLSKeyFile:        p.TLSKey,
		AllowedOrigins:    p.AllowedOrigins,
		AllowedHosts:      p.AllowedHosts,
		MaxMessageBytes:   p.MaxMessageBytes,
		MaxConnections:    p.MaxConnections,
		Heartbeat:         p.Heartbeat,
		FirstFrameTimeout: p.FirstFrameTimeout,
		WriteTimeout:      p.WriteTimeout,
		DrainTimeout:      p.DrainTimeout,
		Version:           version(),
	}
}

// announce says where the proxy is: to scripts in the port file, to people on a terminal.
func (p *proxyCommand) announce(c console, ports *portFile, addresses server.Addresses) error {
	if err := ports.write(addresses); err != nil {
		return err
	}
	if isTerminal(c.stderr) && p.LogFormat != "json" {
		fmt.Fprint(c.stderr, p.banner(addresses))
	}
	return nil
}

// banner tells a person at a terminal what to do next.
func (p *proxyCommand) banner(actual server.Addresses) string {
	scheme := "ws"
	if p.TLSCert != "" {
		scheme = "wss"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n  Rialto stands in front of %s.\n\n", p.Upstream)
	fmt.Fprintf(&b, "    browser   new WebSocket(\"%s://%s/package.Service/Method\")\n", scheme, dialable(p.HTTP, actual.HTTP))
	if p.Admin != "" {
		fmt.Fprintf(&b, "    metrics   http://%s/metrics\n", dialable(p.Admin, actual.Admin))
	}
	fmt.Fprintf(&b, "\n  Ctrl+C ends it.\n\n")
	return b.String()
}
