package bridge_test

import (
	"testing"

	"github.com/rialto-rpc/rialto/bridge"
)

// dialServer returns a client of s, which ends with the test.
func dialServer(t testing.TB, s *server, opts ...bridge.DialOption) *bridge.ClientConn {
	t.Helper()
	return dialTarget(t, s.http.URL, opts...)
}

func dialTarget(t testing.TB, target string, opts ...bridge.DialOption) *bridge.ClientConn {
	t.Helper()
	cc, err := bridge.Dial(target, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	return cc
}
