package state

// RoomID is a room's immutable id.
type RoomID string

// Epoch names one history of revs: random, made with the data directory, and new after a restore. Revs of two epochs
// cannot be compared.
type Epoch string

// Pos is a place in the total order of commands: 1, 2, 3, …
type Pos uint64

// Actor is who does something, as verified at the edge, under the name they had.
type Actor struct {
	ID    string // the identity
	Name  string // what to show
	Guest bool
	// Operator says that it acts for the server: it may everything in every room, and nothing shuts it out. Only the admin
	// port makes such records.
	Operator bool
}

// Kind says which command a [Record] holds. The numbers are on disk and never change their meaning.
type Kind uint16

// The commands. The body of each is the message of rialto.store.v1 of the same name (AddMember for KindAddMember, …).
const (
	KindPublish Kind = iota + 1
	KindEdit
	KindDelete
	KindReact
	KindCreateRoom
	KindUpdateRoom
	KindAddMember
	KindMarkRead
	KindRemoveMember
	KindSetRole
	KindBan
	KindMute
	KindInvite
	KindUninvite
	KindOpenDirect
	KindCreateLink
	KindRemoveLink
	KindAskToJoin
	KindAnswerRequest
	KindBlock
	KindSetProfile
	KindBanUser
	KindBanAddress
	KindDeleteRoom
	KindTrim
	KindPurge
	KindEraseUser
)

// Record is one command with all that applying it may look at: no clock, configuration, environment or map order enters
// otherwise.
type Record struct {
	Kind    Kind
	Version uint16 // of the kind's rules; what Apply decides changes only with it
	Writer  uint64 // the process incarnation that wrote it; set by the sequencer
	N       uint64 // 1, 2, 3, … of that writer; a record at or below the writer's mark is skipped; set by the sequencer
	Time    int64  // at the edge, unix milliseconds
	Actor   Actor
	Body    []byte // deterministic protobuf; ids and randomness inside
}

// Entry is a record at its place in the order.
type Entry struct {
	Pos    Pos
	Record Record
}

// Refusal is a verdict against a command: it has no effect, takes no seq and no rev and is not remembered. Which gRPC
// code it becomes is decided at the edge.
type Refusal uint8

// The refusals.
const (
	Accepted          Refusal = iota // none
	NoSuchRoom                       // the room does not exist
	NoSuchMessage                    // the room has no such message
	RoomExists                       // the id is taken
	NotSender                        // somebody else's message
	RoleTooLow                       // the actor's role in the room does not allow it
	MessageDeleted                   // it is a tombstone
	MessageNotText                   // its body is not text
	RevMoved                         // it changed since the expected rev
	ClientIDReused                   // the client_id was used for other content
	SeqAboveHead                     // no such message yet
	TooManyReactions                 // MaxReactionKinds or MaxReactions are there
	TooSoon                          // slow mode: the actor may post again after Result.Wait
	Banned                           // the actor may not come into the room
	Muted                            // the actor may not post; after Result.Wait they may, unless that is 0
	RoomArchived                     // the room is read only
	NoSuchMember                     // the one whom it concerns is no member
	PersonBanned                     // the one whom it concerns may not come into the room
	NotInDirect                      // not in a direct room
	NoSuchLink                       // the link does not exist, has ended or has been used up
	TooManyLinks                     // MaxLinks are there
	Blocked                          // somebody whom it concerns has blocked the actor
	ShutOutOfServer                  // the actor is banned from the server
	RoomDeleted                      // nothing is posted there any more
	TooManyMembers                   // the room has as many as the record says that it may have
	PersonErased                     // the one whom it concerns was erased
	TooManyBlocked                   // the actor has blocked as many as the record says that they may
	UnsupportedRecord                // a kind or version that this binary's Apply knows to refuse, or an undecodable body
)

// Limits that Apply decides on where the record says nothing else. Changing one needs a new record version.
const (
	MaxReactionKinds = 20  // kinds of reaction to one message
	MaxReactions     = 500 // reactions to one message in all
)

// Result is the verdict on one record: never an I/O error.
type Result struct {
	Pos       Pos
	Refusal   Refusal
	Seq, Rev  uint64 // of the message and the change; 0 where the command concerns none or changed nothing
	Time      int64  // of the change, unix milliseconds: max(record, room's last)
	Wait      int64  // milliseconds until the command may succeed; with TooSoon and Muted
	Duplicate bool   // a repetition: Seq, Rev and Time are those of the first try
}
