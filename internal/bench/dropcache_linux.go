package bench

import (
	"os"

	"golang.org/x/sys/unix"
)

// dropFromCache makes the operating system forget what it has of a file in memory, once that is on disk.
func dropFromCache(f *os.File) error {
	if err := f.Sync(); err != nil {
		return err
	}
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}
