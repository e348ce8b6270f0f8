package state_test

import (
	"errors"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// smallDisk is a file system with room for so many more bytes. A write that does not fit writes what does, as on a real
// disk, and fails with ENOSPC; without any room no file can be made, either.
type smallDisk struct {
	vfs.FS
	left atomic.Int64
}

// take returns how many of n bytes there is room for.
func (d *smallDisk) take(n int) int {
	left := d.left.Add(-int64(n))
	if left >= 0 {
		return n
	}
	d.left.Store(0)
	return max(n+int(left), 0)
}

func (d *smallDisk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return d.open(d.FS.Create(name, category))
}

func (d *smallDisk) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return d.open(d.FS.OpenReadWrite(name, category, opts...))
}

func (d *smallDisk) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return d.open(d.FS.ReuseForWrite(oldname, newname, category))
}

func (d *smallDisk) open(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	if d.left.Load() <= 0 {
		return nil, errors.Join(syscall.ENOSPC, f.Close())
	}
	return &smallDiskFile{File: f, disk: d}, nil
}

func (d *smallDisk) Unwrap() vfs.FS { return d.FS }

type smallDiskFile struct {
	vfs.File
	disk *smallDisk
}

func (f *smallDiskFile) Write(p []byte) (int, error) {
	fits := f.disk.take(len(p))
	if fits == len(p) {
		return f.File.Write(p)
	}
	n, err := f.File.Write(p[:fits:fits])
	if err == nil {
		err = syscall.ENOSPC
	}
	return n, err
}

func (f *smallDiskFile) WriteAt(p []byte, offset int64) (int, error) {
	fits := f.disk.take(len(p))
	if fits == len(p) {
		return f.File.WriteAt(p, offset)
	}
	n, err := f.File.WriteAt(p[:fits:fits], offset)
	if err == nil {
		err = syscall.ENOSPC
	}
	return n, err
}
