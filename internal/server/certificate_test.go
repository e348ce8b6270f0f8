package server

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// keyPair is a self-signed certificate for localhost and its key, as PEM.
type keyPair struct {
	cert, key []byte
	leaf      *x509.Certificate
}

func newKeyPair(t testing.TB, serial int64, notAfter time.Time) keyPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: "rialto test"},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:    time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     notAfter,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
		leaf: leaf,
	}
}

// replaceFile puts a new file in name's place, as certificate tools do.
func replaceFile(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

// certificateFixture is a certificate on files in a directory of the test's own, with a clock that stands still.
type certificateFixture struct {
	*certificate
	clock *testClock
	log   bytes.Buffer
}

func newCertificateFixture(t *testing.T, pair keyPair) *certificateFixture {
	t.Helper()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	replaceFile(t, certFile, pair.cert)
	replaceFile(t, keyFile, pair.key)
	f := &certificateFixture{clock: newTestClock()}
	var err error
	f.certificate, err = loadCertificate(certFile, keyFile, f.clock.now, slog.New(slog.NewTextHandler(&f.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *certificateFixture) serial() int64 { return f.current().Leaf.SerialNumber.Int64() }

var farAway = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

func TestCertificateIsReadAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	f := newCertificateFixture(t, newKeyPair(t, 1, farAway))
	next := newKeyPair(t, 2, farAway)
	replaceFile(t, f.certFile, next.cert)
	replaceFile(t, f.keyFile, next.key)
	if got := f.serial(); got != 1 {
		t.Errorf("within the interval: serial %d, want the one already checked", got)
	}
	f.clock.advance(certificateCheckInterval)
	if got := f.serial(); got != 2 {
		t.Errorf("after the interval: serial %d, want 2", got)
	}
}

func TestCertificateStaysWhileFilesDoNotMatch(t *testing.T) {
	t.Parallel()
	f := newCertificateFixture(t, newKeyPair(t, 1, farAway))
	next := newKeyPair(t, 2, farAway)
	steps := []struct {
		name   string
		change func()
		want   int64
	}{
		{"only the certificate is new", func() { replaceFile(t, f.certFile, next.cert) }, 1},
		{"still", func() {}, 1},
		{"a file is gone", func() { os.Remove(f.keyFile) }, 1},
		{"the key is new too", func() { replaceFile(t, f.keyFile, next.key) }, 2},
		{"garbage", func() { replaceFile(t, f.certFile, []byte("no PEM")) }, 2},
	}
	for _, step := range steps {
		step.change()
		f.clock.advance(certificateCheckInterval)
		if got := f.serial(); got != step.want {
			t.Errorf("%s: serial %d, want %d", step.name, got, step.want)
		}
	}
	if got := strings.Count(f.log.String(), "level=WARN"); got != 3 {
		t.Errorf("%d warnings, want one for each way of being wrong (3):\n%s", got, f.log.String())
	}
}

func TestCertificateErrorsNameTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, two := newKeyPair(t, 1, farAway), newKeyPair(t, 2, farAway)
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		replaceFile(t, path, data)
		return path
	}
	cert, key, otherKey := file("cert.pem", one.cert), file("key.pem", one.key), file("other.pem", two.key)
	missing := filepath.Join(dir, "missing.pem")
	for _, tt := range []struct{ cert, key, want string }{
		{missing, key, missing},
		{cert, missing, missing},
		{cert, otherKey, "private key does not match"},
		{key, cert, key},
	} {
		_, err := loadCertificate(tt.cert, tt.key, time.Now, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("loadCertificate(%s, %s) = %v, want an error with %q", filepath.Base(tt.cert), filepath.Base(tt.key), err, tt.want)
		}
	}
}

func TestExpiredCertificateIsLoudButServes(t *testing.T) {
	t.Parallel()
	f := newCertificateFixture(t, newKeyPair(t, 1, time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)))
	if f.serial() != 1 || !strings.Contains(f.log.String(), "level=WARN") {
		t.Errorf("expired certificate: serial %d, log %q", f.serial(), f.log.String())
	}
	if f.tlsConfig().MinVersion != tls.VersionTLS12 {
		t.Error("TLS below 1.2 is offered")
	}
}
