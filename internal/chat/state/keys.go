package state

import (
	"bytes"
	"encoding/binary"
)

// The layout of the database. The first byte of a key names its table; bytes.Compare orders keys as the names say:
//
//	0x01 "format"                       MetaValue: what this data directory is
//	0x02 "applied"                      uint64: position of the last applied entry
//	0x03 writer                         uint64: the writer's mark, N of its last record
//	0x10 room                           RoomValue: the room and its counters
//	0x11 room 0x00 seq                  MessageValue: a message in its current form; the only copy of its body
//	0x12 room 0x00 rev                  ChangeValue: a visible change; refers to its message by seq
//	0x13 room 0x00 sender 0x00 clientID DedupeValue: the first result of a publish
//	0x14 room 0x00 user                 MemberValue: a membership
//	0x15 room 0x00 user                 uint64: the read marker
//
// Integers are 8 bytes, big-endian, in keys and values. Ids are not empty, at most [maxIDBytes] long and hold no 0x00,
// which ends them; they are UTF-8, so that 0xff never occurs and prefix+0xff bounds all keys with a prefix.
const (
	tableMeta     = 0x01
	tableApplied  = 0x02
	tableWriters  = 0x03
	tableRooms    = 0x10
	tableMessages = 0x11
	tableChanges  = 0x12
	tableDedupe   = 0x13
	tableMembers  = 0x14
	tableMarkers  = 0x15
)

// maxIDBytes bounds every id that is part of a key. The edge allows far less; this keeps keys small whatever a record
// says.
const maxIDBytes = 256

var (
	metaKey    = append([]byte{tableMeta}, "format"...)
	appliedKey = append([]byte{tableApplied}, "applied"...)
)

// A messageID, changeID, dedupeID and memberID names one row of a table.
type (
	messageID struct {
		room RoomID
		seq  uint64
	}
	changeID struct {
		room RoomID
		rev  uint64
	}
	dedupeID struct {
		room             RoomID
		sender, clientID string
	}
	memberID struct {
		room RoomID
		user string
	}
)

func appendWriterKey(b []byte, writer uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, tableWriters), writer)
}

func appendRoomKey(b []byte, room RoomID) []byte {
	return append(append(b, tableRooms), room...)
}

func appendMessageKey(b []byte, id messageID) []byte {
	return binary.BigEndian.AppendUint64(appendTablePrefix(b, tableMessages, id.room), id.seq)
}

func appendChangeKey(b []byte, id changeID) []byte {
	return binary.BigEndian.AppendUint64(appendTablePrefix(b, tableChanges, id.room), id.rev)
}

func appendDedupeKey(b []byte, id dedupeID) []byte {
	b = append(appendTablePrefix(b, tableDedupe, id.room), id.sender...)
	return append(append(b, 0), id.clientID...)
}

func appendMemberKey(b []byte, id memberID) []byte {
	return append(appendTablePrefix(b, tableMembers, id.room), id.user...)
}

func appendMarkerKey(b []byte, id memberID) []byte {
	return append(appendTablePrefix(b, tableMarkers, id.room), id.user...)
}

// appendTablePrefix appends what all keys of one room in a table start with.
func appendTablePrefix(b []byte, table byte, room RoomID) []byte {
	return append(append(append(b, table), room...), 0)
}

// lastUint64 returns the seq or rev that a key ends with.
func lastUint64(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }

// splitKey returns the ids of a key of a table whose keys hold ids only.
func splitKey(key []byte) [][]byte { return bytes.Split(key[1:], []byte{0}) }
