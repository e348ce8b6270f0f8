package history

import (
	"cmp"
	"slices"
)

// messageID is a message's id at its sender.
type messageID struct{ room, sender, clientID string }

func (p *Publish) id() messageID { return messageID{p.Room, p.Sender, p.ClientID} }

// checkOutcomes holds what is there at the end against what senders were told.
func (c *checker) checkOutcomes() {
	known := make(map[messageID]bool)
	for i := range c.h.Publishes {
		p := &c.h.Publishes[i]
		known[p.id()] = true
		if c.final[p.Room] == nil || c.lost[p] {
			continue
		}
		at := c.places[p.id()]
		switch {
		case p.Outcome == Refused && len(at) > 0:
			c.broken(RefusedNever, "%+v was refused and is message %d", p.id(), at[0].Seq)
		case p.Outcome == Unknown && len(at) > 1:
			c.broken(UnansweredOnce, "%+v had no answer and is message %d and %d", p.id(), at[0].Seq, at[1].Seq)
		case p.Outcome != Acknowledged:
		case len(at) == 0:
			c.broken(AcknowledgedKept, "%+v was acknowledged as message %d and is lost", p.id(), p.Seq)
		case len(at) > 1:
			c.broken(AcknowledgedOnce, "%+v was acknowledged as message %d and is there as %d and %d", p.id(), p.Seq, at[0].Seq,
				at[1].Seq)
		case at[0].Seq != p.Seq || at[0].Rev < p.Rev:
			c.broken(AcknowledgedKept, "%+v was acknowledged as message %d at rev %d and is message %d at rev %d", p.id(), p.Seq,
				p.Rev, at[0].Seq, at[0].Rev)
		}
	}
	if c.h.Strangers {
		return
	}
	for id, at := range c.places {
		if known[id] {
			continue
		}
		c.broken(NothingInvented, "message %d, %+v, was published by nobody", at[0].Seq, id)
	}
}

// where is the seq of a publish: that of its acknowledgement, or else where it is at the end; 0: nowhere.
func (p *Publish) where(places map[messageID][]Message) uint64 {
	if p.Outcome == Acknowledged {
		return p.Seq
	}
	if at := places[p.id()]; len(at) > 0 {
		return at[0].Seq
	}
	return 0
}

// checkSenderOrder wants each sender's acknowledged messages in the order in which they were begun. Those without an
// answer are left out: a try that was given up may arrive late.
func (c *checker) checkSenderOrder() {
	type lane struct{ room, sender string }
	last := make(map[lane]*Publish)
	for _, p := range c.byStart() {
		if p.Outcome != Acknowledged || c.lost[p] {
			continue
		}
		l := lane{p.Room, p.Sender}
		if before := last[l]; before != nil && before.Seq >= p.Seq {
			c.broken(SenderOrder, "%s of %s was begun before %s and is message %d, after %d", before.ClientID, p.Sender, p.ClientID,
				before.Seq, p.Seq)
		}
		last[l] = p
	}
}

// checkRealTime compares the messages of different senders: whoever begins after an acknowledgement comes after it.
func (c *checker) checkRealTime() {
	starts := c.byStart()
	ends := slices.DeleteFunc(c.acknowledgedByEnd(), func(p *Publish) bool { return c.lost[p] })
	latest := make(map[string]*Publish) // by room: the acknowledged one with the highest seq so far
	for _, p := range starts {
		for len(ends) > 0 && ends[0].End < p.Start {
			if l := latest[ends[0].Room]; l == nil || l.Seq < ends[0].Seq {
				latest[ends[0].Room] = ends[0]
			}
			ends = ends[1:]
		}
		before, seq := latest[p.Room], p.where(c.places)
		if c.lost[p] {
			continue
		}
		if before != nil && before.Sender != p.Sender && seq != 0 && seq <= before.Seq {
			c.broken(RealTime, "%+v was acknowledged as message %d before %+v was begun, which is message %d", before.id(),
				before.Seq, p.id(), seq)
		}
	}
}

// look is a read, or a join.
type look struct {
	start   Tick
	room    string
	era     int
	headRev uint64
	what    string
}

// checkReads wants whatever is asked for after an acknowledgement to contain it, unless that is lost and this is a later epoch.
func (c *checker) checkReads() {
	type lane struct {
		room string
		era  int
	}
	ends := c.acknowledgedByEnd()
	highest := make(map[lane]*Publish) // of those that a look of the era contains
	for _, l := range c.looks() {
		for len(ends) > 0 && ends[0].End < l.start {
			p := ends[0]
			for era := range len(c.h.Losses) + 1 {
				h := highest[lane{p.Room, era}]
				if (h == nil || h.Rev < p.Rev) && (!c.lost[p] || era <= c.eraAt(p.Start)) {
					highest[lane{p.Room, era}] = p
				}
			}
			ends = ends[1:]
		}
		if p := highest[lane{l.room, l.era}]; p != nil && p.Rev > l.headRev {
			c.broken(ReadYourWrites, "%s of %s, begun after %+v was acknowledged at rev %d, ends at rev %d", l.what, l.room, p.id(),
				p.Rev, l.headRev)
		}
	}
}

// looks are all of them, by their start.
func (c *checker) looks() []look {
	var looks []look
	for _, r := range c.h.Reads {
		looks = append(looks, look{r.Start, r.Room, c.era(r.Page.Epoch), r.Page.HeadRev, "a read"})
	}
	for _, s := range c.h.Sessions {
		for _, step := range s.Steps {
			if step.Join != nil {
				looks = append(looks, look{step.Join.Start, s.Room, c.era(step.Join.Epoch), step.Join.HeadRev, "a join"})
			}
		}
	}
	slices.SortStableFunc(looks, func(a, b look) int { return cmp.Compare(a.start, b.start) })
	return looks
}

func (c *checker) byStart() []*Publish {
	all := make([]*Publish, len(c.h.Publishes))
	for i := range all {
		all[i] = &c.h.Publishes[i]
	}
	slices.SortStableFunc(all, func(a, b *Publish) int { return cmp.Compare(a.Start, b.Start) })
	return all
}

func (c *checker) acknowledgedByEnd() []*Publish {
	var all []*Publish
	for i := range c.h.Publishes {
		if c.h.Publishes[i].Outcome == Acknowledged {
			all = append(all, &c.h.Publishes[i])
		}
	}
	slices.SortStableFunc(all, func(a, b *Publish) int { return cmp.Compare(a.End, b.End) })
	return all
}
