package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
)

// policy is what a page may do.
type policy struct {
	scripts []string // CSP hash sources of the inline scripts it may run
}

// set writes the security headers of one answer. Nothing is allowed but the application's own files, and connections to
// the server they came from: what people type cannot load or send anything even if it ever became markup.
func (p policy) set(header http.Header, r *http.Request) {
	header.Set("Content-Security-Policy", p.contentSecurityPolicy(r))
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
}

// contentSecurityPolicy is the policy as CSP Level 3 writes it (https://www.w3.org/TR/CSP3/).
func (p policy) contentSecurityPolicy(r *http.Request) string {
	directives := []string{
		"default-src 'none'",
		strings.Join(append([]string{"script-src 'self'"}, p.scripts...), " "),
		"style-src 'self'",
		"connect-src 'self'" + webSocketSource(r),
		"img-src 'self' data:",
		"manifest-src 'self'",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
		// Registering a service worker takes a TrustedScriptURL. The one policy makes the one address, and no markup.
		"trusted-types service-worker",
	}
	return strings.Join(directives, "; ")
}

// plainHost is a host that can stand in a CSP source expression. net/http lets ";" and "," through in a Host header.
var plainHost = regexp.MustCompile(`^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?$`)

// webSocketSource names this server's WebSocket origin. 'self' covers it in CSP Level 3, but not in every browser in use
// (https://github.com/w3c/webappsec-csp/issues/7). Both schemes are named because TLS may end at a proxy before us.
func webSocketSource(r *http.Request) string {
	if !plainHost.MatchString(r.Host) {
		return ""
	}
	return " ws://" + r.Host + " wss://" + r.Host
}

// inlineScript finds the text of scripts without a src, exactly as a browser hashes it.
var inlineScript = regexp.MustCompile(`(?s)<script(?:\s+type="module")?>(.*?)</script>`)

// inlineScriptHashes allows the inline scripts of a page of ours, each by the hash of its text, so that an example can be
// one file to copy.
func inlineScriptHashes(page []byte) []string {
	var hashes []string
	for _, match := range inlineScript.FindAllSubmatch(page, -1) {
		sum := sha256.Sum256(match[1])
		hashes = append(hashes, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	return hashes
}
