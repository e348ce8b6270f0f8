package history

import (
	"cmp"
	"slices"
)

// findLost notes where everything is at the end, which epochs there were, and what was acknowledged and may be lost: it was begun
// before a loss, since an acknowledgement may reach its sender after the server is gone.
func (c *checker) findLost() {
	c.places, c.lost, c.eras = make(map[messageID][]Message), make(map[*Publish]bool), make(map[string]int)
	for _, f := range c.h.Final {
		for _, m := range f.Messages {
			id := messageID{f.Room, m.Sender, m.ClientID}
			c.places[id] = append(c.places[id], m)
		}
	}
	for _, s := range c.epochs() {
		era, known := c.eras[s.epoch]
		if !known {
			era = min(len(c.eras), len(c.h.Losses))
		}
		c.eras[s.epoch] = max(era, c.eraAt(s.start)) // of two losses in a row nobody may have seen what was between
	}
	for i := range c.h.Publishes {
		p := &c.h.Publishes[i]
		if p.Outcome == Acknowledged && c.final[p.Room] != nil && len(c.places[p.id()]) == 0 && c.eraAt(p.Start) < len(c.h.Losses) {
			c.lost[p] = true
		}
	}
}

// era is how many losses come before an epoch. Where nothing may be lost there is one era, whatever the epochs.
func (c *checker) era(epoch string) int { return c.eras[epoch] }

// eraAt is how many losses come before a moment.
func (c *checker) eraAt(at Tick) int {
	n := 0
	for _, l := range c.h.Losses {
		if l.At < at {
			n++
		}
	}
	return n
}

// epochSeen is an epoch that somebody saw: asked for at start, if they did, and seen at the latest at.
type epochSeen struct {
	room, epoch string
	start, at   Tick
}

// epochs are all that were seen, by when they were.
func (c *checker) epochs() []epochSeen {
	var seen []epochSeen
	for _, p := range c.allPages() {
		seen = append(seen, epochSeen{p.room, p.Epoch, 0, p.at})
	}
	for _, r := range c.h.Reads {
		seen = append(seen, epochSeen{r.Room, r.Page.Epoch, r.Start, r.End})
	}
	for _, s := range c.h.Sessions {
		for _, step := range s.Steps {
			if step.Join != nil {
				seen = append(seen, epochSeen{s.Room, step.Join.Epoch, step.Join.Start, step.At})
			}
			if step.Event != nil {
				seen = append(seen, epochSeen{s.Room, step.Event.Epoch, 0, step.At})
			}
		}
	}
	seen = slices.DeleteFunc(seen, func(e epochSeen) bool { return e.epoch == "" })
	slices.SortStableFunc(seen, func(a, b epochSeen) int { return cmp.Compare(a.at, b.at) })
	return seen
}

// checkEpochs wants one epoch for each room, and one more for each loss: none from before a loss is that of what was asked for
// after it.
func (c *checker) checkEpochs() {
	type lane struct{ room, epoch string }
	first := make(map[lane]Tick)
	count := make(map[string]int)
	for _, e := range c.epochs() {
		l := lane{e.room, e.epoch}
		if at, known := first[l]; !known {
			first[l] = e.at
			if count[e.room]++; count[e.room] > len(c.h.Losses)+1 {
				c.broken(EpochKept, "%s is of epoch %q, its number %d, after %d losses", e.room, e.epoch, count[e.room], len(c.h.Losses))
			}
		} else if e.start > 0 && c.eraAt(at) < c.eraAt(e.start) {
			c.broken(EpochRenewed, "%s was of epoch %q before a loss and is so after it", e.room, e.epoch)
		}
	}
}

// checkLosses wants what is lost to be the newest of what was acknowledged before the same loss, and not to have been safe.
func (c *checker) checkLosses() {
	type lane struct {
		room string
		era  int
	}
	first := make(map[lane]*Publish) // the lost one with the lowest seq
	for p := range c.lost {
		era := c.eraAt(p.Start)
		if safe := c.h.Losses[era].Safe; p.End < safe {
			c.broken(LostFromTheEnd, "%+v was acknowledged as message %d, and safe, and is lost", p.id(), p.Seq)
		}
		l := lane{p.Room, era}
		if f := first[l]; p.End < c.h.Losses[era].At && (f == nil || p.Seq < f.Seq) {
			first[l] = p
		}
	}
	for i := range c.h.Publishes {
		p := &c.h.Publishes[i]
		era := c.eraAt(p.Start)
		if p.Outcome != Acknowledged || c.lost[p] || era == len(c.h.Losses) || p.End > c.h.Losses[era].At {
			continue
		}
		if f := first[lane{p.Room, era}]; f != nil && f.Seq < p.Seq {
			c.broken(LostFromTheEnd, "%+v was acknowledged as message %d and is lost, while %+v, message %d, is there", f.id(), f.Seq,
				p.id(), p.Seq)
		}
	}
}
