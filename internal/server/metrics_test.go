package server

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// metricNames finds the names of our metrics in a text.
var metricNames = regexp.MustCompile(`\brialto_[a-z_]+`)

func TestOperationsPageListsEveryMetric(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t)
	dir := t.TempDir()
	cfg.TLSCertFile, cfg.TLSKeyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pair := newKeyPair(t, 1, farAway)
	replaceFile(t, cfg.TLSCertFile, pair.cert)
	replaceFile(t, cfg.TLSKeyFile, pair.key)
	s, err := newServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()

	descriptions := make(chan *prometheus.Desc)
	go func() { // ends with the last description, which the loop below takes
		defer close(descriptions)
		s.metrics.registry.Describe(descriptions)
	}()
	var registered []string
	for d := range descriptions {
		if name := metricNames.FindString(d.String()); name != "" {
			registered = append(registered, name)
		}
	}
	documented := metricNames.FindAllString(string(page), -1)
	for _, name := range registered {
		if !slices.Contains(documented, name) {
			t.Errorf("docs/operations.md lacks %s", name)
		}
	}
	for _, name := range documented {
		if !slices.Contains(registered, name) {
			t.Errorf("docs/operations.md has %s, which is no metric", name)
		}
	}
}
