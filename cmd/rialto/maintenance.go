package main

import (
	"context"

	"github.com/rialto-rpc/rialto/internal/server"
)

// repairCommand makes a damaged data directory usable.
type repairCommand struct {
	Data       string `default:"rialto-data" placeholder:"DIR" help:"The data directory; no server may use it (${default})."`
	AcceptLoss bool   `help:"Cut the damaged log: what was written after the damage is lost, also what was acknowledged."`
}

// Run looks, and repairs if it may.
func (r *repairCommand) Run(c console) error { return server.Repair(r.Data, r.AcceptLoss, c.stdout) }

// backupCommand copies a data directory.
type backupCommand struct {
	To   string `arg:"" placeholder:"DIR" help:"Where the copy is made: a directory that is empty or not there."`
	Data string `default:"rialto-data" placeholder:"DIR" help:"The data directory; no server may use it (${default})."`
}

// Run makes the copy.
func (b *backupCommand) Run() error { return server.Backup(b.Data, b.To) }

// compactCommand rewrites a data directory.
type compactCommand struct {
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
	From string `arg:"" placeholder:"DIR" help:"The backup."`
	Data string `default:"rialto-data" placeholder:"DIR" help:"The data directory, which is empty or not there (${default})."`
}

// Run makes the directory.
func (r *restoreCommand) Run() error { return server.Restore(r.From, r.Data) }
