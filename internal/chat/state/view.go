package state

// Room is a room with its counters.
type Room struct {
	ID         RoomID
	Settings   Settings
	CreateTime int64 // unix milliseconds, as all times here
	Creator    Actor
	Head       Head
	Members    uint64 // how many
	Asking     uint64 // how many ask to become one
	Deleted    int64  // when it was; 0: it was not
	Removal    Removal
	People     []string // of a direct room, by id, in order; read-only
}

// Settings are what a room's people decide about it.
type Settings struct {
	Title, Topic string
	SlowMode     int64 // the least time between two messages of one sender, milliseconds; 0: none
	Kind         RoomKind
	Posting      Role  // the least that may post
	ArchiveTime  int64 // when it became read only; 0: it is not
	Requests     bool  // whether people may ask to become members, of a private room
	Retention    Retention
}

// RoomKind says who may come into a room; the numbers of rialto.chat.v1.RoomKind.
type RoomKind uint8

// The kinds of room.
const (
	Public RoomKind = iota + 1
	Private
	Direct
)

// Head is where a room stands.
type Head struct {
	Seq, Rev   uint64
	FirstSeq   uint64 // the oldest message kept
	UpdateTime int64  // of the change Rev
}

// Message is a message in its current form.
type Message struct {
	Room       RoomID
	Seq, Rev   uint64
	Sender     Actor
	CreateTime int64
	EditTime   int64 // 0: never
	DeleteTime int64 // 0: not a tombstone
	ClientID   string
	Text       string // the body, if DataType is empty
	DataType   string
	Data       []byte // read-only
	Reactions  []Reaction
	ReplyTo    uint64   // the message it answers; 0: none
	Mentions   []string // user ids; read-only
	Thread     Thread
}

// Thread sums up the messages that answer one message; the zero value: there never were any.
type Thread struct {
	Count    uint64 // those that were deleted or removed, too
	LastSeq  uint64
	LastTime int64
}

// Reaction is one kind of reaction, with who reacted so in the order they did.
type Reaction struct {
	Emoji   string
	UserIDs []string
}

// Role is what a member may do; the numbers of rialto.chat.v1.Role.
type Role uint8

// The roles: each may what those before it may.
const (
	RoleNone Role = iota
	RoleGuest
	RoleMember
	RoleModerator
	RoleOwner
)

// Member is what a person is in a room: a member, or, without a role, somebody who is muted or banned.
type Member struct {
	Room       RoomID
	User       Actor // under the name they had when they became a member; perhaps without one if they never were
	Role       Role
	CreateTime int64 // a member since when
	Muted      bool
	MuteEnd    int64 // 0: for good
	Banned     bool
	BanEnd     int64 // 0: for good
}

// Ban is that somebody may not come into a room.
type Ban struct {
	Room      RoomID
	User, By  Actor
	Time, End int64 // End 0: for good
	Reason    string
}

// Link is a link by which people become members of a room.
type Link struct {
	Room          RoomID
	ID            string
	By            Actor
	Role          Role
	Time, End     int64  // End 0: for good
	MaxUses, Uses uint32 // MaxUses 0: any number
}

// Request is that somebody asks to become a member of a room.
type Request struct {
	Room RoomID
	User Actor
	Note string
	Time int64
}

// Invitation is somebody's leave to become a member of a room.
type Invitation struct {
	Room RoomID
	User string
	By   Actor
	Role Role
	Time int64
}

// ChangeKind says what an [Event] is. The numbers are on disk.
type ChangeKind uint8

// The visible changes.
const (
	Posted ChangeKind = iota + 1
	Edited
	Deleted
	Reacted
	RoomChanged
	MemberChanged
	MemberRemoved
	Trimmed
)

// Event is one visible change of a room. Events are shared between readers: nobody writes to one after it was handed out.
type Event struct {
	Room    RoomID
	Rev     uint64
	Kind    ChangeKind
	Time    int64
	Actor   Actor    // who did it
	Message *Message // Posted to Reacted: the message, in its form at the moment of reading, which may be newer than Rev; nil: it has left the room
	State   *Room    // RoomChanged: the room; settings, head and update time are those of this change, and Asking is not told
	Member  *Member  // MemberChanged: as it became; MemberRemoved: as it was, and whether they are banned
	First   uint64   // Trimmed: the oldest message that is left
}

