package history

import (
	"math"
	"sort"
)

// atTheEnd is later than every tick.
const atTheEnd = Tick(math.MaxInt64)

// sighting is what somebody saw in one place, and when.
type sighting struct {
	fact Fact
	at   Tick
}

// place is where something is: what was lost with its epoch is elsewhere than what came after.
type place struct {
	era  int
	room string
	n    uint64
}

// checkAgreement compares all that was ever shown: by rev what happened, by seq whose message it is.
func (c *checker) checkAgreement() {
	a := agreement{checker: c, revs: make(map[place]sighting), seqs: make(map[place]sighting)}
	for _, s := range c.h.Sessions {
		for _, step := range s.Steps {
			if step.Event != nil {
				a.event(s.Room, step.Event.Epoch, step.Event, step.At)
			}
		}
	}
	for _, p := range c.allPages() {
		for _, m := range p.Messages {
			a.message(p.Epoch, p.room, m.Seq, Fact{Posted, m.Seq, m.Sender, m.ClientID}, p.at)
		}
	}
	for i := range c.h.Final {
		for j := range c.h.Final[i].Events {
			a.event(c.h.Final[i].Room, c.h.Final[i].Epoch, &c.h.Final[i].Events[j], atTheEnd)
		}
	}
	a.nothingVanished()
}

type agreement struct {
	*checker
	revs, seqs map[place]sighting // the first of each
}

func (a *agreement) event(room, epoch string, e *Event, at Tick) {
	a.compare(a.revs, "rev", place{a.era(epoch), room, e.Rev}, sighting{e.Fact, at})
	if e.Kind == Posted {
		a.message(epoch, room, e.Seq, e.Fact, at)
	}
}

func (a *agreement) message(epoch, room string, seq uint64, f Fact, at Tick) {
	a.compare(a.seqs, "message", place{a.era(epoch), room, seq}, sighting{f, at})
}

func (a *agreement) compare(known map[place]sighting, what string, p place, s sighting) {
	first, ok := known[p]
	if !ok {
		known[p] = s
		return
	}
	if first.fact != s.fact {
		a.broken(a.blame(first.at, s.at), "%s %d of %s was %+v and is %+v", what, p.n, p.room, first.fact, s.fact)
	}
}

// blame tells a disagreement of two observers from one with the past.
func (a *agreement) blame(first, second Tick) Rule {
	if a.incarnation(first) == a.incarnation(second) {
		return SameOrder
	}
	return ShownKept
}

// incarnation is how many crashes lie before a moment; the end is one by itself.
func (a *agreement) incarnation(at Tick) int {
	if at == atTheEnd {
		return len(a.h.Crashes) + 1
	}
	return sort.Search(len(a.h.Crashes), func(i int) bool { return a.h.Crashes[i] > at })
}

// nothingVanished wants all that was shown to lie within the rooms as they are at the end.
func (a *agreement) nothingVanished() {
	for p, s := range a.revs {
		if f := a.final[p.room]; f != nil && a.era(f.Epoch) == p.era && p.n > f.HeadRev {
			a.broken(ShownKept, "rev %d of %s, %+v, was shown and is above the head of the end, %d", p.n, p.room, s.fact, f.HeadRev)
		}
	}
	for p, s := range a.seqs {
		if f := a.final[p.room]; f != nil && a.era(f.Epoch) == p.era && p.n > f.HeadSeq {
			a.broken(ShownKept, "message %d of %s, %+v, was shown and is above the head of the end, %d", p.n, p.room, s.fact,
				f.HeadSeq)
		}
	}
}
