package server

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// Backup copies a data directory that no server uses to another, which must not exist or be empty: what
// is in it then only its owner can read, whoever can see the directory. It is whole or, after an error, not there. It returns how large the
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

// backUp is [Backup] of an open store, also while a server uses it: what is committed when it begins is in the copy. It returns
// how large that is.
func backUp(store *state.Store, dataDir, to string) (bytes uint64, err error) {
	return makeDataDir(to, func(dir string) error {
		copied := filepath.Join(dir, storeDir)
		if err := store.Backup(copied); err != nil {
			return err
		}
		if err := os.Chmod(copied, 0o700); err != nil { // the files in it can be read by everybody
			return err
		}
		return copyOwn(filepath.Join(dataDir, keyFile), filepath.Join(dir, keyFile))
	})
}

// Restore copies a backup to a data directory that does not exist or is empty. The server that opens it has clients load their
// rooms anew; one that is started before all is there refuses it. It is whole or, after an error, not there. It returns how large
// the directory is.
func Restore(from, dataDir string) (bytes uint64, err error) {
	if _, err := os.Stat(filepath.Join(from, storeDir)); err != nil {
		return 0, fmt.Errorf("%q is no backup: %w", from, err)
	}
	bytes, err = makeDataDir(dataDir, func(dir string) error { return copyTree(from, dir) })
	if err != nil {
		return 0, fmt.Errorf("restore: %w", err)
	}
	return bytes, nil
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
