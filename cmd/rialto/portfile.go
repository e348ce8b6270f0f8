package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rialto-rpc/rialto/internal/server"
)

// portFile tells scripts where this server listens. Another server's at the same path it leaves alone.
type portFile struct {
	path    string // empty: there is none
	written []byte
}

// clearDead removes at once what one that was killed has left, if it is clear that it was: nobody listens where it says. Scripts
// that wait for the file would read it for as long as this server takes to begin. What is unclear [portFile.clear] removes.
func (p *portFile) clearDead(ctx context.Context) {
	there, err := os.ReadFile(p.path)
	if err != nil {
		return
	}
	var left server.Addresses
	if json.Unmarshal(there, &left) == nil && nobodyListens(ctx, left.HTTP, left.GRPC, left.Admin) {
		p.removeIf(there)
	}
}

// nobodyListens reports whether at none of some TCP addresses, of which one at least is not empty, a connection is accepted or
// may be: an answer that does not come for [dialTimeout] leaves that open.
func nobodyListens(ctx context.Context, addresses ...string) bool {
	addresses = slices.DeleteFunc(addresses, func(a string) bool { return a == "" })
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	for _, address := range addresses {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			conn.Close()
		}
		if err == nil || ctx.Err() != nil {
			return false
		}
	}
	return len(addresses) > 0
}

// dialTimeout is how long the start of a server waits at most for what listens where a port file says.
const dialTimeout = time.Second

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
	if p.written != nil {
		p.removeIf(p.written)
	}
}

// removeIf removes the file if that is what it holds.
func (p *portFile) removeIf(data []byte) {
	if there, err := os.ReadFile(p.path); err == nil && bytes.Equal(there, data) {
		os.Remove(p.path)
	}
}
