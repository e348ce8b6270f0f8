package state

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// identifyFile returns the inode and when it was made, which nothing can set, so that an inode used again is not the
// same, and which chmod and chown leave alone. Where the file system does not keep that time it is the time of the
// inode's last change. The device is left out: its number may be another one after a reboot.
func identifyFile(path string) (string, error) {
	var s unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_INO|unix.STATX_BTIME|unix.STATX_CTIME, &s); err != nil {
		return "", &os.PathError{Op: "statx", Path: path, Err: err}
	}
	if s.Mask&unix.STATX_BTIME == 0 {
		return fmt.Sprintf("inode %d changed %d.%09d", s.Ino, s.Ctime.Sec, s.Ctime.Nsec), nil
	}
	return fmt.Sprintf("inode %d made %d.%09d", s.Ino, s.Btime.Sec, s.Btime.Nsec), nil
}
