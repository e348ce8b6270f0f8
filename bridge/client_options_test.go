package bridge_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/rialto-rpc/rialto/bridge"
)

// Targets and options are checked by Dial, and what is wrong is named without quoting what may be a secret.
func TestDialChecks(t *testing.T) {
	t.Parallel()
	const target = "ws://localhost:1"
	for name, test := range map[string]struct {
		target string
		option bridge.DialOption
		want   string
	}{
		"no scheme":          {target: "localhost:8080", want: "want ws, wss, http or https"},
		"other scheme":       {target: "dns:///localhost", want: `scheme "dns"`},
		"malformed":          {target: "ws://hunter2\x7f", want: "malformed target"},
		"no host":            {target: "ws:///rialto", want: "without a host"},
		"user":               {target: "ws://me:hunter2@localhost", want: "belong into metadata"},
		"query":              {target: "ws://localhost?token=hunter2", want: "belong into metadata"},
		"nil TLS":            {target: target, option: bridge.WithTLSConfig(nil), want: "nil TLS"},
		"TLS without wss":    {target: target, option: bridge.WithTLSConfig(&tls.Config{}), want: "want wss"},
		"nil credentials":    {target: target, option: bridge.WithPerRPCCredentials(nil), want: "nil per-RPC credentials"},
		"secure credentials": {target: target, option: bridge.WithPerRPCCredentials(staticCredentials{secure: true}), want: "want wss"},
		"secure credentials for calls": {
			target: target, option: bridge.WithDefaultCallOptions(grpc.PerRPCCredentials(staticCredentials{secure: true})), want: "want wss",
		},
		"nil dialer": {target: target, option: bridge.WithContextDialer(nil), want: "nil dialer"},
		"backoff": {
			target: target, option: bridge.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: -1}}), want: "backoff",
		},
		"connect timeout": {
			target: target, want: "connect timeout",
			option: bridge.WithConnectParams(grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: -1}),
		},
		"call option": {
			target: target, option: bridge.WithDefaultCallOptions(nil, nil), want: "cannot be honoured",
		},
		"user agent":        {target: target, option: bridge.WithUserAgent("a\nb"), want: "printable ASCII"},
		"empty user agent":  {target: target, option: bridge.WithUserAgent(""), want: "printable ASCII"},
		"reserved header":   {target: target, option: bridge.WithHandshakeHeader(http.Header{"upgrade": {"x"}}), want: "Upgrade"},
		"no header name":    {target: target, option: bridge.WithHandshakeHeader(http.Header{"": {"x"}}), want: "without a name"},
		"bad header name":   {target: target, option: bridge.WithHandshakeHeader(http.Header{"a b": {"x"}}), want: "no header name"},
		"bad header value":  {target: target, option: bridge.WithHandshakeHeader(http.Header{"Cookie": {"hunter2\r\n"}}), want: "Cookie"},
		"heartbeat":         {target: target, option: bridge.WithHeartbeat(0), want: "heartbeat"},
		"write timeout":     {target: target, option: bridge.WithWriteTimeout(-time.Second), want: "write timeout"},
		"stream window":     {target: target, option: bridge.WithStreamWindow(1), want: "stream window"},
		"connection window": {target: target, option: bridge.WithConnectionWindow(1), want: "connection window"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cc, err := bridge.Dial(test.target, nil, test.option)
			if err == nil {
				cc.Close()
				t.Fatal("no error")
			}
			if !strings.HasPrefix(err.Error(), "bridge: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q, want one with %q", err, test.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %q quotes a secret", err)
			}
		})
	}
}

// A target without a path means the default path, and http means ws.
func TestDialTarget(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"ws://localhost:8080":        "ws://localhost:8080/rialto",
		"http://localhost/":          "ws://localhost/rialto",
		"https://a.example/b/":       "wss://a.example/b/",
		"wss://[::1]:8443/elsewhere": "wss://[::1]:8443/elsewhere",
	} {
		cc, err := bridge.Dial(target)
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		if got := cc.Target(); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
		cc.Close()
	}
}
