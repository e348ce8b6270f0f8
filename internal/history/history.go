// Package history judges what clients of a chat saw: it takes down what was published, acknowledged, shown and read,
// through crashes and broken connections, and says which promise a server broke.
//
// It knows no server and no wire. A test makes a [Recorder], tells it what its clients do and get, in the terms of this
// package, and asks [History.Check] at the end. Times are ticks of the recorder's own counter, so "before" means that the
// test knew one thing before it began the other, whatever the clocks say.
//
// The promises are the [Rule]s. Each is a function over the whole history in a file of its own kind: rules_session.go
// (what one observer saw), rules_agree.go (what all observers saw), rules_publish.go (what became of publishes), rules_loss.go
// (what may be lost at all).
package history

// Tick is a moment: 1, 2, 3, … in the order in which a [Recorder] was told. 0 is never.
type Tick int64

// History is what happened. It is plain data: a test may also write it down by hand.
type History struct {
	Publishes []Publish
	Reads     []Read
	Sessions  []Session
	Crashes   []Tick  // when the server was killed or lost power
	Losses    []Loss  // those after which the newest may be lost; every other keeps all
	Final     []Final // one for each room, read when all was over
	Strangers bool    // whether others published, too, of whom nothing is noted
}

// Loss is a crash after which the server may come back without the newest of what it had, acknowledged or not: always under a
// new epoch, and with all that came before what is lost.
type Loss struct {
	At   Tick // among the Crashes
	Safe Tick // what was acknowledged before is not lost, either; 0: everything may be
}

// Publish is one message at its sender, however many tries it took.
type Publish struct {
	Room, Sender string
	ClientID     string // unique for the sender in the room
	Start, End   Tick   // End is 0 if the sender never had an answer
	Outcome      Outcome
	Seq, Rev     uint64 // of one that is Acknowledged
}

// Outcome is what the sender knows of a publish.
type Outcome string

// The outcomes.
const (
	Unknown      Outcome = "" // no answer: stored once, or not at all
	Acknowledged Outcome = "acknowledged"
	Refused      Outcome = "refused" // surely not stored
)

// Read is one page that somebody asked for.
type Read struct {
	Room       string
	Start, End Tick
	Page       Page
}

// Page is a stretch of a room's messages and the head at which it was read.
type Page struct {
	Epoch            string // empty: the wire does not say
	HeadRev, HeadSeq uint64
	Messages         []Message // by seq, without gaps
	ToHead           bool      // whether Messages, if there are any, must end at HeadSeq
}

// Message is a message in its current form.
type Message struct {
	Seq, Rev uint64 // Rev is that of its last change
	Sender   string
	ClientID string
}

// Session is what one observer saw of one room, in the order in which it came, over any number of connections.
type Session struct {
	Observer, Room string
	Steps          []Step
}

// Step is one thing that an observer saw; exactly one of the pointers is set.
type Step struct {
	At       Tick
	Join     *Join
	Snapshot *Page
	Event    *Event
}

// Join is an answer to a join; what follows comes over a new connection, or from a new position.
type Join struct {
	Start   Tick      // when it was asked
	Asked   *Position // to resume from; nil: afresh
	Resumed bool
	Epoch   string
	HeadRev uint64
}

// Position is a place in a room's revs.
type Position struct {
	Epoch string
	Rev   uint64
}

// Event is a visible change.
type Event struct {
	Epoch string // that of the last snapshot or join; empty: the observer does not know
	Rev   uint64
	Fact
}

// Fact is what about a change can never become different.
type Fact struct {
	Kind     string // such as "posted"
	Seq      uint64 // of the message concerned; 0: none
	Sender   string // of the message, or whoever did it
	ClientID string // of the message
}

// Posted is the kind of the event that brings a new message.
const Posted = "posted"

// Final is a room as it is when all is over: whole, and after everything in the history.
type Final struct {
	Room   string
	Page           // from the first message to the last
	Events []Event // from rev 1 to the head; nil: not read
}

// Violation is a promise that was broken.
type Violation struct {
	Rule Rule
	Text string
}

// String implements [fmt.Stringer].
func (v Violation) String() string { return string(v.Rule) + ": " + v.Text }
