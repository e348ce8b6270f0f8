package main

import (
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/rialto-rpc/rialto/internal/server"
)

// banner tells a person at a terminal what to do next with the server that s has started.
func (s *serveCommand) banner(actual server.Addresses) string {
	scheme, plaintext, native := "http", " -plaintext", "grpc"
	if s.TLSCert != "" {
		scheme, plaintext, native = "https", "", "grpcs"
	}
	grpc := dialable(s.GRPC, actual.GRPC)
	var b strings.Builder
	fmt.Fprintf(&b, "\n  Rialto is open.\n\n")
	fmt.Fprintf(&b, "    browser   %s://%s\n", scheme, dialable(s.HTTP, actual.HTTP))
	fmt.Fprintf(&b, "    terminal  %s chat --room lobby --url %s://%s\n", program(os.Args[0]), native, grpc)
	fmt.Fprintf(&b, "    grpcurl   grpcurl%s -d '{\"join\":{\"room\":\"lobby\",\"history\":10}}' %s rialto.chat.v1.ChatService/Connect\n",
		plaintext, grpc)
	if s.Admin != "" {
		fmt.Fprintf(&b, "    metrics   http://%s/metrics\n", dialable(s.Admin, actual.Admin))
	}
	fmt.Fprintf(&b, "    data      %s\n\n  Ctrl+C closes it.\n\n", s.Data)
	return b.String()
}

// program is how a person calls this program again: as they did, or by what stands for it when `go run` has built it
// somewhere.
func program(arg0 string) string {
	if strings.Contains(arg0, "go-build") {
		return "go run ./cmd/rialto"
	}
	return arg0
}

// dialable is where a client on this machine finds a listener: under the name it was asked to have, as certificates and
// browsers know names, and on the port it got.
func dialable(asked, actual string) string {
	host, _, err := net.SplitHostPort(asked)
	if err != nil {
		return actual
	}
	_, port, err := net.SplitHostPort(actual)
	if err != nil {
		return actual
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
