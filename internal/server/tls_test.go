package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

func TestTLSOnBothPorts(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	dir := t.TempDir()
	cfg.TLSCertFile, cfg.TLSKeyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	clock := newTestClock()
	cfg.now = clock.now
	first, second := newKeyPair(t, 1, farAway), newKeyPair(t, 2, farAway)
	replaceFile(t, cfg.TLSCertFile, first.cert)
	replaceFile(t, cfg.TLSKeyFile, first.key)
	roots := x509.NewCertPool()
	roots.AddCert(first.leaf)
	roots.AddCert(second.leaf)

	i := start(t, cfg)
	old := dial(t, i.GRPC, roots)
	session := connect(t, old)
	replaceFile(t, cfg.TLSCertFile, second.cert)
	replaceFile(t, cfg.TLSKeyFile, second.key)
	clock.advance(certificateCheckInterval)

	for _, address := range []string{i.HTTP, i.GRPC} {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != 2 {
			t.Errorf("%s presents certificate %d, want the new one", address, got)
		}
		conn.Close()
	}
	browser := http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		DisableKeepAlives: true,
	}}
	resp, err := browser.Get("https://" + i.HTTP + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("GET / over https = %s", resp.Status)
	}
	// Nothing was dropped: the session of before goes on.
	if err := session.Send(&chatv1.ConnectRequest{}); err != nil {
		t.Error(err)
	}
	if _, err := session.Recv(); err != nil {
		t.Errorf("the open session ended with %v", err)
	}
	_, _, body := get(t, "http://"+i.Admin+"/metrics")
	if want := fmt.Sprintf("rialto_tls_certificate_not_after_seconds %v", float64(farAway.Unix())); !strings.Contains(body, want) {
		t.Errorf("no %q in the metrics", want)
	}
}
