package auth

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// Key signs guests' tokens, and others are derived from it. Who has it can be any guest.
type Key [32]byte

// Derive returns a key for something else, which says nothing about this one nor about those for other purposes.
func (k Key) Derive(purpose string) Key {
	derived, err := hkdf.Key(sha256.New, k[:], nil, purpose, len(Key{}))
	if err != nil {
		panic(err) // never: the length is one that HKDF has
	}
	return Key(derived)
}

// Format keeps the key out of everything printed, whatever the verb.
func (Key) Format(s fmt.State, _ rune) { io.WriteString(s, "auth.Key") }

// LogValue keeps the key out of structured logs.
func (Key) LogValue() slog.Value { return slog.StringValue("auth.Key") }

// LoadOrCreateKey reads the key in the file at path, or makes a random one and stores it there, readable by its owner
// only. When it returns, the file survives a power cut. Of several callers at once all get the same key. The directory
// must exist.
func LoadOrCreateKey(path string) (Key, error) {
	key, err := loadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := createKey(path, func(key Key) []byte { return key[:] }); err != nil && !errors.Is(err, fs.ErrExist) {
		return Key{}, fmt.Errorf("create key: %w", err)
	}
	return loadKey(path) // ours, or that of who was faster
}

func loadKey(path string) (Key, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("read key: %w", err)
	}
	if len(b) != len(Key{}) {
		return Key{}, fmt.Errorf("read key: %s has %d bytes, not %d: restore it, or remove it and all guests lose their identity",
			path, len(b), len(Key{}))
	}
	return Key(b), nil
}

// createKey writes a key, as it is encoded, beside path and links it into place, which is atomic and fails if path exists.
func createKey(path string, encode func(Key) []byte) error {
	var key Key
	rand.Read(key[:]) // never fails: crypto/rand
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(encode(key))
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
