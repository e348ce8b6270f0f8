package main

import (
	"fmt"
	"strings"

	"github.com/rialto-rpc/rialto/internal/server"
)

// banner tells a person at a terminal what to do next.
func banner(addresses server.Addresses, tls bool, dataDir string) string {
	scheme, plaintext, secure := "http", " -plaintext", ""
	if tls {
		scheme, plaintext, secure = "https", "", " --tls"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n  Rialto is open.\n\n")
	fmt.Fprintf(&b, "    browser   %s://%s\n", scheme, addresses.HTTP)
	fmt.Fprintf(&b, "    terminal  rialto chat --room lobby --server %s%s\n", addresses.GRPC, secure)
	fmt.Fprintf(&b, "    grpcurl   grpcurl%s -d '{\"join\":{\"room\":\"lobby\",\"history\":10}}' %s rialto.chat.v1.ChatService/Connect\n",
		plaintext, addresses.GRPC)
	if addresses.Admin != "" {
		fmt.Fprintf(&b, "    metrics   http://%s/metrics\n", addresses.Admin)
	}
	fmt.Fprintf(&b, "    data      %s\n\n  Ctrl+C closes it.\n\n", dataDir)
	return b.String()
}