// View is the committed state at one position: only what can no longer vanish. Every read goes through one. It is
// short-lived: close it before writing to a socket. Methods may be called concurrently; an error is an I/O error or
// corruption, never "not there".
type View interface {
	// Pos is the position the view is at; Epoch the history it belongs to.
	Pos() Pos
	Epoch() Epoch

	// Room returns a room; false if it does not exist. Of one that was deleted it returns that, and false.
	Room(id RoomID) (Room, bool, error)
	// Rooms returns up to n rooms by id, those greater than after; also those that were deleted.
	Rooms(after RoomID, n int) ([]Room, error)

	// Message returns one message or tombstone; false if there is none.
	Message(r RoomID, seq uint64) (*Message, bool, error)
	// Messages returns up to n messages and at least one if there is one, stopping when their bodies pass bytes,
	// always by rising seq: with back, those with the largest seqs below from; otherwise those with the smallest
	// seqs above from.
	Messages(r RoomID, from uint64, back bool, n, bytes int) ([]*Message, error)
	// Replies is Messages for those that answer the message to.
	Replies(r RoomID, to, from uint64, back bool, n, bytes int) ([]*Message, error)
	// Events returns up to n changes with revs after, after+1, … and at least one if there is one, stopping when
	// their bodies pass bytes. ErrTrimmed: they are not kept any more; ErrRoomDeleted: nothing of the room is.
	Events(r RoomID, after uint64, n, bytes int) ([]*Event, error)

	// Member returns what somebody is in a room; the zero value for one whom the room does not know.
	Member(r RoomID, user string) (Member, error)
	// Members returns up to n members by user id, those greater than after.
	Members(r RoomID, after string, n int) ([]Member, error)
	// Bans returns up to n bans by user id, those greater than after; also those that have passed.
	Bans(r RoomID, after string, n int) ([]Ban, error)
	// Invitation returns whether somebody is invited.
	Invitation(r RoomID, user string) (Invitation, bool, error)
	// Invitations returns up to n of what somebody is invited to, by room, those greater than after.
	Invitations(user string, after RoomID, n int) ([]Invitation, error)
	// Link returns a link; false if there is none.
	Link(id string) (Link, bool, error)
	// Links returns all links of a room, by id.
	Links(r RoomID) ([]Link, error)
	// Requests returns up to n requests by user id, those greater than after.
	Requests(r RoomID, after string, n int) ([]Request, error)
	// Acts returns up to n acts of moderation, newest first, those before the one of number before; 0: the newest.
	Acts(r RoomID, before uint64, n int) ([]Act, error)
	// Blocked returns up to n of whom somebody has blocked, by id, those greater than after.
	Blocked(user, after string, n int) ([]string, error)
	// HasBlocked reports whether a user has blocked another.
	HasBlocked(user, other string) (bool, error)
	// RoomsOf returns up to n rooms that somebody is a member of, by id, those greater than after.
	RoomsOf(user string, after RoomID, n int) ([]RoomID, error)
	// Mentions counts messages above seq that mention somebody else than their sender, up to most.
	Mentions(r RoomID, user string, seq uint64, most int) (int, error)
	// Profile returns what somebody says of themselves; the zero value if that is nothing.
	Profile(user string) (Profile, error)
	// ServerBans returns up to n bans from the server, those with keys greater than after, in the order of [ServerBan.Key]; also
	// those that have passed.
	ServerBans(after string, n int) ([]ServerBan, error)
	// Erasures returns up to n users who are being erased, by id.
	Erasures(n int) ([]string, error)
	// OperatorActs returns up to n of what operators did, newest first, those before the one of number before; 0: the newest.
	OperatorActs(before uint64, n int) ([]OperatorAct, error)
	// ReadMarker returns the newest message that user has read, 0 if none.
	ReadMarker(r RoomID, user string) (uint64, error)

	// Close lets go of the view. Exactly once.
	Close()
}

// ReadMark is a read marker that moved.
type ReadMark struct {
	Room RoomID
	User string
	Seq  uint64
	Head Head // of the room at that moment
	// Posted says that a message of the user's own moved it, whose event says so, too.
	Posted bool
}

// ShutOut is that some may not see a room any more from a rev on; the event of that rev is the last of the room's for them.
type ShutOut struct {
	Room RoomID
	Rev  uint64
	User string // who; empty with Visitors and Deleted
	// Member is that User was a member until then, who might see everything up to Rev.
	Member bool
	// Visitors is that it is those who are no members. Who that is, a View says in which the room has reached Rev.
	Visitors bool
	// Deleted is that the room was: nobody gets anything more of it, up to Rev or not.
	Deleted bool
}

// Touch is that what somebody has to do with a room has changed: they are a member or not, or invited or not, or what they
// may do; with an empty User, how many ask to become members.
type Touch struct {
	Room RoomID
	User string
}

// Profile is what somebody says of themselves.
type Profile struct {
	Name  string // to show; empty: the one that their token has
	About string
	Emoji string
	Time  int64 // since when; 0: never
}

// Renaming is that somebody has a profile from now on, or another one.
type Renaming struct {
	User    string
	Profile Profile
}

// Change is what a batch of entries made of the state. It is shared and read-only once committed.
type Change struct {
	Results []Result   // one for each entry, in order
	Events  []*Event   // all visible changes, in order; contiguous revs in each room
	Marks   []ReadMark // markers that moved, in order
	Touches []Touch    // in order
	// ShutOuts are those who may not see a room any more, in order. Whoever delivers Events heeds them first.
	ShutOuts []ShutOut
	// Profiles are those that changed, in order.
	Profiles []Renaming
	// ServerBans says whether somebody, or some addresses, are banned from the server who were not, or somebody is being erased:
	// see [Store.Bans].
	ServerBans bool
	// Erased says whether the erasure of somebody ended: what was read of rooms before may still name them.
	Erased bool
}
