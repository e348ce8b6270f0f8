package main

import (
	"context"
	"fmt"

	"github.com/rialto-rpc/rialto/internal/server"
)

// repairCommand makes a damaged data directory usable.
type repairCommand struct {
	serverFile
	Data       string `default:"rialto-data" placeholder:"DIR" help:"The data directory; no server may use it (${default})."`
	AcceptLoss bool   `env:"-" help:"Cut the damaged log: what was written after the damage is lost, also what was acknowledged."`
}

// Run looks, and repairs if it may.
func (r *repairCommand) Run(c console) error { return server.Repair(r.Data, r.AcceptLoss, c.stdout) }

// backupCommand copies a data directory.
type backupCommand struct {
	serverFile
	To   string `arg:"" placeholder:"DIR" help:"Where the copy is made: a directory that is empty or not there."`
	Data string `default:"rialto-data" placeholder:"DIR" help:"The data directory; no server may use it (${default})."`
}

// Run makes the copy.
func (b *backupCommand) Run(c console) error {
	bytes, err := server.Backup(b.Data, b.To)
	return sayMade(c, b.To, bytes, err)
}

// compactCommand rewrites a data directory.
type compactCommand struct {
	serverFile
	Data string `default:"rialto-data" placeholder:"DIR" help:"The data directory; no server may use it (${default})."`
}

// Run does it, unless it is interrupted.
func (o *compactCommand) Run(ctx context.Context, c console) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	return server.Compact(ctx, o.Data, c.stdout)
}

// restoreCommand makes a data directory of a backup.
type restoreCommand struct {
	serverFile
	From string `arg:"" placeholder:"DIR" help:"The backup."`
	Data string `default:"rialto-data" placeholder:"DIR" help:"The data directory, which is empty or not there (${default})."`
}

// Run makes the directory.
func (r *restoreCommand) Run(c console) error {
	bytes, err := server.Restore(r.From, r.Data)
	return sayMade(c, r.Data, bytes, err)
}

// sayMade says which directory was made, and how large it is.
func sayMade(c console, dir string, bytes uint64, err error) error {
	if err == nil {
		_, err = fmt.Fprintf(c.stdout, "%s: %s\n", dir, byteCount(bytes))
	}
	return err
}
