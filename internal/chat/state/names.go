package state

import (
	"errors"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// durableNames is a file system on which no crash leaves Pebble a marker without the file that it names. Pebble makes a manifest and
// syncs it, makes the marker that says which one counts, removes the marker before it, and then syncs the directory with all three
// names. A file system may lose any of them until that sync: POSIX says nothing of a file's name when it is the file that is synced.
// Here the manifest's name is on disk before there is a marker, and the marker's before the old one goes.
type durableNames struct{ vfs.FS }

// Create implements [vfs.FS].
func (fs durableNames) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	base := fs.PathBase(name)
	if err != nil || !strings.HasPrefix(base, "MANIFEST-") && !strings.HasPrefix(base, "marker.") {
		return f, err
	}
	return &namedFile{File: f, fs: fs.FS, dir: fs.PathDir(name)}, nil
}

// Unwrap implements [vfs.FS].
func (fs durableNames) Unwrap() vfs.FS { return fs.FS }

// namedFile is a new file whose name is on disk after its first sync, and at the latest when it is closed.
type namedFile struct {
	vfs.File
	fs    vfs.FS
	dir   string
	named bool // whether the directory was synced
}

// Sync implements [vfs.File].
func (f *namedFile) Sync() error {
	if err := f.File.Sync(); err != nil {
		return err
	}
	return f.syncName()
}

// SyncData implements [vfs.File].
func (f *namedFile) SyncData() error {
	if err := f.File.SyncData(); err != nil {
		return err
	}
	return f.syncName()
}

// Close implements [vfs.File].
func (f *namedFile) Close() error { return errors.Join(f.syncName(), f.File.Close()) }

func (f *namedFile) syncName() error {
	if f.named {
		return nil
	}
	dir, err := f.fs.OpenDir(f.dir)
	if err != nil {
		return err
	}
	f.named = true
	return errors.Join(dir.Sync(), dir.Close())
}
