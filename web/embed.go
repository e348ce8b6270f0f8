// Package web is the browser application: app/ on the SDK in chat/, built by Vite into dist/, committed and embedded, so
// that a Go toolchain alone builds the whole server.
//
//   - embed.go: the embedded files and how long a browser may keep each
//   - policy.go: the security headers
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed all:dist
var dist embed.FS

// Handler serves the application at the root of a site, to GET and HEAD.
//
// Files under /assets/ carry a hash in their names and may be kept forever; everything else is checked with the server
// on each use. A path that no file has is the application's own when it lies under /r/ (a room) or has no dot in its last
// element; any other is 404. Every answer carries a Content-Security-Policy under which only the application's own
// script, style and server are reached.
//
// It panics if the embedded build has no index.html, which a test of this package rules out.
func Handler() http.Handler {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err)
	}
	h, err := newHandler(files)
	if err != nil {
		panic(err)
	}
	return h
}

const (
	indexPath = "/index.html"
	roomPath  = "/r/"
	hashedDir = "/assets/"
)

// contentTypes are the kinds of file in a build. They are given here because the system's tables differ.
var contentTypes = map[string]string{
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".json":        "application/json",
	".png":         "image/png",
	".svg":         "image/svg+xml",
	".txt":         "text/plain; charset=utf-8",
	".webmanifest": "application/manifest+json",
}

// file is one file of the build, ready to be written.
type file struct {
	body        []byte
	gzipped     []byte // nil where it would save nothing
	etag        string // of body, without quotes
	contentType string
	cache       string
	policy      policy
}

// handler holds a build in memory: a few hundred KB, compressed once. It is immutable.
type handler struct {
	files map[string]*file // by URL path
}

func newHandler(files fs.FS) (*handler, error) {
	h := &handler{files: make(map[string]*file)}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		h.files["/"+name], err = newFile("/"+name, body)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the web build: %w", err)
	}
	if h.files[indexPath] == nil {
		return nil, fmt.Errorf("read the web build: no %s", indexPath)
	}
	return h, nil
}

func newFile(name string, body []byte) (*file, error) {
	contentType, ok := contentTypes[path.Ext(name)]
	if !ok {
		contentType = "application/octet-stream"
	}
	sum := sha256.Sum256(body)
	f := &file{
		body:        body,
		etag:        base64.RawURLEncoding.EncodeToString(sum[:12]),
		contentType: contentType,
		cache:       "no-cache",
	}
	if strings.HasPrefix(name, hashedDir) {
		f.cache = "public, max-age=31536000, immutable"
	}
	if path.Ext(name) == ".html" {
		f.policy.scripts = inlineScriptHashes(body)
	}
	var err error
	f.gzipped, err = compress(body)
	return f, err
}

// compress returns nil if gzip does not make body smaller by a tenth, as with pictures.
func compress(body []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if b.Len() > len(body)*9/10 {
		return nil, nil
	}
	return b.Bytes(), nil
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	f := h.lookup(r.URL.Path)
	if f == nil {
		policy{}.set(w.Header(), r)
		http.NotFound(w, r)
		return
	}
	f.serve(w, r)
}

// lookup finds the file for a URL path, or nil.
func (h *handler) lookup(urlPath string) *file {
	if f := h.files[urlPath]; f != nil {
		return f
	}
	// Room ids may hold dots; elsewhere a dot marks a file, and a file that is gone must not become a page: a browser
	// would take HTML for the script of an older build.
	if strings.HasPrefix(urlPath, roomPath) || !strings.Contains(path.Base(urlPath), ".") {
		return h.files[indexPath]
	}
	return nil
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", f.contentType)
	header.Set("Cache-Control", f.cache)
	f.policy.set(header, r)
	body, etag := f.body, f.etag
	if f.gzipped != nil {
		header.Add("Vary", "Accept-Encoding")
		if acceptsGzip(r) {
			header.Set("Content-Encoding", "gzip")
			body, etag = f.gzipped, f.etag+"-gzip"
		}
	}
	header.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reports whether the request names gzip in Accept-Encoding other than to refuse it (RFC 9110, 12.5.3). All
// browsers name it plainly; a request that only says "*" gets the plain file, which is also right.
func acceptsGzip(r *http.Request) bool {
	for value := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, weight, _ := strings.Cut(value, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			weight = strings.ReplaceAll(weight, " ", "")
			return !strings.HasPrefix(weight, "q=0") || strings.Trim(weight, "q=0.") != ""
		}
	}
	return false
}
