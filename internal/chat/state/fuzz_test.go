package state_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// FuzzUnmarshalRecord decodes anything; what it accepts survives a round.
func FuzzUnmarshalRecord(f *testing.F) {
	for _, record := range readCorpus(f) {
		b, err := record.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{})
	f.Add([]byte{0x08, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		record, err := state.UnmarshalRecord(b)
		if err != nil {
			return
		}
		encoded, err := record.MarshalBinary()
		if err != nil {
			t.Fatalf("accepted %x, but cannot encode %+v: %v", b, record, err)
		}
		again, err := state.UnmarshalRecord(encoded)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(record.Body, again.Body) {
			t.Fatalf("body %x became %x", record.Body, again.Body)
		}
		record.Body, again.Body = nil, nil
		if show(record) != show(again) {
			t.Fatalf("%+v became %+v", record, again)
		}
	})
}

// FuzzApply applies any records, each with its length before it: no error, gapless counters, everything readable, and
// the same state when they are applied one by one or all at once.
func FuzzApply(f *testing.F) {
	var all []byte
	for _, record := range readCorpus(f) {
		b, err := record.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		all = append(binary.AppendUvarint(all, uint64(len(b))), b...)
		f.Add(all)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var entries []state.Entry
		for len(b) > 0 {
			n, size := binary.Uvarint(b)
			if size <= 0 || n > uint64(len(b)-size) {
				break
			}
			record, err := state.UnmarshalRecord(b[size : size+int(n)])
			b = b[size+int(n):]
			if err == nil {
				entries = append(entries, state.Entry{Pos: state.Pos(len(entries) + 1), Record: record})
			}
		}
		one, whole := open(t, vfs.NewMem()), open(t, vfs.NewMem())
		for _, e := range entries {
			commit(t, one, e)
		}
		commit(t, whole, entries...)
		if a, b := dump(t, one), dump(t, whole); a != b {
			t.Fatalf("one by one\n%s\nat once\n%s", a, b)
		}
		readEverything(t, one)
	})
}

func readEverything(t *testing.T, s *state.Store) {
	t.Helper()
	v := s.View()
	defer v.Close()
	rooms, err := v.Rooms("", math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range rooms {
		if room.Deleted != 0 {
			continue
		}
		messages, err := v.Messages(room.ID, 0, false, math.MaxInt, math.MaxInt)
		if err != nil || uint64(len(messages)) != room.Head.Seq+1-room.Head.FirstSeq {
			t.Fatalf("%+v: %d messages, %v", room, len(messages), err)
		}
		events, err := v.Events(room.ID, room.Removal.Rev-1, math.MaxInt, math.MaxInt)
		if err != nil || uint64(len(events)) != room.Head.Rev+1-room.Removal.Rev {
			t.Fatalf("%+v: %d events, %v", room, len(events), err)
		}
		if _, err := v.Members(room.ID, "", math.MaxInt); err != nil {
			t.Fatal(err)
		}
	}
}
