package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/rialto-rpc/rialto/bridge"
)

// ProxyConfig says what a proxy does. What it has in common with [Config] means the same.
type ProxyConfig struct {
	Upstream          string   // HOST:PORT of the gRPC server behind, or another target that grpc-go knows
	UpstreamTLS       bool     // connect to it by TLS
	UpstreamCAFile    string   // PEM; connect by TLS, with these certificate authorities
	UpstreamAuthority string   // name of the upstream in its certificate and in ":authority"; empty: that of Upstream
	Services          []string // exposed; empty: all that the descriptors list but grpc.*
	DescriptorFile    string   // a FileDescriptorSet; empty: ask the upstream
	TrustedHeaders    []string // of the handshake that become metadata

	HTTP  string
	Admin string

	TLSCertFile string
	TLSKeyFile  string

	AllowedOrigins []string
	AllowedHosts   []string

	MaxMessageBytes   int
	MaxConnections    int
	Heartbeat         time.Duration
	FirstFrameTimeout time.Duration
	WriteTimeout      time.Duration
	DrainTimeout      time.Duration

	Logger  *slog.Logger
	Version string

	// OnOpen, if not nil, is called once, when the ports are this proxy's, before anything is answered.
	OnOpen func()
	// OnReady is called once, when all ports answer; the upstream may not be there yet. An error ends the proxy.
	OnReady func(Addresses) error
}

// front is what of the configuration concerns the side of the clients.
func (c ProxyConfig) front() Config {
	return Config{
		HTTP: c.HTTP, Admin: c.Admin, TLSCertFile: c.TLSCertFile, TLSKeyFile: c.TLSKeyFile,
		AllowedOrigins: c.AllowedOrigins, AllowedHosts: c.AllowedHosts, MaxMessageBytes: c.MaxMessageBytes,
		MaxConnections: c.MaxConnections, Heartbeat: c.Heartbeat, FirstFrameTimeout: c.FirstFrameTimeout,
		WriteTimeout: c.WriteTimeout, DrainTimeout: c.DrainTimeout, Logger: c.Logger, Version: c.Version,
	}
}

// Validate returns a [*ConfigError] that names the first wrong value by its flag. Files are not looked at.
func (c ProxyConfig) Validate() error {
	front := c.front()
	for _, validate := range []func() error{
		c.validateUpstream, c.validateAddresses, front.validateFront, front.validateAdmission,
	} {
		if err := validate(); err != nil {
			return &ConfigError{err}
		}
	}
	return nil
}

func (c ProxyConfig) validateUpstream() error {
	if c.Upstream == "" {
		return errors.New("--upstream: the address of a gRPC server is needed, such as localhost:9090")
	}
	if !strings.Contains(c.Upstream, ":/") && !strings.HasPrefix(c.Upstream, "unix:") { // no URI
		if host, port, err := net.SplitHostPort(c.Upstream); err != nil || host == "" || port == "" {
			return fmt.Errorf("--upstream %q: expected HOST:PORT, such as localhost:9090", c.Upstream)
		}
	}
	if _, err := bridge.NewHandler(bridge.WithTrustedHeaders(c.TrustedHeaders...)); err != nil {
		return fmt.Errorf("--trusted-headers: %w", err)
	}
	for _, service := range c.Services {
		if service == "" || strings.ContainsAny(service, "/ *") {
			return fmt.Errorf("--services: %q is not a full name, such as echo.v1.EchoService", service)
		}
	}
	return nil
}

func (c ProxyConfig) validateAddresses() error {
	if err := validateAddress(c.HTTP); err != nil {
		return fmt.Errorf("--http %q: %w", c.HTTP, err)
	}
	if c.Admin == "" {
		return nil
	}
	if err := validateAddress(c.Admin); err != nil {
		return fmt.Errorf("--admin %q: %w", c.Admin, err)
	}
	return nil
}

// credentials are those for the connection to the upstream.
func (c ProxyConfig) credentials() (credentials.TransportCredentials, error) {
	if c.UpstreamCAFile == "" {
		if c.UpstreamTLS {
			return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12}), nil
		}
		return insecure.NewCredentials(), nil
	}
	pem, err := os.ReadFile(c.UpstreamCAFile)
	if err != nil {
		return nil, fmt.Errorf("--upstream-ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--upstream-ca %s: no certificate in it", c.UpstreamCAFile)
	}
	return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}), nil
}

// upstreamOptions say what of the upstream clients may use.
func (c ProxyConfig) upstreamOptions() ([]bridge.UpstreamOption, error) {
	var opts []bridge.UpstreamOption
	if len(c.Services) > 0 {
		opts = append(opts, bridge.WithUpstreamServices(c.Services...))
	}
	if c.DescriptorFile != "" {
		data, err := os.ReadFile(c.DescriptorFile)
		if err != nil {
			return nil, fmt.Errorf("--descriptors: %w", err)
		}
		set := new(descriptorpb.FileDescriptorSet)
		if err := proto.Unmarshal(data, set); err != nil {
			return nil, fmt.Errorf("--descriptors %s: not a FileDescriptorSet, as `buf build -o` writes it", c.DescriptorFile)
		}
		opts = append(opts, bridge.WithUpstreamDescriptors(set))
	}
	return opts, nil
}
