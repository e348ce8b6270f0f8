package bridge

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// originPolicy decides which pages may open a socket. The zero policy is same-origin on localhost and IP literals.
type originPolicy struct {
	origins    []string // normalized, as in an Origin header
	hosts      []string // lower case, without port
	anyOrigin  bool
	anyHost    bool
	nullOrigin bool
}

func (p *originPolicy) allowOrigin(origin string) error {
	switch origin {
	case "*":
		p.anyOrigin = true
		return nil
	case "null":
		p.nullOrigin = true
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Host == "" || strings.Contains(u.Host, "*") || u.User != nil || strings.TrimSuffix(u.Path, "/") != "" ||
		u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("allowed origin %q is not of the form scheme://host[:port]", origin)
	}
	p.origins = append(p.origins, normalizeOrigin(u))
	return nil
}

func (p *originPolicy) allowHost(host string) error {
	if host == "*" {
		p.anyHost = true
		return nil
	}
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if name == "" || strings.ContainsAny(name, "/:@ *[]") && !isIPLiteral(name) {
		return fmt.Errorf("allowed host %q is not a host name without scheme and port", host)
	}
	p.hosts = append(p.hosts, name)
	return nil
}

// refusal says why a request is not admitted.
type refusal struct {
	reason string // for the client
	flag   string // the setting that would admit it, for the operator
}

// check returns nil for a request that may open a socket.
func (p *originPolicy) check(r *http.Request) *refusal {
	origin := r.Header.Get("Origin")
	if origin == "" || p.anyOrigin {
		return nil
	}
	if origin == "null" {
		if p.nullOrigin {
			return nil
		}
		return &refusal{"a page without an origin (a file, a sandboxed frame) may not connect", "--allowed-origins"}
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return &refusal{"malformed Origin", "--allowed-origins"}
	}
	if slices.Contains(p.origins, normalizeOrigin(u)) {
		return nil
	}
	if hostPort(u.Host, u.Scheme) != hostPort(r.Host, u.Scheme) {
		return &refusal{"this origin may not connect", "--allowed-origins"}
	}
	if !p.isOwnHost(r.Host) {
		return &refusal{"this server does not know itself under this host", "--allowed-hosts"}
	}
	return nil
}

// isOwnHost reports whether a Host header names this server rather than an attacker's rebound domain.
func (p *originPolicy) isOwnHost(host string) bool {
	name := hostName(host)
	return p.anyHost || name == "localhost" || strings.HasSuffix(name, ".localhost") || isIPLiteral(name) ||
		slices.Contains(p.hosts, name)
}

// normalizeOrigin writes an origin as browsers do: lower case, without the scheme's own port.
func normalizeOrigin(u *url.URL) string {
	scheme := strings.ToLower(u.Scheme)
	return scheme + "://" + hostPort(u.Host, scheme)
}

// hostPort is host in lower case without the port that scheme implies.
func hostPort(host, scheme string) string {
	host = strings.ToLower(host)
	switch strings.ToLower(scheme) {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

// hostName is host in lower case without a port and without the brackets of an IPv6 literal.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

func isIPLiteral(name string) bool {
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"))
	return err == nil
}
