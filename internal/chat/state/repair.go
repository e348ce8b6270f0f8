package state

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Damage is what Repair found, and where the damaged file is kept.
type Damage struct {
	File   string
	Offset int64    // of the first invalid record
	Size   int64    // of the file: all from Offset on is lost
	Later  []string // files of the log that come after it, oldest first: lost, too
	Kept   string   // a copy of the whole File; empty if nothing was changed. Those of Later have the same ending
}

// keptSuffix is what the names of files end with that a repair has put aside.
const keptSuffix = ".damaged"

// Repair makes a directory whose write-ahead log is damaged one that Open takes, if acceptLoss is true; otherwise it only
// looks. It cuts the log before the first invalid record: all that was written after that is lost, also what was acknowledged.
// So the store gets a new epoch when it is opened next, and clients load their rooms anew. The damaged file stays beside the
// log under another name, as do those that came after it. It returns nil where the log is not damaged; the error says what else
// keeps the directory from being opened.
func Repair(dir string, opts Options, acceptLoss bool) (*Damage, error) {
	files := opts.FS
	if files == nil {
		files = vfs.Default
	}
	lock, err := pebble.LockDirectory(dir, files)
	if errors.Is(err, syscall.EAGAIN) {
		return nil, fmt.Errorf("state: data directory %q is %w", dir, ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("state: lock data directory %q: %w", dir, err)
	}
	defer lock.Close()
	damaged, err := findDamage(files, dir, lock)
	if damaged == nil || err != nil {
		return nil, err
	}
	info, err := files.Stat(damaged.path)
	if err != nil {
		return nil, fmt.Errorf("state: repair: %w", err)
	}
	found := &Damage{File: damaged.path, Offset: damaged.offset, Size: info.Size(), Later: damaged.later}
	if !acceptLoss {
		return found, nil
	}
	found.Kept = damaged.path + keptSuffix
	if err := cutWAL(files, dir, found); err != nil {
		return nil, fmt.Errorf("state: repair: %w", err)
	}
	return found, nil
}

// findDamage looks first at what Pebble refuses, which may be an older file of the log: all that comes after is lost with it.
// Then at what it would take for a torn tail.
func findDamage(files vfs.FS, dir string, lock *pebble.Lock) (*damagedWAL, error) {
	damaged, err := refusedWAL(files, dir, lock)
	if damaged != nil || err != nil {
		return damaged, err
	}
	err = checkWAL(files, dir)
	if errors.As(err, &damaged) {
		return damaged, nil
	}
	return nil, err
}

// cutWAL keeps the damaged files, takes the epoch's marker away, and only then cuts the log, its newest file first: a crash in
// between leaves a directory that is damaged as before, or whose log ends where it is to end.
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
	for _, path := range slices.Backward(d.Later) {
		if err := files.Rename(path, path+keptSuffix); err != nil {
			return err
		}
		if err := syncDir(files, dir); err != nil {
			return err
		}
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
