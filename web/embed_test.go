package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	testIndex = `<!doctype html><script type="module" src="/assets/app-1a2b.js"></script>`
	testAsset = "console.log('a script that is long enough to be worth compressing'); // " + "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	testBare  = "<!doctype html><script>\nlet a = 1;\n</script>"
)

func testHandler(t *testing.T) http.Handler {
	t.Helper()
	h, err := newHandler(fstest.MapFS{
		"index.html":         {Data: []byte(testIndex)},
		"favicon.svg":        {Data: []byte("<svg/>")},
		"assets/app-1a2b.js": {Data: []byte(testAsset)},
		"examples/bare.html": {Data: []byte(testBare)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h http.Handler, target string, header ...string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPaths(t *testing.T) {
	t.Parallel()
	h := testHandler(t)
	const immutable = "public, max-age=31536000, immutable"
	for _, test := range []struct {
		path, contentType, cache, body string
	}{
		{"/", "text/html; charset=utf-8", "no-cache", testIndex},
		{"/index.html", "text/html; charset=utf-8", "no-cache", testIndex},
		{"/r/lobby", "text/html; charset=utf-8", "no-cache", testIndex},
		{"/r/release-1.2", "text/html; charset=utf-8", "no-cache", testIndex},
		{"/anything/else", "text/html; charset=utf-8", "no-cache", testIndex},
		{"/favicon.svg", "image/svg+xml", "no-cache", "<svg/>"},
		{"/assets/app-1a2b.js", "text/javascript; charset=utf-8", immutable, testAsset},
		{"/examples/bare.html", "text/html; charset=utf-8", "no-cache", testBare},
	} {
		response := get(h, test.path)
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d, want 200", test.path, response.StatusCode)
		}
		if got := response.Header.Get("Content-Type"); got != test.contentType {
			t.Errorf("%s: Content-Type %q, want %q", test.path, got, test.contentType)
		}
		if got := response.Header.Get("Cache-Control"); got != test.cache {
			t.Errorf("%s: Cache-Control %q, want %q", test.path, got, test.cache)
		}
		if got := body(t, response.Body); got != test.body {
			t.Errorf("%s: body %q, want %q", test.path, got, test.body)
		}
	}
}

func TestUnknownFilesAreNotFound(t *testing.T) {
	t.Parallel()
	h := testHandler(t)
	for _, target := range []string{"/assets/app-0000.js", "/robots.txt", "/examples/", "/assets/../secret.txt"} {
		response := get(h, target)
		want := http.StatusNotFound
		if target == "/examples/" {
			want = http.StatusOK // no dot: a page of the application, never a listing
		}
		if response.StatusCode != want {
			t.Errorf("%s: status %d, want %d", target, response.StatusCode, want)
		}
		if response.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: no Content-Security-Policy", target)
		}
		if strings.Contains(body(t, response.Body), "<li") {
			t.Errorf("%s: looks like a listing", target)
		}
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	testHandler(t).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: status %d, Allow %q; want 405 and GET, HEAD", w.Code, w.Header().Get("Allow"))
	}
}

func TestContentSecurityPolicy(t *testing.T) {
	t.Parallel()
	h := testHandler(t)
	csp := get(h, "http://chat.example:8080/r/lobby").Header.Get("Content-Security-Policy")
	for _, directive := range []string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"connect-src 'self' ws://chat.example:8080 wss://chat.example:8080",
		"img-src 'self' data:",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
	} {
		if !strings.Contains(csp+";", directive+";") {
			t.Errorf("policy %q lacks %q", csp, directive)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q has an unsafe source", csp)
	}
}

// A Host that is no plain host must not write directives of its own.
func TestHostCannotExtendThePolicy(t *testing.T) {
	t.Parallel()
	h := testHandler(t)
	for _, host := range []string{"a;script-src *", "a b", "a,b", "*", "'unsafe-inline'", ""} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "connect-src 'self';") {
			t.Errorf("host %q: policy %q, want connect-src 'self' alone", host, csp)
		}
	}
	if csp := get(h, "http://[::1]:8080/").Header.Get("Content-Security-Policy"); !strings.Contains(csp, " ws://[::1]:8080 ") {
		t.Errorf("IPv6 host: policy %q lacks its WebSocket origin", csp)
	}
}

