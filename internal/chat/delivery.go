package chat

import (
	"cmp"
	"time"
)

// Delivery sizes the live delivery of events. The zero value of a field means its default, which is right for
// production; tests make everything small.
type Delivery struct {
	// Window is how long news may wait for more of it, to be written together: it goes at once to a session to which
	// nothing was written for so long, and otherwise when that time has passed, or when CoalesceEvents or CoalesceBytes
	// wait. What answers a session's own commands never waits. Default 50 ms; negative: nothing waits.
	Window time.Duration
	// StallTimeout is how long one response may take to be written before the session is ended for want of progress.
	// Default 30 s.
	StallTimeout time.Duration

	WindowEvents   int // newest events of a live room that stay in memory; default 256
	WindowBytes    int // of message bodies in them, at least one event; default 256 KiB
	MemoryBytes    int // of all rooms' windows, and blocks read for sessions behind them; default 256 MiB
	BlockEvents    int // read at once for those sessions; default 64
	CoalesceEvents int // that end the wait; default 32
	CoalesceBytes  int // likewise; default 16 KiB
	TurnBytes      int // one room's share of a response, at least one event; default 16 KiB
	ResponseBytes  int // that a response aims at; default 64 KiB
	SendingBytes   int // of all responses being written; beyond it they are a turn long at most; default 64 MiB
	Pending        int // units of unanswered commands of a session, see admission; default 256
}

func (d Delivery) withDefaults() Delivery {
	return Delivery{
		Window:         max(cmp.Or(d.Window, 50*time.Millisecond), 0),
		StallTimeout:   cmp.Or(d.StallTimeout, 30*time.Second),
		WindowEvents:   cmp.Or(d.WindowEvents, 256),
		WindowBytes:    cmp.Or(d.WindowBytes, 256<<10),
		MemoryBytes:    cmp.Or(d.MemoryBytes, 256<<20),
		BlockEvents:    cmp.Or(d.BlockEvents, 64),
		CoalesceEvents: cmp.Or(d.CoalesceEvents, 32),
		CoalesceBytes:  cmp.Or(d.CoalesceBytes, 16<<10),
		TurnBytes:      cmp.Or(d.TurnBytes, 16<<10),
		ResponseBytes:  cmp.Or(d.ResponseBytes, 64<<10),
		SendingBytes:   cmp.Or(d.SendingBytes, 64<<20),
		Pending:        cmp.Or(d.Pending, 256),
	}
}
