package state

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Damage is what Repair found, and where the damaged file is kept.
type Damage struct {
	File   string
	Offset int64  // of the first invalid record
	Size   int64  // of the file: all from Offset on is lost
	Kept   string // a copy of the whole file; empty if nothing was changed
}

// Repair makes a directory whose write-ahead log is damaged one that Open takes, if acceptLoss is true; otherwise it only
// looks. It cuts the log before the first invalid record: all that was written after that is lost, also what was acknowledged.
// So the store gets a new epoch when it is opened next, and clients load their rooms anew. The damaged file stays beside the
// log under another name. It returns nil where the log is not damaged.
func Repair(dir string, opts Options, acceptLoss bool) (*Damage, error) {
	files := opts.FS
	if files == nil {
		files = vfs.Default
	}
	lock, err := files.Lock(files.PathJoin(dir, "LOCK")) // Pebble's
	if errors.Is(err, syscall.EAGAIN) {
		return nil, fmt.Errorf("state: data directory %q is in use by another process", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("state: lock data directory %q: %w", dir, err)
	}
	defer lock.Close()
	var damaged *damagedWAL
	if err := checkWAL(files, dir); !errors.As(err, &damaged) {
		return nil, err
	}
	info, err := files.Stat(damaged.path)
	if err != nil {
		return nil, fmt.Errorf("state: repair: %w", err)
	}
	found := &Damage{File: damaged.path, Offset: damaged.offset, Size: info.Size()}
	if !acceptLoss {
		return found, nil
	}
	found.Kept = damaged.path + ".damaged"
	if err := cutWAL(files, dir, found); err != nil {
		return nil, fmt.Errorf("state: repair: %w", err)
	}
	return found, nil
}

// cutWAL keeps the damaged file, takes the epoch's marker away, and only then cuts the log: a crash in between leaves a
// directory that is damaged as before.
func cutWAL(files vfs.FS, dir string, d *Damage) error {
	if err := copyFile(files, d.File, d.Kept, d.Size); err != nil {
		return err
	}
	if err := files.Remove(files.PathJoin(dir, markerFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := syncDir(files, dir); err != nil {
		return err
	}
	cut := d.File + ".cut"
	if err := copyFile(files, d.Kept, cut, d.Offset); err != nil {
		return err
	}
	if err := files.Rename(cut, d.File); err != nil {
		return err
	}
	return syncDir(files, dir)
}

// copyFile writes the first n bytes of a file to another, synced.
func copyFile(files vfs.FS, from, to string, n int64) error {
	src, err := files.Open(from, vfs.SequentialReadsOption)
	if err != nil {
		return err
	}
	defer src.Close() // read only
	dst, err := files.Create(to, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = io.CopyN(dst, src, n)
	if err == nil {
		err = dst.Sync()
	}
	return errors.Join(err, dst.Close())
}

func syncDir(files vfs.FS, dir string) error {
	d, err := files.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
