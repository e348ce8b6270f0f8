package chat

import "cmp"

// Delivery sizes the live delivery of events. The zero value of a field means its default, which is right for
// production; tests make everything small.
type Delivery struct {
	WindowEvents  int // newest events of a live room that stay in memory; default 256
	WindowBytes   int // of message bodies in them, at least one event; default 256 KiB
	BlockEvents   int // read at once for a session that is behind the window; default 64
	TurnBytes     int // one room's share of a response, at least one event; default 16 KiB
	ResponseBytes int // that a response aims at; default 64 KiB
	Pending       int // units of unanswered commands of a session, see admission; default 256
}

func (d Delivery) withDefaults() Delivery {
	return Delivery{
		WindowEvents:  cmp.Or(d.WindowEvents, 256),
		WindowBytes:   cmp.Or(d.WindowBytes, 256<<10),
		BlockEvents:   cmp.Or(d.BlockEvents, 64),
		TurnBytes:     cmp.Or(d.TurnBytes, 16<<10),
		ResponseBytes: cmp.Or(d.ResponseBytes, 64<<10),
		Pending:       cmp.Or(d.Pending, 256),
	}
}
