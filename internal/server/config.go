package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/rialto-rpc/rialto/bridge"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// Config says what a server does. Addresses are HOST:PORT, with port 0 for any free one; an empty host is every
// interface.
type Config struct {
	HTTP    string // browsers: the web app, WebSocket, /healthz, /readyz
	GRPC    string // native gRPC clients
	Admin   string // /metrics, /debug/pprof, /readyz with details; empty: none
	DataDir string // everything that lasts; made if it is not there

	// PEM files for HTTP and GRPC, both or neither; read again when they change. Running connections stay.
	TLSCertFile string
	TLSKeyFile  string

	Guests         bool     // people without a token get a fresh identity
	AllowedOrigins []string // of web pages of other sites that may connect
	AllowedHosts   []string // names of this server besides the host of HTTP, localhost and IP addresses
	TrustedProxies []string // addresses and networks whose X-Forwarded-For is believed

	// SyncInterval, if not 0, lets what is acknowledged be synced so often instead of before: a power loss takes what is
	// younger, and clients load their rooms anew after any stop that was not in order.
	SyncInterval time.Duration
	// What is kept of rooms that do not say so themselves; 0: everything. See chat.Retention.
	RetainAge      time.Duration
	RetainMessages uint64
	MinFreeBytes   int64 // of the data directory's disk, below which writes are refused; 0: none

	MaxMessageBytes   int           // of a message from a client, on both ports, uncompressed
	MaxTextBytes      int           // of a message's text; 0: chat.DefaultTextBytes
	MaxDataBytes      int           // of a message's typed bytes; 0: chat.DefaultDataBytes
	MaxConnections    int           // WebSockets at a time; 0: no limit
	MaxRooms          int           // joined by one connection
	MaxMembers        int           // of one room; 0: chat.DefaultMembers
	MaxReactions      int           // to one message; 0: chat.DefaultReactions
	MaxReactionKinds  int           // to one message, of different emoji; 0: chat.DefaultReactionKinds
	Rates             Rates         // how often what; 0: no limit
	DeliveryWindow    time.Duration // that news may wait for more of it; 0: nothing waits
	Heartbeat         time.Duration // between questions to a silent client; at least 1 s
	FirstFrameTimeout time.Duration // for the first frame of a WebSocket
	WriteTimeout      time.Duration // for a client to take anything of what is written to it
	DrainTimeout      time.Duration // for running calls, once ctx of Run has ended

	Logger  *slog.Logger // nil: silent
	Version string       // shown to operators

	// OnOpen, if not nil, is called once, when the ports and the data directory are this server's, before anything is answered.
	OnOpen func()
	// OnReady, if not nil, is called once, when all ports answer. An error ends the server.
	OnReady func(Addresses) error

	now   func() time.Time // when the certificate is looked at; nil: time.Now
	store state.Options    // how the store is opened, but for the logger and OnCommit
}

// Rates are how often what may be done.
type Rates = chat.Rates

// Addresses are where a server really listens.
type Addresses struct {
	HTTP  string `json:"http"`
	GRPC  string `json:"grpc,omitempty"`
	Admin string `json:"admin,omitempty"`
}

// ConfigError is an error of whoever wrote the configuration, as opposed to one of the machine.
type ConfigError struct {
	err error
}

func (e *ConfigError) Error() string { return e.err.Error() }

func (e *ConfigError) Unwrap() error { return e.err }

// Validate returns a [*ConfigError] that names the first wrong value by its flag.
func (c Config) Validate() error {
	for _, a := range []struct {
		flag, address string
		optional      bool
	}{{"http", c.HTTP, false}, {"grpc", c.GRPC, false}, {"admin", c.Admin, true}} {
		if a.address == "" && a.optional {
			continue
		}
		if err := validateAddress(a.address); err != nil {
			return &ConfigError{fmt.Errorf("--%s %q: %w", a.flag, a.address, err)}
		}
	}
	for _, validate := range []func() error{c.validateChat, c.validateFront, c.validateLimits, c.validateAdmission} {
		if err := validate(); err != nil {
			return &ConfigError{err}
		}
	}
	return nil
}

