package terminal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Tokens keeps one guest token a server address in a JSON file that only its owner may read. Its methods do not lock
// the file: of two programs that get their first token at the same moment, one will be somebody new next time.
type Tokens struct{ path string }

// OpenTokens returns the tokens in the file at path, which need not exist; empty: rialto/tokens.json in the user's
// configuration directory.
func OpenTokens(path string) (*Tokens, error) {
	if path == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return nil, fmt.Errorf("where to keep the guest token: %w", err)
		}
		path = filepath.Join(dir, "rialto", "tokens.json")
	}
	return &Tokens{path}, nil
}

type token struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires,omitzero"`
}

// Get returns the token for a server, "" if there is none that is still valid at the time now.
func (t *Tokens) Get(server string, now time.Time) (string, error) {
	tokens, err := t.read()
	if err != nil {
		return "", err
	}
	kept := tokens[server]
	if !kept.Expires.IsZero() && !kept.Expires.After(now) {
		return "", nil
	}
	return kept.Token, nil
}

// Put keeps a token for a server; zero expires means never.
func (t *Tokens) Put(server, value string, expires time.Time) error {
	return t.change(func(tokens map[string]token) { tokens[server] = token{value, expires} })
}

func (t *Tokens) read() (map[string]token, error) {
	tokens := map[string]token{}
	data, err := os.ReadFile(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return tokens, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read guest tokens: %w", err)
	}
	if json.Unmarshal(data, &tokens) != nil { // its error would quote what it read
		return nil, fmt.Errorf("read guest tokens: %s is damaged; remove it to become a new guest", t.path)
	}
	return tokens, nil
}

// change rewrites the file beside itself, so that a crash leaves the old one or the new one.
func (t *Tokens) change(edit func(map[string]token)) error {
	tokens, err := t.read()
	if err != nil {
		return err
	}
	edit(tokens)
	data, err := json.MarshalIndent(tokens, "", "  ")
	if err != nil {
		return fmt.Errorf("keep guest token: %w", err)
	}
	return writePrivate(t.path, append(data, '\n'))
}

// writePrivate replaces the file at path, readable by its owner alone.
func writePrivate(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keep guest token: %w", err)
	}
	file, err := os.CreateTemp(dir, filepath.Base(path)+".*") // CreateTemp makes it 0600
	if err != nil {
		return fmt.Errorf("keep guest token: %w", err)
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
		return fmt.Errorf("keep guest token: %w", err)
	}
	return nil
}

// TokenFile is a file that holds nothing but one token, for whatever server.
type TokenFile string

// Get returns the token, "" if there is no file.
func (f TokenFile) Get() (string, error) {
	data, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// Put writes the token, readable by its owner alone.
func (f TokenFile) Put(value string) error { return writePrivate(string(f), []byte(value+"\n")) }
