package state

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// formatVersion is the version of the layout in keys.go.
const formatVersion = 1

const defaultMinFreeBytes = 256 << 20

// Options are the settings of a [Store]; the zero value is usable.
type Options struct {
	FS     vfs.FS       // nil: the operating system's, watched for slowness
	Logger *slog.Logger // nil: silent. Never sees what people wrote
	// CachedRooms is how many rooms used last are kept in memory, of which a publish needs no look-up, and as many
	// people in rooms; about 800 bytes for both. Up to twice as many are. Default 65,536.
	CachedRooms int
	// Interval says that commits are acknowledged before they are synced. A store that was not closed in order then gets a
	// new epoch when it is opened again, whether or not something was lost.
	Interval bool
	// MinFreeBytes is how much of the disk must be free for Full to be false. Default 256 MiB; negative: any.
	MinFreeBytes int64
	// OnCommit is told of every change once its View is published, in the goroutine that commits; it must be quick.
	// Nil: nobody.
	OnCommit func(*Change)
	// OnShutOut is told, like OnCommit, of those who may not see a room any more, before a View shows what they may not see.
	// Who takes a View later and still counts on their rights of before would read too much. Nil: nobody.
	OnShutOut func([]ShutOut)
	// Identify returns what tells the file at path from any copy of it, and stays the same as long as the file is not
	// replaced. Nil: inode and birth time, or what the system has like it; with an FS of one's own the path.
	Identify func(path string) (string, error)
}

// Store is the state machine: [Store.Apply] decides commands, [Store.Commit] makes what they change durable, and a
// [View] shows it. Apply, Commit and Applied belong to one goroutine, that of sequencer.Sequencer's Run; all else may be
// called concurrently.
//
// Any error of Apply or Commit is final: every later one returns it, too, and the process is to end. What was
// acknowledged or shown is on disk.
type Store struct {
	db        *pebble.DB
	watch     io.Closer // of the disk; nil: none
	epoch     Epoch
	interval  bool
	onCommit  func(*Change)
	onShutOut func([]ShutOut)

	// The state of the applying goroutine.
	applied Pos
	writers writerMarks
	rooms   cache[RoomID, *room]
	members cache[memberID, *storev1.MemberValue] // nil: the room does not know them
	firsts  *filter                               // of their first results' keys
	bans    Bans
	pending *transaction // applied but not committed
	synced  bool         // whether all that was committed is

	writes  chan write    // to writeAll
	written chan struct{} // closed when writeAll has ended
	failure failure
	space   space

	mu        sync.Mutex             // protects what follows
	published *snapshot              // nil after Close
	reading   map[*snapshot]struct{} // those not yet closed
	readers   sync.WaitGroup         // of Views, and of backups

	closing chan struct{}  // closed by Close
	loading sync.WaitGroup // of the filter
}

// Open opens the store in dir and makes it if there is none. The errors say what an operator has to know: the directory
// is in use by another process, it is of another format, or a file is damaged. A torn tail, as a crash leaves it, is
// none of these: nothing in it was acknowledged.
//
// A directory that is not the one this store was last opened in, but was copied or restored, gets a new epoch before
// anything is served; a warning says so. See docs/adr/0005 for how that is known.
func Open(dir string, opts Options) (*Store, error) {
	log := opts.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if opts.CachedRooms <= 0 {
		opts.CachedRooms = 1 << 16
	}
	s := &Store{
		onCommit:  opts.OnCommit,
		onShutOut: opts.OnShutOut,
		interval:  opts.Interval,
		rooms:     cache[RoomID, *room]{size: opts.CachedRooms},
		members:   cache[memberID, *storev1.MemberValue]{size: opts.CachedRooms},
		synced:    true,
		writers:   make(writerMarks),
		firsts:    newFilter(),
		writes:    make(chan write),
		written:   make(chan struct{}),
		closing:   make(chan struct{}),
		reading:   make(map[*snapshot]struct{}),
		failure:   failure{failed: make(chan struct{})},
	}
	place := marker{fs: opts.FS, dir: dir, identify: opts.Identify}
	if place.identify == nil {
		place.identify = identifyByPath
		if opts.FS == nil {
			place.identify = identifyFile
		}
	}
	if opts.FS == nil {
		place.fs, s.watch = watchedDisk(log)
	}
	s.space.fs, s.space.dir = place.fs, dir
	s.space.floor = uint64(max(cmp.Or(opts.MinFreeBytes, defaultMinFreeBytes), 0))
	if err := s.open(place, log); err != nil {
		return nil, errors.Join(err, s.closeFiles())
	}
	return s, nil
}

func (s *Store) open(place marker, log *slog.Logger) error {
	if err := checkWAL(place.fs, place.dir); err != nil {
		return err
	}
	db, err := openPebble(place.dir, place.fs, log, &s.failure)
	if err != nil {
		return err
	}
	s.db = db
	if err := s.settle(place, log); err != nil {
		return err
	}
	return s.load()
}

// closeFiles closes what Open opened.
func (s *Store) closeFiles() (err error) {
	if s.db != nil {
		err = s.db.Close()
	}
	if s.watch != nil {
		err = errors.Join(err, s.watch.Close())
	}
	return err
}

// load publishes the first View and reads where it is.
func (s *Store) load() error {
	s.publish()
	applied, err := s.published.getUint64(appliedKey)
	if err != nil {
		s.release(s.published)
		return err
	}
	if err := s.bans.load(s.published); err != nil {
		s.published.release()
		return err
	}
	s.applied, s.published.pos = Pos(applied), Pos(applied)
	s.published.refs.Add(1)
	s.loading.Add(1)
	go func(first *snapshot) { // ends when all is read, or with Close, which waits for it
		defer s.loading.Done()
		defer s.release(first)
		loadFilter(s.firsts, first, s.closing)
	}(s.published)
	go s.writeAll() // ends with Close
	return nil
}

// Applied returns the history and the position of the last committed entry.
func (s *Store) Applied() (Epoch, Pos) { return s.epoch, s.applied }

// View returns the last published View. The caller closes it soon. Not after Close.
func (s *Store) View() View {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.published == nil {
		panic("state: View of a closed store")
	}
	s.published.refs.Add(1)
	s.readers.Add(1)
	return &reader{snapshot: s.published, store: s}
}

// Close waits for the last View to be closed, and for backups, and lets go of the directory. Not concurrently with Apply or Commit.
// After a failure it has nothing new to report; one that left a goroutine stuck in Pebble keeps the directory locked
// until the process ends.
func (s *Store) Close() error {
	s.mu.Lock()
	last := s.published
	s.published = nil
	s.mu.Unlock()
	if last == nil {
		return nil
	}
	close(s.closing)
	s.loading.Wait()
	s.readers.Wait()
	if s.failure.wedged() {
		return nil
	}
	<-s.written
	if s.pending != nil {
		s.pending.abandon()
	}
	s.release(last)
	var err error
	if s.interval && s.failure.get() == nil {
		err = s.closeInOrder()
	}
	if err = errors.Join(err, s.closeFiles()); err != nil && s.failure.get() == nil {
		return fmt.Errorf("state: close: %w", err)
	}
	return nil
}
