package client

import (
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// inboxBytes is how much of a room may wait to be taken, however many events that is.
const inboxBytes = 1 << 20

// presenceSlot and readSlot stand in an inbox for state of which only the newest matters: they are filled when taken.
var presenceSlot, readSlot = new(chatv1.Event), new(chatv1.Event)

// inbox is the bounded queue between the session and a room's consumer. Guarded by Client.mu.
type inbox struct {
	limit  int // events
	events []*chatv1.Event
	bytes  int
	slots  int // of the events, how many are slots: they do not count
}

// push adds event unless it is full. An empty inbox takes one event of any size.
func (b *inbox) push(event *chatv1.Event) bool {
	size := proto.Size(event)
	if n := len(b.events) - b.slots; n > 0 && (n >= b.limit || b.bytes+size > inboxBytes) {
		return false
	}
	b.events = append(b.events, event)
	b.bytes += size
	return true
}

// pushSlot adds a slot unless it waits already.
func (b *inbox) pushSlot(slot *chatv1.Event) {
	for _, event := range b.events {
		if event == slot {
			return
		}
	}
	b.events = append(b.events, slot)
	b.slots++
}

// pop returns the oldest event or slot; nil if there is none.
func (b *inbox) pop() *chatv1.Event {
	if len(b.events) == 0 {
		return nil
	}
	event := b.events[0]
	b.events[0] = nil
	b.events = b.events[1:]
	if event == presenceSlot || event == readSlot {
		b.slots--
	} else {
		b.bytes -= proto.Size(event)
	}
	return event
}

// low reports whether there is room for a good deal more.
func (b *inbox) low() bool {
	return len(b.events)-b.slots <= b.limit/2 && b.bytes <= inboxBytes/2
}

func (b *inbox) clear() { *b = inbox{limit: b.limit} }