func TestInlineScriptIsAllowedByItsHashOnItsPageOnly(t *testing.T) {
	t.Parallel()
	h := testHandler(t)
	sum := sha256.Sum256([]byte("\nlet a = 1;\n"))
	source := "script-src 'self' 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"
	if csp := get(h, "/examples/bare.html").Header.Get("Content-Security-Policy"); !strings.Contains(csp, source) {
		t.Errorf("bare page: policy %q lacks %q", csp, source)
	}
	if csp := get(h, "/").Header.Get("Content-Security-Policy"); strings.Contains(csp, "sha256-") {
		t.Errorf("index: policy %q allows an inline script", csp)
	}
}

func TestCompressionAndRevalidation(t *testing.T) {
	t.Parallel()
	h := testHandler(t)
	const target = "/assets/app-1a2b.js"

	plain := get(h, target)
	if got := plain.Header.Get("Vary"); got != "Accept-Encoding" {
		t.Errorf("Vary %q, want Accept-Encoding", got)
	}
	zipped := get(h, target, "Accept-Encoding", "br, gzip;q=0.5")
	if got := zipped.Header.Get("Content-Encoding"); got != "gzip" {
		t.Fatalf("Content-Encoding %q, want gzip", got)
	}
	reader, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := body(t, reader); got != testAsset {
		t.Errorf("unzipped body %q, want %q", got, testAsset)
	}
	if plain.Header.Get("ETag") == zipped.Header.Get("ETag") {
		t.Error("plain and zipped bodies share an ETag")
	}
	if refused := get(h, target, "Accept-Encoding", "gzip;q=0.0"); refused.Header.Get("Content-Encoding") != "" {
		t.Error("gzip was sent to a client that refuses it")
	}

	again := get(h, target, "If-None-Match", plain.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified || body(t, again.Body) != "" {
		t.Errorf("If-None-Match: status %d, want 304 without a body", again.StatusCode)
	}
}

// TestEmbeddedBuild looks at the build that is committed.
func TestEmbeddedBuild(t *testing.T) {
	t.Parallel()
	h := Handler()
	index := get(h, "/")
	page := body(t, index.Body)
	if index.StatusCode != http.StatusOK || !strings.Contains(page, `<div id="root">`) {
		t.Fatalf("GET /: status %d, body %q", index.StatusCode, page)
	}
	if len(inlineScriptHashes([]byte(page))) != 0 {
		t.Error("index.html has an inline script")
	}
	for _, part := range strings.Split(page, `"`) {
		if !strings.HasPrefix(part, hashedDir) {
			continue
		}
		if response := get(h, part); response.StatusCode != http.StatusOK {
			t.Errorf("index.html names %s: status %d", part, response.StatusCode)
		}
	}
	for name, f := range h.(*handler).files {
		if path.Ext(name) == ".map" || bytes.Contains(f.body, []byte("sourceMappingURL")) {
			t.Errorf("%s: source maps are not part of the build", name)
		}
		if f.contentType == "application/octet-stream" {
			t.Errorf("%s: no content type for this kind of file", name)
		}
	}
	bare := get(h, "/examples/bare.html")
	if !strings.Contains(bare.Header.Get("Content-Security-Policy"), "'sha256-") {
		t.Error("bare.html: its script is not allowed")
	}
	if strings.Contains(body(t, bare.Body), "innerHTML") {
		t.Error("bare.html uses innerHTML")
	}
}

func TestBuildWithoutIndexIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := newHandler(fstest.MapFS{"a.txt": {}}); err == nil {
		t.Error("newHandler accepted a build without index.html")
	}
}
