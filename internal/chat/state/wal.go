package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Pebble takes an invalid record at the end of its newest WAL for a torn write and drops it with all that follows,
// unless a record in a later block says that it was synced; that leaves out the last 32 KiB, and under large batches
// nearly all. But only what was never acknowledged may be torn. So each batch begins with a mark if all before it was
// synced, and before Pebble opens the WAL (and forgets what it drops), checkWAL looks for a marked record behind an
// invalid one, at whatever byte: the invalid one's length may be what is damaged. What it cannot see is damage to the very
// last record.

// syncedMark is the first entry of a batch (of kind LogData: in the WAL only) if the write before it was synced.
const syncedMark = "synced"

// The WAL's format: pebble/record/record.go, "the wire format". Blocks of 32 KiB hold chunks, each with a header of
// checksum u32, length u16, type u8, log number u32 and, for the WAL sync types, the synced offset u64. No header
// crosses a block's end.
const (
	walBlockBytes      = 32 << 10
	walHeaderBytes     = 11 // of the recyclable types
	walSyncHeaderBytes = 19 // of the WAL sync types

	walRecyclableFull, walRecyclableFirst, walRecyclableLast = 5, 6, 8
	walSyncFull, walSyncFirst, walSyncLast                   = 9, 10, 12

	batchHeaderBytes = 12 // of a batch, which a record holds: pebble/batchrepr
	batchKindLogData = 3  // pebble/internal/base.InternalKeyKindLogData
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// damagedWAL is a WAL that lost a record that was synced.
type damagedWAL struct {
	dir, path string
	offset    int64    // of the first invalid record
	later     []string // the log's files after this one
}

func (d *damagedWAL) Error() string {
	return fmt.Sprintf("state: data directory %q is damaged: %q has an invalid record at byte %d, "+
		"and behind it one that was written after a sync", d.dir, d.path, d.offset)
}

// checkWAL returns a [*damagedWAL] if the newest WAL in dir lost a record that was synced.
func checkWAL(fs vfs.FS, dir string) error {
	path, number, err := newestWAL(fs, dir)
	if err != nil || path == "" {
		return err
	}
	f, err := fs.Open(path, vfs.SequentialReadsOption)
	if err != nil {
		return fmt.Errorf("state: open %q: %w", path, err)
	}
	defer f.Close() // read only
	s := walScan{number: uint32(number), invalid: -1}
	block := make([]byte, walBlockBytes)
	for offset := int64(0); ; offset += walBlockBytes {
		n, err := io.ReadFull(f, block)
		if err == io.EOF {
			return nil
		}
		if err != nil && err != io.ErrUnexpectedEOF {
			return fmt.Errorf("state: read %q: %w", path, err)
		}
		if s.block(offset, block[:n]) {
			return &damagedWAL{dir: dir, path: path, offset: s.invalid}
		}
	}
}

// newestWAL returns the path and the number of the WAL that Pebble reads last, "" if there is none.
func newestWAL(fs vfs.FS, dir string) (path string, number uint64, err error) {
	logs := listWALs(fs, dir)
	if len(logs) == 0 {
		return "", 0, nil // not there yet, or Pebble will say why
	}
	newest := logs[len(logs)-1]
	return newest.path, newest.number, nil
}

// walFile is one file of the WAL: a new one is begun with each memtable, and the old one goes when that is on disk.
type walFile struct {
	path   string
	number uint64
}

// listWALs returns the files of the WAL, oldest first.
func listWALs(fs vfs.FS, dir string) []walFile {
	names, err := fs.List(dir)
	if err != nil {
		return nil
	}
	var logs []walFile
	for _, name := range names {
		digits, ok := strings.CutSuffix(name, ".log")
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
			logs = append(logs, walFile{fs.PathJoin(dir, name), n})
		}
	}
	slices.SortFunc(logs, func(a, b walFile) int { return cmp.Compare(a.number, b.number) })
	return logs
}

