package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rialto-rpc/rialto/internal/server"
)

// portFile tells scripts where this server listens. Another server's at the same path it leaves alone.
type portFile struct {
	path    string // empty: there is none
	written []byte
}

// clear removes what one that was killed has left. It is called when all that a server uses is this one's, and so none runs.
func (p *portFile) clear() {
	if p.path != "" {
		os.Remove(p.path)
	}
}

// write writes the addresses a server listens on, as JSON and in one step: a reader that polls for the file never sees half
// of it, and when it is there the server answers.
func (p *portFile) write(addresses server.Addresses) error {
	if p.path == "" {
		return nil
	}
	data, err := json.Marshal(addresses)
	if err != nil {
		return err
	}
	data = append(data, '\n')
	f, err := os.CreateTemp(filepath.Dir(p.path), ".rialto-ports-*")
	if err != nil {
		return fmt.Errorf("--port-file: %w", err)
	}
	_, err = f.Write(data)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), p.path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("--port-file: %w", err)
	}
	p.written = data
	return nil
}

// remove removes what was written, unless another server has written there since.
func (p *portFile) remove() {
	if p.written == nil {
		return
	}
	if there, err := os.ReadFile(p.path); err == nil && bytes.Equal(there, p.written) {
		os.Remove(p.path)
	}
}