func (c Config) limits() chat.Limits {
	return chat.Limits{
		TextBytes: c.MaxTextBytes, DataBytes: c.MaxDataBytes,
		Members: c.MaxMembers, Reactions: c.MaxReactions, ReactionKinds: c.MaxReactionKinds,
	}
}

// validateLimits names what is wrong by its flag, which is the limit's name.
func (c Config) validateLimits() error {
	err := c.limits().Validate()
	if err == nil {
		err = c.Rates.Validate()
	}
	if err != nil {
		return fmt.Errorf("--%w", err)
	}
	return nil
}

func (c Config) retention() chat.Retention {
	return chat.Retention{Age: c.RetainAge, Messages: c.RetainMessages}
}

func (c Config) delivery() chat.Delivery {
	window := c.DeliveryWindow
	if window == 0 {
		window = -1
	}
	return chat.Delivery{Window: window, StallTimeout: c.WriteTimeout}
}

func (c Config) validateAdmission() error {
	if _, err := bridge.NewHandler(bridge.WithAllowedOrigins(c.AllowedOrigins...)); err != nil {
		return fmt.Errorf("--allowed-origins: %s", strings.TrimPrefix(err.Error(), "bridge: "))
	}
	if _, err := bridge.NewHandler(bridge.WithAllowedHosts(c.AllowedHosts...)); err != nil {
		return fmt.Errorf("--allowed-hosts: %s", strings.TrimPrefix(err.Error(), "bridge: "))
	}
	if _, err := auth.ParseProxies(c.TrustedProxies); err != nil {
		return fmt.Errorf("--trusted-proxies: %w", err)
	}
	return nil
}

func validateAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return errors.New("expected HOST:PORT, such as localhost:8080 or :8080")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("port %q is not a number from 0 to 65535", port)
	}
	return nil
}

func (c Config) validateChat() error {
	switch {
	case chat.Retention{Age: c.RetainAge}.Validate() != nil:
		return fmt.Errorf("--retain-age %v: expected 0 (for good), or an hour to 100 years", c.RetainAge)
	case chat.Retention{Messages: c.RetainMessages}.Validate() != nil:
		return fmt.Errorf("--retain-messages %d: expected 0 (all), or 1,000 to 10^12", c.RetainMessages)
	case c.DataDir == "":
		return errors.New("--data: a directory is needed")
	case c.SyncInterval < 0:
		return fmt.Errorf("sync interval %v: 0 (always) or more", c.SyncInterval)
	case c.MinFreeBytes < 0:
		return fmt.Errorf("--min-free-bytes %d: 0 (none) or more", c.MinFreeBytes)
	case c.MaxRooms < 1:
		return fmt.Errorf("--max-rooms %d: at least 1", c.MaxRooms)
	case c.DeliveryWindow < 0 || c.DeliveryWindow > chat.MaxWindow:
		return fmt.Errorf("--delivery-window %v: 0 to %v", c.DeliveryWindow, chat.MaxWindow)
	}
	return nil
}

// validateFront is about what every server has whose clients are browsers.
func (c Config) validateFront() error {
	switch {
	case (c.TLSCertFile == "") != (c.TLSKeyFile == ""):
		return errors.New("--tls-cert and --tls-key go together: give both or neither")
	case c.MaxMessageBytes < 1024:
		return fmt.Errorf("--max-message-bytes %d: at least 1024", c.MaxMessageBytes)
	case c.MaxConnections < 0:
		return fmt.Errorf("--max-connections %d: 0 (no limit) or more", c.MaxConnections)
	case c.Heartbeat < time.Second:
		return fmt.Errorf("--heartbeat %v: at least 1s", c.Heartbeat)
	case c.FirstFrameTimeout <= 0:
		return fmt.Errorf("--first-frame-timeout %v: more than 0", c.FirstFrameTimeout)
	case c.WriteTimeout <= 0:
		return fmt.Errorf("--write-timeout %v: more than 0", c.WriteTimeout)
	case c.DrainTimeout < 0:
		return fmt.Errorf("--drain-timeout %v: 0 or more", c.DrainTimeout)
	}
	return nil
}
