package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateCheckInterval is how old the look at the files may be that a handshake trusts.
const certificateCheckInterval = time.Second

// certificate is a key pair in two files, read again when they change. There is no goroutine and no watch: a handshake
// looks, at most once an interval, which also works where a directory is swapped by a symbolic link (Kubernetes).
// Connections that are open keep what they were opened with. Safe for concurrent use.
type certificate struct {
	certFile, keyFile string
	now               func() time.Time
	logger            *slog.Logger

	mu      sync.Mutex // protects what follows; held while the files are read
	pair    *tls.Certificate
	files   [2]os.FileInfo // as they were when pair was read
	checked time.Time
	failure string // the last error logged, empty while all is well
}

// loadCertificate reads a pair of PEM files; an error says what is wrong with which.
func loadCertificate(certFile, keyFile string, now func() time.Time, logger *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, now: now, logger: logger}
	files, err := c.stat()
	if err != nil {
		return nil, fmt.Errorf("load TLS certificate: %w", err)
	}
	if err := c.read(files); err != nil {
		return nil, fmt.Errorf("load TLS certificate: %w", err)
	}
	c.checked = now()
	return c, nil
}

// tlsConfig returns a configuration that always presents the newest pair.
func (c *certificate) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current(), nil
		},
	}
}

// current returns the newest pair that could be read.
func (c *certificate) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.checked) >= certificateCheckInterval {
		c.checked = now
		c.refresh()
	}
	return c.pair
}

// notAfter is when the current pair ends.
func (c *certificate) notAfter() time.Time {
	return c.current().Leaf.NotAfter
}

// refresh reads the pair again if a file has changed. On an error the old pair goes on, and each look tries again: the
// two files are rarely written in one step.
func (c *certificate) refresh() {
	files, err := c.stat()
	if err == nil && c.unchanged(files) {
		return
	}
	if err == nil {
		err = c.read(files)
	}
	if err == nil {
		c.failure = ""
		return
	}
	if c.failure != err.Error() {
		c.failure = err.Error()
		c.logger.Warn("TLS certificate changed but cannot be used; going on with the old one", "err", err)
	}
}

func (c *certificate) stat() (files [2]os.FileInfo, err error) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if files[i], err = os.Stat(name); err != nil {
			return files, err
		}
	}
	return files, nil
}

func (c *certificate) unchanged(files [2]os.FileInfo) bool {
	for i, f := range files {
		old := c.files[i]
		if !os.SameFile(f, old) || !f.ModTime().Equal(old.ModTime()) || f.Size() != old.Size() {
			return false
		}
	}
	return true
}

// read takes the pair as of files, which were looked at before: a change in between is seen at the next look.
func (c *certificate) read(files [2]os.FileInfo) error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("%s, %s: %w", c.certFile, c.keyFile, err)
	}
	c.pair, c.files = &pair, files
	level, end := slog.LevelInfo, pair.Leaf.NotAfter
	if c.now().After(end) {
		level = slog.LevelWarn
	}
	c.logger.Log(context.Background(), level, "TLS certificate loaded", "file", c.certFile, "names", pair.Leaf.DNSNames, "not_after", end)
	return nil
}
