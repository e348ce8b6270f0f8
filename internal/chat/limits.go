package chat

import (
	"fmt"

	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// Limit is one of the limits that an operator sets. Its String is the name that refusals, metrics and flags have for it.
type Limit int

// The limits: first those of [Rates], then those of sizes and numbers.
const (
	ConnectionCommands Limit = iota
	UserWrites
	RoomWrites
	AddressWrites
	UserRooms
	AddressRooms
	AddressGuests
	AddressConnections

	MaxRooms
	MaxMembers
	MaxReactions
	MaxText
	MaxData

	limits     // how many there are
	firstQuota = MaxRooms
)

// limitTexts are the names of limits, what each is a limit of, and what is said where one is reached.
var limitTexts = [limits]struct{ name, subject, excess string }{
	ConnectionCommands: {"connection-commands", "connection", "too many requests on this connection"},
	UserWrites:         {"user-writes", "user", "too many writes of this user"},
	RoomWrites:         {"room-writes", "room", "too many writes in this room"},
	AddressWrites:      {"address-writes", "address", "too many writes from this address"},
	UserRooms:          {"user-rooms", "user", "too many rooms made by this user"},
	AddressRooms:       {"address-rooms", "address", "too many rooms made from this address"},
	AddressGuests:      {"address-guests", "address", "too many new guests from this address"},
	AddressConnections: {"address-connections", "address", "too many connections from this address"},
	MaxRooms:           {"max-rooms", "connection", "more rooms than a connection may have"},
	MaxMembers:         {"max-members", "room", "the room has as many members as it can"},
	MaxReactions:       {"max-reactions", "message", "the message has as many reactions as it can"},
	MaxText:            {"max-text-bytes", "message", "the text is too long"},
	MaxData:            {"max-data-bytes", "message", "the data is too long"},
}

// String returns the limit's name.
func (l Limit) String() string { return limitTexts[l].name }

// Limits are the sizes and numbers that an operator may set. What the API fixes (ids, names, titles) is not here. The
// zero value of a field means its default.
type Limits struct {
	TextBytes     int // of a message's text; default 16 KiB
	DataBytes     int // of a message's typed bytes; default 64 KiB
	Members       int // of a room; default 100,000
	Reactions     int // to a message; default 500
	ReactionKinds int // to a message, of different emoji; default 20
}

// The defaults of [Limits], and how far they may be raised: a response never exceeds 1 MiB, and a message must fit into
// one with all its reactions.
const (
	DefaultTextBytes     = 16 << 10
	DefaultDataBytes     = 64 << 10
	MaxBodyBytes         = 512 << 10
	DefaultMembers       = 100_000
	MostMembers          = 1_000_000
	DefaultReactions     = state.MaxReactions
	MostReactions        = 2000
	DefaultReactionKinds = state.MaxReactionKinds
	MostReactionKinds    = 200
)

// Validate says whether a server can run with these limits.
func (l Limits) Validate() error {
	for _, c := range []struct {
		name         string
		value, upper int
	}{
		{"max-text-bytes", l.TextBytes, MaxBodyBytes},
		{"max-data-bytes", l.DataBytes, MaxBodyBytes},
		{"max-members", l.Members, MostMembers},
		{"max-reactions", l.Reactions, MostReactions},
		{"max-reaction-kinds", l.ReactionKinds, MostReactionKinds},
	} {
		if c.value < 0 || c.value > c.upper {
			return fmt.Errorf("%s %d: 1 to %d", c.name, c.value, c.upper)
		}
	}
	return nil
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		value  *int
		preset int
	}{
		{&l.TextBytes, DefaultTextBytes}, {&l.DataBytes, DefaultDataBytes}, {&l.Members, DefaultMembers},
		{&l.Reactions, DefaultReactions}, {&l.ReactionKinds, DefaultReactionKinds},
	} {
		if *d.value == 0 {
			*d.value = d.preset
		}
	}
	return l
}
