package state

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Settings of the database.
const (
	// cacheBytes bounds blocks and memtables together: Pebble takes the memtables off it.
	cacheBytes = 64 << 20
	// memTableBytes is four times Pebble's default, since the keys of a chat are spread over all rooms: a small one
	// means many overlapping files in L0, each to be asked on the dedupe look-up and rewritten in compactions. At twice
	// this size the memtables left no cache for the bloom filters, and publishing was half as fast.
	memTableBytes = 16 << 20
	// l0Sublevels is how much is gathered before it is merged with what lies below: twice Pebble's default takes a tenth
	// off the CPU time of a publish, and adds a few bloom filters to each look-up.
	l0Sublevels = 8
	// pebbleFormat is fixed here, not the newest of the Pebble that is linked in: a directory stays readable by the
	// Rialto that made it. From FormatWALSyncChunks on the WAL holds how far it was synced, so that a damaged record
	// can be told from a torn tail: the former refuses to open, the latter is what a crash leaves.
	pebbleFormat = pebble.FormatTableFormatV6
)

// slowDisk is how long a write may take before it is logged.
const slowDisk = 5 * time.Second

// watchedDisk returns the operating system's file system, watched for slowness until watch is closed. Pebble would do
// the same by itself, but leave a goroutine behind when it does not open.
func watchedDisk(log *slog.Logger) (fs vfs.FS, watch io.Closer) {
	return vfs.WithDiskHealthChecks(vfs.Default, slowDisk, nil, func(info vfs.DiskSlowInfo) {
		log.Warn("disk is slow", "path", info.Path, "duration", info.Duration)
	})
}

// openPebble opens the database in dir. failure is told of any error after which it cannot be trusted.
func openPebble(dir string, fs vfs.FS, log *slog.Logger, failure *failure) (*pebble.DB, error) {
	opts := &pebble.Options{
		FS:                          durableNames{fs},
		CacheSize:                   cacheBytes,
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       l0Sublevels,
		FormatMajorVersion:          pebbleFormat,
		CompactionConcurrencyRange:  func() (lower, upper int) { return 1, 2 },
		Cleaner:                     remover{},
		Logger:                      &pebbleLog{log: log, failure: failure},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { failure.set(fmt.Errorf("state: in the background: %w", err)) },
			WriteStallBegin: func(info pebble.WriteStallBeginInfo) { log.Warn("writes wait", "reason", info.Reason) },
		},
	}
	opts.Levels[0].FilterPolicy = bloom.FilterPolicy(10)
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return nil, explainOpen(dir, err)
	}
	return db, nil
}

// remover removes files that Pebble does not need any more. It also claims to need their contents, as a cleaner that archives
// them does, which keeps Pebble from writing new logs over old ones: behind what was written since they would still hold what
// was in them before.
type remover struct {
	pebble.DeleteCleaner
	needsContents
}

// needsContents lies deeper in remover than DeleteCleaner, whose methods win.
type needsContents struct{ pebble.ArchiveCleaner }

// ErrInUse is a data directory that another process has open.
var ErrInUse = errors.New("in use by another process")

// explainOpen says what an operator needs to know when a data directory cannot be opened.
func explainOpen(dir string, err error) error {
	if errors.Is(err, syscall.EAGAIN) {
		return fmt.Errorf("state: data directory %q is %w", dir, ErrInUse)
	}
	// Pebble names the damaged file in a detail of the error, which its text leaves out.
	var detailed interface{ ErrorDetail() string }
	if pebble.IsCorruptionError(err) && errors.As(err, &detailed) {
		return fmt.Errorf("state: data directory %q is damaged: %s: %w", dir, detailed.ErrorDetail(), err)
	}
	return fmt.Errorf("state: open data directory %q: %w", dir, err)
}

// pebbleLog is Pebble's logger.
type pebbleLog struct {
	log     *slog.Logger
	failure *failure
}

func (l *pebbleLog) Infof(format string, args ...any) {
	l.log.Debug("pebble", "text", lazyText{format, args})
}

func (l *pebbleLog) Errorf(format string, args ...any) {
	l.log.Error("pebble", "text", lazyText{format, args})
}

// Fatalf must not return: Pebble goes on as if nothing had happened, and after a failed write of its manifest would
// delete what it still needs. Its own logger exits the process; here Run returns the error, and the process ends in
// its usual order, without this goroutine.
func (l *pebbleLog) Fatalf(format string, args ...any) {
	l.failure.wedge(fmt.Errorf("state: "+format, args...))
	select {}
}

// lazyText is formatted only if the record is written.
type lazyText struct {
	format string
	args   []any
}

func (t lazyText) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf(t.format, t.args...)) }
