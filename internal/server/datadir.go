package server

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// unfinished is where in a directory that backup or restore makes it is made.
const unfinished = "unfinished"

// makeDataDir makes a data directory that does not exist or is empty of what fill puts into another. Without a store it is none,
// and the store comes last: so whatever interrupts it, it is whole or not there, and [refuseUnfinished] knows that. When it returns
// without an error, the directory is on disk; after one it is as before. It returns how large that is. Of two that make the same
// one, the second fails, and takes nothing from the first.
func makeDataDir(to string, fill func(dir string) error) (bytes uint64, err error) {
	if err := requireEmpty(to); err != nil {
		return 0, err
	}
	if err := makeDirs(filepath.Dir(filepath.Clean(to))); err != nil {
		return 0, err
	}
	made := os.Mkdir(to, 0o700) == nil // or it was there, or what follows fails
	work := filepath.Join(to, unfinished)
	if err := os.Mkdir(work, 0o700); err != nil { // this is the one that makes it
		return 0, err
	}
	defer func() {
		err = errors.Join(err, os.RemoveAll(work))
		if err == nil {
			err = syncDir(to)
		} else if made {
			_ = os.Remove(to) // unless somebody else has put something there
		}
	}()
	if err := requireOnly(to, unfinished); err != nil {
		return 0, err
	}
	if made { // otherwise its name is not this one's, and what is above it perhaps not to be read
		if err := syncDir(filepath.Dir(filepath.Clean(to))); err != nil {
			return 0, err
		}
	}
	if err := fill(work); err != nil {
		return 0, err
	}
	if err := syncTree(work); err != nil {
		return 0, err
	}
	if bytes, err = sizeOf(work); err != nil {
		return 0, err
	}
	return bytes, moveAll(work, to)
}

// moveAll moves what is in a directory to another, the store last: all, or after an error nothing.
func moveAll(from, to string) (err error) {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	var moved []string
	defer func() {
		for _, name := range moved {
			if err != nil {
				err = errors.Join(err, os.Rename(filepath.Join(to, name), filepath.Join(from, name)))
			}
		}
	}()
	move := func(name string) error {
		err := os.Rename(filepath.Join(from, name), filepath.Join(to, name))
		if err == nil {
			moved = append(moved, name)
		}
		return err
	}
	for _, entry := range entries {
		if entry.Name() == storeDir {
			continue
		}
		if err := move(entry.Name()); err != nil {
			return err
		}
	}
	if err := syncDir(to); err != nil { // what the store needs is there before it
		return err
	}
	return move(storeDir)
}

// refuseUnfinished returns an error for a directory that a restore was to make, and has not: a server that took it would serve
// an empty chat in its place.
func refuseUnfinished(dataDir string) error {
	work := filepath.Join(dataDir, unfinished)
	if _, err := os.Stat(work); err != nil {
		return nil // what else is wrong with it, opening the store says
	}
	if _, err := os.Stat(filepath.Join(dataDir, storeDir)); !errors.Is(err, fs.ErrNotExist) {
		return nil // it was whole before work was removed
	}
	return fmt.Errorf("--data %s: a restore is making it, or was interrupted; then remove %s and restore again", dataDir, work)
}

func requireStore(dataDir string) error {
	if _, err := os.Stat(filepath.Join(dataDir, storeDir)); err != nil {
		return fmt.Errorf("%q is no data directory: %w", dataDir, err)
	}
	return nil
}

func requireEmpty(dir string) error { return requireOnly(dir, "") }

// requireOnly returns an error if a directory holds anything but what has a name.
func requireOnly(dir, name string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		switch entry.Name() {
		case name:
		case unfinished:
			return fmt.Errorf("%q is being made, or what makes it was interrupted; then remove %s first", dir, filepath.Join(dir, unfinished))
		default:
			return fmt.Errorf("%q is not empty", dir)
		}
	}
	return nil
}

// sizeOf returns what the files in a directory hold.
func sizeOf(dir string) (bytes uint64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			bytes += uint64(info.Size())
		}
		return err
	})
	return bytes, err
}

// copyTree copies what is in a directory to another, for its owner only, and syncs the files. A directory that was made and has
// kept [unfinished] is copied without.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if name == unfinished {
			return fs.SkipDir
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		return copyOwn(path, filepath.Join(to, name))
	})
}

// copyOwn copies a file, for its owner only, and syncs it.
func copyOwn(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close() // read only
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if err == nil {
		err = dst.Sync()
	}
	return errors.Join(err, dst.Close())
}

// makeDirs makes a directory and those above it that are not there. Their names are on disk when it returns.
func makeDirs(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeDirs(filepath.Dir(dir)); err == nil {
			err = os.Mkdir(dir, 0o700)
		}
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// syncTree syncs a directory and those in it: the names of files, not what is in them.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDir(path)
	})
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
