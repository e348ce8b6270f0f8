package chat_test

import (
	"log/slog"
	"net/http/httptest"

	"github.com/rialto-rpc/rialto/bridge"
	"github.com/rialto-rpc/rialto/internal/auth"
)

// bridged returns the same service as a client of the bridge reaches it.
func (l *live) bridged() *live {
	l.tb.Helper()
	log := slog.New(slog.DiscardHandler)
	h, err := bridge.NewHandler(
		bridge.WithChainUnaryInterceptor(auth.UnaryServerInterceptor(l.guests, log), l.service.UnaryServerInterceptor()),
		bridge.WithChainStreamInterceptor(auth.StreamServerInterceptor(l.guests, log), l.service.StreamServerInterceptor()),
		bridge.WithDetachedCalls(), // as the server has it
	)
	if err != nil {
		l.tb.Fatal(err)
	}
	l.service.Register(h)
	server := httptest.NewServer(h)
	l.tb.Cleanup(server.Close)
	conn, err := bridge.Dial(server.URL)
	if err != nil {
		l.tb.Fatal(err)
	}
	l.tb.Cleanup(func() { _ = conn.Close() })
	over := *l
	over.conn = conn
	return &over
}
