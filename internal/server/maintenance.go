package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/rialto-rpc/rialto/internal/chat"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer/local"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// Repair looks at a data directory that no server uses, and says on w what it found. With acceptLoss it makes a directory
// whose log is damaged one that a server takes, without what was written after the damage.
func Repair(dataDir string, acceptLoss bool, w io.Writer) error {
	if err := requireStore(dataDir); err != nil {
		return err
	}
	found, err := state.Repair(filepath.Join(dataDir, storeDir), state.Options{}, acceptLoss)
	switch {
	case err != nil:
		return explainInUse(dataDir, err)
	case found == nil:
		fmt.Fprintln(w, "The log is not damaged. Nothing was changed.")
		return nil
	case !acceptLoss:
		return fmt.Errorf("%s is damaged at byte %d of %d, and what was written after that can only be given up: "+
			"--accept-loss does so", found.File, found.Offset, found.Size)
	}
	fmt.Fprintf(w, "%s was cut at byte %d of %d; the whole file is kept as %s.\n", found.File, found.Offset, found.Size, found.Kept)
	for _, later := range found.Later {
		fmt.Fprintf(w, "%s, which came after it, is kept beside it, too, and not read any more.\n", later)
	}
	fmt.Fprintln(w, "What was written after that is lost, and clients will load their rooms anew.")
	return nil
}

// Backup copies a data directory that no server uses to another, which must not exist or be empty, and which
// only its owner can read from then on, whatever it was. It is whole or, after an error, not there. It returns how large the
// copy is.
func Backup(dataDir, to string) (bytes uint64, err error) {
	if err := requireEmpty(to); err != nil {
		return 0, err
	}
	if err := requireStore(dataDir); err != nil {
		return 0, err
	}
	store, err := openStore(dataDir)
	if errors.Is(err, state.ErrInUse) {
		return 0, fmt.Errorf("%w, or copy it while it runs: rialto admin backup DIR", err)
	}
	if err != nil {
		return 0, err
	}
	bytes, err = backUp(store, dataDir, to)
	return bytes, errors.Join(err, store.Close())
}

// openStore opens the store of a data directory that no server uses.
func openStore(dataDir string) (*state.Store, error) {
	store, err := state.Open(filepath.Join(dataDir, storeDir), state.Options{Logger: slog.New(slog.DiscardHandler)})
	return store, explainInUse(dataDir, err)
}

// inUse is a data directory that another process uses.
type inUse struct {
	dataDir string
	cause   error
}

func (e *inUse) Error() string {
	return "--data " + e.dataDir + ": another process uses it; stop it first"
}

func (e *inUse) Unwrap() error { return e.cause }

// explainInUse says what to do about an error that is [state.ErrInUse]; others it returns as they are.
func explainInUse(dataDir string, err error) error {
	if errors.Is(err, state.ErrInUse) {
		return &inUse{dataDir, err}
	}
	return err
}

// unfinished is where in its directory a backup is made.
const unfinished = "unfinished"

// backUp is [Backup] of an open store, also while a server uses it: what is committed when it begins is in the copy. It returns
// how large that is. Of two backups to the same place the second fails, and takes nothing from the first.
func backUp(store *state.Store, dataDir, to string) (bytes uint64, err error) {
	if err := requireEmpty(to); err != nil {
		return 0, err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return 0, err
	}
	made := os.Mkdir(to, 0o700) == nil // or it was there, or what follows fails
	work := filepath.Join(to, unfinished)
	if err := os.Mkdir(work, 0o700); err != nil { // this is the one that makes a backup here
		return 0, err
	}
	defer func() {
		err = errors.Join(err, os.RemoveAll(work))
		if err != nil && made {
			_ = os.Remove(to) // unless somebody else has put something there
		}
	}()
	if err := requireOnly(to, unfinished); err != nil {
		return 0, err
	}
	if err := os.Chmod(to, 0o700); err != nil { // Pebble's copies of files can be read by everybody
		return 0, err
	}
	return backUpIn(work, store, dataDir, to)
}

// backUpIn makes a backup in a directory and moves it to another, the store last: without it there is no backup.
func backUpIn(work string, store *state.Store, dataDir, to string) (bytes uint64, err error) {
	if err := store.Backup(filepath.Join(work, storeDir)); err != nil {
		return 0, err
	}
	if err := copyOwn(filepath.Join(dataDir, keyFile), filepath.Join(work, keyFile)); err != nil {
		return 0, err
	}
	if bytes, err = sizeOf(work); err != nil {
		return 0, err
	}
	if err := os.Rename(filepath.Join(work, keyFile), filepath.Join(to, keyFile)); err != nil {
		return 0, err
	}
	if err := os.Rename(filepath.Join(work, storeDir), filepath.Join(to, storeDir)); err != nil {
		return 0, errors.Join(err, os.Remove(filepath.Join(to, keyFile)))
	}
	return bytes, nil
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

// Restore copies a backup to a data directory that does not exist or is empty. The server that opens it has clients load their
// rooms anew. It returns how large the directory is.
func Restore(from, dataDir string) (bytes uint64, err error) {
	if err := requireEmpty(dataDir); err != nil {
		return 0, err
	}
	if _, err := os.Stat(filepath.Join(from, storeDir)); err != nil {
		return 0, fmt.Errorf("%q is no backup: %w", from, err)
	}
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dataDir, name)
		if d.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		return copyOwn(path, to)
	})
	if err != nil {
		return 0, errors.Join(fmt.Errorf("restore: %w", err), os.RemoveAll(dataDir))
	}
	return sizeOf(dataDir)
}

// Compact rewrites a data directory that no server uses, so that nothing that was deleted, edited away or has left a room is in
// any file of it, and says on w what it did. It takes about as long as reading and writing all of it, and as much space while it
// runs. When ctx ends, it ends with that error, and the directory is as good as before.
func Compact(ctx context.Context, dataDir string, w io.Writer) error {
	if err := requireStore(dataDir); err != nil {
		return err
	}
	dir := filepath.Join(dataDir, storeDir)
	store, err := openStore(dataDir)
	if err != nil {
		return err
	}
	before, err := sizeOf(dir)
	if err == nil {
		err = purge(ctx, store)
	}
	if err == nil {
		err = store.Compact(ctx)
	}
	if err = errors.Join(err, store.Close()); err != nil {
		return err
	}
	after, err := sizeOf(dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s was compacted, from %d to %d bytes.\n", dir, before, after)
	kept, err := filepath.Glob(filepath.Join(dir, "*.damaged"))
	for _, path := range kept {
		fmt.Fprintf(w, "%s was kept by a repair, and may hold what was deleted: remove it when it is not needed any more.\n", path)
	}
	return err
}

// purge removes what has left rooms, which a server that was stopped may not have come to.
func purge(ctx context.Context, store *state.Store) error {
	sequencer := local.New(local.Options{})
	service, err := chat.New(chat.Config{Hub: chat.NewHub(), Store: store, Sequencer: sequencer})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- sequencer.Run(running, store) }() // ends by stop, and is awaited
	err = service.Purge(ctx)
	stop()
	return errors.Join(err, <-ended)
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
		if entry.Name() != name {
			return fmt.Errorf("%q is not empty", dir)
		}
	}
	return nil
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
