package state

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

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
	offset    int64 // of the first invalid record
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
	names, err := fs.List(dir)
	if err != nil {
		return "", 0, nil // not there yet, or Pebble will say why
	}
	for _, name := range names {
		digits, ok := strings.CutSuffix(name, ".log")
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(digits, 10, 64); err == nil && n >= number {
			path, number = fs.PathJoin(dir, name), n
		}
	}
	return path, number, nil
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
