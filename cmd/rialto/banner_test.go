package main

import (
	"strings"
	"testing"

	"github.com/rialto-rpc/rialto/internal/server"
)

func TestDialable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ asked, actual, want string }{
		{"localhost:8080", "127.0.0.1:8080", "localhost:8080"},
		{"localhost:0", "127.0.0.1:41233", "localhost:41233"},
		{":8080", "[::]:8080", "localhost:8080"},
		{"0.0.0.0:8080", "0.0.0.0:8080", "localhost:8080"},
		{"[::]:8080", "[::]:8080", "localhost:8080"},
		{"192.0.2.1:8080", "192.0.2.1:8080", "192.0.2.1:8080"},
		{"[::1]:0", "[::1]:41233", "[::1]:41233"},
		{"chat.example:443", "192.0.2.1:443", "chat.example:443"},
	} {
		if got := dialable(tt.asked, tt.actual); got != tt.want {
			t.Errorf("dialable(%q, %q) = %q, want %q", tt.asked, tt.actual, got, tt.want)
		}
	}
}

func TestProgram(t *testing.T) {
	t.Parallel()
	for arg0, want := range map[string]string{
		"rialto":       "rialto",
		"./bin/rialto": "./bin/rialto",
		"/tmp/go-build3141592653/b001/exe/rialto": "go run ./cmd/rialto",
		"/root/.cache/go-build/2a/2a7d-d/rialto":  "go run ./cmd/rialto",
	} {
		if got := program(arg0); got != want {
			t.Errorf("program(%q) = %q, want %q", arg0, got, want)
		}
	}
}

func TestBannerFitsTheServer(t *testing.T) {
	t.Parallel()
	actual := server.Addresses{HTTP: "127.0.0.1:1", GRPC: "127.0.0.1:2"}
	plain := (&serveCommand{HTTP: "localhost:0", GRPC: "localhost:0"}).banner(actual)
	for _, want := range []string{"http://localhost:1\n", "--url grpc://localhost:2\n", "grpcurl -plaintext ", " localhost:2 rialto.chat.v1.ChatService/Connect"} {
		if !strings.Contains(plain, want) {
			t.Errorf("no %q in %s", want, plain)
		}
	}
	if strings.Contains(plain, "metrics") {
		t.Error("a server without an admin port shows one")
	}
	secure := (&serveCommand{HTTP: "localhost:0", GRPC: "localhost:0", TLSCert: "cert.pem"}).banner(actual)
	if !strings.Contains(secure, "https://localhost:1\n") || !strings.Contains(secure, "--url grpcs://localhost:2\n") || strings.Contains(secure, "-plaintext") {
		t.Errorf("with TLS: %s", secure)
	}
}