// refusedWAL returns the damage for which Pebble refuses a file of the WAL; nil if it takes them all. In one that is not the newest
// every invalid record is damage: it was synced as a whole before the next was begun. Which of them Pebble still needs only
// Pebble knows.
func refusedWAL(fs vfs.FS, dir string, lock *pebble.Lock) (*damagedWAL, error) {
	var failed failure
	failed.failed = make(chan struct{})
	db, err := pebble.Open(dir, &pebble.Options{
		FS: fs, Lock: lock, ReadOnly: true, Logger: &pebbleLog{log: slog.New(slog.DiscardHandler), failure: &failed},
	})
	if err == nil {
		return nil, db.Close()
	}
	err = explainOpen(dir, err)
	logs := listWALs(fs, dir)
	for i, log := range logs {
		if !strings.Contains(err.Error(), fs.PathBase(log.path)) {
			continue
		}
		offset, damaged, readErr := firstInvalid(fs, log)
		if readErr != nil || !damaged {
			return nil, errors.Join(err, readErr)
		}
		found := &damagedWAL{dir: dir, path: log.path, offset: offset}
		for _, later := range logs[i+1:] {
			found.later = append(found.later, later.path)
		}
		return found, nil
	}
	return nil, err
}

// firstInvalid returns where the first record of a file begins that Pebble cannot read.
func firstInvalid(fs vfs.FS, log walFile) (offset int64, damaged bool, err error) {
	f, err := fs.Open(log.path, vfs.SequentialReadsOption)
	if err != nil {
		return 0, false, fmt.Errorf("state: open %q: %w", log.path, err)
	}
	defer f.Close() // read only
	records := readRecords(record.NewReader, f, log.number)
	for {
		offset = records.Offset()
		r, err := records.Next()
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		switch {
		case errors.Is(err, io.EOF):
			return 0, false, nil
		case errors.Is(err, record.ErrInvalidChunk), errors.Is(err, record.ErrZeroedChunk), errors.Is(err, record.ErrUnexpectedEOF):
			return offset, true, nil
		case err != nil:
			return 0, false, fmt.Errorf("state: read %q: %w", log.path, err)
		}
	}
}

// readRecords calls open, which is record.NewReader: the type of a log's number cannot be named outside of Pebble.
func readRecords[N ~uint64](open func(io.Reader, N) *record.Reader, f io.Reader, number uint64) *record.Reader {
	return open(f, N(number))
}

// walScan walks the chunks of a WAL.
type walScan struct {
	number  uint32 // of the log
	invalid int64  // where the first invalid chunk is; -1: none so far
}

// block walks one block; true if it holds a marked record and an invalid chunk came before.
func (s *walScan) block(offset int64, b []byte) bool {
	for i := 0; i+walHeaderBytes <= len(b) && !padding(b[i:]); {
		chunk, valid := s.chunk(b[i:])
		if !valid && s.invalid < 0 {
			s.invalid = offset + int64(i)
		}
		if valid && s.invalid >= 0 && chunk.marked() {
			return true
		}
		if i++; valid {
			i += chunk.size - 1
		}
	}
	return false
}

// padding reports whether b is what fills a block that has no room for another header.
func padding(b []byte) bool { return len(b) < walSyncHeaderBytes && len(bytes.Trim(b, "\x00")) == 0 }

type walChunk struct {
	size    int  // with the header
	begins  bool // a record
	payload []byte
}

// chunk decodes the chunk that b begins with; false if it is not one of this log.
func (s *walScan) chunk(b []byte) (walChunk, bool) {
	kind, header := b[6], 0
	switch {
	case kind >= walRecyclableFull && kind <= walRecyclableLast:
		header = walHeaderBytes
	case kind >= walSyncFull && kind <= walSyncLast:
		header = walSyncHeaderBytes
	default:
		return walChunk{}, false
	}
	size := header + int(binary.LittleEndian.Uint16(b[4:]))
	if size > len(b) || binary.LittleEndian.Uint32(b[7:]) != s.number {
		return walChunk{}, false
	}
	c := walChunk{
		size:    size,
		begins:  kind == walRecyclableFull || kind == walRecyclableFirst || kind == walSyncFull || kind == walSyncFirst,
		payload: b[header:size],
	}
	sum := crc32.Checksum(b[6:size], castagnoli)
	sum = (sum>>15 | sum<<17) + 0xa282ead8 // as LevelDB masks it
	return c, sum == binary.LittleEndian.Uint32(b)
}

// marked reports whether the chunk begins a batch that begins with syncedMark.
func (c walChunk) marked() bool {
	const mark = string(rune(batchKindLogData)) + string(rune(len(syncedMark))) + syncedMark
	return c.begins && len(c.payload) > batchHeaderBytes && strings.HasPrefix(string(c.payload[batchHeaderBytes:]), mark)
}
