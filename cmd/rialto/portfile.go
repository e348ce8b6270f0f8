package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rialto-rpc/rialto/internal/server"
)

// writePortFile writes the addresses a server listens on to path, as JSON and in one step: a reader that polls for the
// file never sees half of it, and when it is there the server answers.
func writePortFile(path string, addresses server.Addresses) error {
	data, err := json.Marshal(addresses)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".rialto-ports-*")
	if err != nil {
		return fmt.Errorf("--port-file: %w", err)
	}
	_, err = f.Write(append(data, '\n'))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("--port-file: %w", err)
	}
	return nil
}
