package state

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// markerFile is the marker's name in the data directory. It is documented: operators delete it.
const markerFile = "epoch.marker"

// maxMarkerBytes is far more than a marker holds; the rest of what somebody wrote there is not read.
const maxMarkerBytes = 1 << 10

// marker is a file by which a restored backup is told from the directory itself. It is made anew at every Open, and the
// database remembers which one it was by its mark: a random name inside and what identify says of the file. A copy of the
// directory has the name but not the identity; and where something compares size and time and leaves the file of the
// directory in its place, as rsync does, the name is not the one that the copied database remembers.
type marker struct {
	fs       vfs.FS
	dir      string
	identify func(path string) (string, error)
}

// get returns the mark of the file that is there, empty if there is none.
func (m marker) get() (string, error) {
	f, err := m.fs.Open(m.path())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("state: open %s: %w", m.path(), err)
	}
	name, err := io.ReadAll(io.LimitReader(f, maxMarkerBytes))
	if err := errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("state: read %s: %w", m.path(), err)
	}
	return m.mark(string(name))
}

// renew puts a new file in the place of the one that is there, and returns its mark. When it returns, the file is on disk.
func (m marker) renew() (string, error) {
	name := rand.Text()
	if err := m.replace(name); err != nil {
		return "", fmt.Errorf("state: write %s: %w", m.path(), err)
	}
	return m.mark(name)
}

func (m marker) mark(name string) (string, error) {
	identity, err := m.identify(m.path())
	if err != nil {
		return "", fmt.Errorf("state: identify %s: %w", m.path(), err)
	}
	return hex.EncodeToString([]byte(name)) + " " + identity, nil
}

func (m marker) replace(name string) error {
	next := m.path() + ".new"
	f, err := m.fs.Create(next, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, name)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := m.fs.Rename(next, m.path()); err != nil {
		return err
	}
	dir, err := m.fs.OpenDir(m.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (m marker) path() string { return m.fs.PathJoin(m.dir, markerFile) }

// identifyByPath is for file systems that say nothing else of a file.
func identifyByPath(path string) (string, error) { return path, nil }
