package server

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestConfigNamesTheWrongFlag(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		change func(*Config)
		want   string // in the error; empty: valid
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.Admin = "" }, ""},
		{func(c *Config) { c.DrainTimeout = 0 }, ""},
		{func(c *Config) { c.HTTP = "" }, "--http"},
		{func(c *Config) { c.GRPC = "localhost" }, "--grpc"},
		{func(c *Config) { c.Admin = "localhost:99999" }, "--admin"},
		{func(c *Config) { c.DataDir = "" }, "--data"},
		{func(c *Config) { c.TLSKeyFile = "key.pem" }, "--tls-cert"},
		{func(c *Config) { c.AllowedOrigins = []string{"chat.example"} }, `--allowed-origins: allowed origin "chat.example"`},
		{func(c *Config) { c.AllowedHosts = []string{"https://chat.example"} }, "--allowed-hosts"},
		{func(c *Config) { c.MaxMessageBytes = 10 }, "--max-message-bytes"},
		{func(c *Config) { c.MaxTextBytes = -1 }, "--max-text-bytes"},
		{func(c *Config) { c.MaxDataBytes = 1 << 30 }, "--max-data-bytes"},
		{func(c *Config) { c.MaxConnections = -1 }, "--max-connections"},
		{func(c *Config) { c.MaxRooms = 0 }, "--max-rooms"},
		{func(c *Config) { c.MinFreeBytes = -1 }, "--min-free-bytes"},
		{func(c *Config) { c.RetainAge = time.Minute }, "--retain-age 1m0s: expected 0 (for good), or an hour to 100 years"},
		{func(c *Config) { c.RetainMessages = 5 }, "--retain-messages 5: expected 0 (all), or 1,000 to 10^12"},
		{func(c *Config) { c.DeliveryWindow = -1 }, "--delivery-window"},
		{func(c *Config) { c.DeliveryWindow = 2 * time.Second }, "--delivery-window"},
		{func(c *Config) { c.Heartbeat = 0 }, "--heartbeat"},
		{func(c *Config) { c.FirstFrameTimeout = 0 }, "--first-frame-timeout"},
		{func(c *Config) { c.WriteTimeout = 0 }, "--write-timeout"},
		{func(c *Config) { c.DrainTimeout = -1 }, "--drain-timeout"},
	} {
		cfg := testConfig(t)
		tt.change(&cfg)
		err := cfg.Validate()
		var configError *ConfigError
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("Validate = %v, want nil", err)
		case tt.want != "" && (!errors.As(err, &configError) || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("Validate = %v, want a ConfigError with %s", err, tt.want)
		}
	}
}

func TestOwnHostIsAllowed(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][]string{
		"chat.example:443": {"chat.example", "other.example"},
		"127.0.0.1:80":     {"other.example"},
		"[::1]:80":         {"other.example"},
		":80":              {"other.example"},
	} {
		cfg := Config{HTTP: address, AllowedHosts: []string{"other.example"}}
		if got := cfg.allowedHosts(); !slices.Equal(got, want) {
			t.Errorf("hosts allowed on %s = %q, want %q", address, got, want)
		}
	}
}

// testClock stands still until it is advanced. Safe for concurrent use.
type testClock struct {
	mu sync.Mutex
	at time.Time
}

func newTestClock() *testClock {
	return &testClock{at: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
}

func (c *testClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
