package history

// checkSessions follows each observer from step to step.
func (c *checker) checkSessions() {
	for i := range c.h.Sessions {
		f := follower{checker: c, session: &c.h.Sessions[i]}
		for _, step := range f.session.Steps {
			switch {
			case step.Join != nil:
				f.join(step.Join)
			case step.Snapshot != nil:
				f.snapshot(step.Snapshot)
			case step.Event != nil:
				f.event(step.Event)
			}
		}
	}
}

// follower is where an observer is.
type follower struct {
	*checker
	session *Session

	rev, seq uint64
	started  bool // by a snapshot or an exact resume; before, an observer may begin anywhere, once
	awaits   bool // a snapshot must come before any event
	resumed  bool // the next event must continue the position that was asked for
	seqKnown bool
}

func (f *follower) join(j *Join) {
	f.awaits, f.resumed = !j.Resumed, j.Resumed
	switch {
	case !j.Resumed:
		f.seqKnown = false
	case j.Asked == nil:
		f.broken(ResumeNeverPartly, "%s in %s resumed without having asked", f.session.Observer, f.session.Room)
	case j.Asked.Epoch != j.Epoch:
		f.broken(ResumeNeverPartly, "%s in %s asked for epoch %q and was resumed in %q", f.session.Observer, f.session.Room,
			j.Asked.Epoch, j.Epoch)
	default:
		f.seqKnown = f.seqKnown && f.rev == j.Asked.Rev || j.Asked.Rev == 0
		if j.Asked.Rev == 0 {
			f.seq = 0
		}
		f.rev, f.started = j.Asked.Rev, true
	}
}

func (f *follower) snapshot(p *Page) {
	if f.resumed {
		f.broken(ResumeNeverPartly, "%s in %s was resumed at rev %d and then got a snapshot at %d", f.session.Observer,
			f.session.Room, f.rev, p.HeadRev)
	}
	f.rev, f.seq, f.seqKnown = p.HeadRev, p.HeadSeq, true
	f.started, f.awaits, f.resumed = true, false, false
}

func (f *follower) event(e *Event) {
	switch {
	case f.awaits:
		f.broken(ResumeNeverPartly, "%s in %s was not resumed and got rev %d before a snapshot", f.session.Observer,
			f.session.Room, e.Rev)
	case f.started && e.Rev != f.rev+1 && f.resumed:
		f.broken(ResumeNeverPartly, "%s in %s was resumed at rev %d and got rev %d", f.session.Observer, f.session.Room,
			f.rev, e.Rev)
	case f.started && e.Rev != f.rev+1:
		f.broken(RevContiguous, "%s in %s got rev %d after %d", f.session.Observer, f.session.Room, e.Rev, f.rev)
	}
	f.rev, f.started, f.awaits, f.resumed = e.Rev, true, false, false
	if e.Kind != Posted {
		return
	}
	if f.seqKnown && e.Seq != f.seq+1 {
		f.broken(SeqGapless, "%s in %s got message %d after %d", f.session.Observer, f.session.Room, e.Seq, f.seq)
	}
	f.seq, f.seqKnown = e.Seq, true
}

// checkPages looks at every page for itself.
func (c *checker) checkPages() {
	for _, p := range c.allPages() {
		for i, m := range p.Messages {
			if i > 0 && m.Seq != p.Messages[i-1].Seq+1 {
				c.broken(SeqGapless, "a page of %s has message %d after %d", p.room, m.Seq, p.Messages[i-1].Seq)
			}
			if m.Seq > p.HeadSeq || m.Rev > p.HeadRev {
				c.broken(SeqGapless, "a page of %s at rev %d and seq %d has message %d of rev %d", p.room, p.HeadRev, p.HeadSeq,
					m.Seq, m.Rev)
			}
		}
		if n := len(p.Messages); p.ToHead && n > 0 && p.Messages[n-1].Seq != p.HeadSeq {
			c.broken(SeqGapless, "a page to the head of %s, which is %d, ends at %d", p.room, p.HeadSeq, p.Messages[n-1].Seq)
		}
	}
	for i := range c.h.Final {
		f := &c.h.Final[i]
		if uint64(len(f.Messages)) != f.HeadSeq || len(f.Messages) > 0 && f.Messages[0].Seq != 1 {
			c.broken(SeqGapless, "%s has %d messages at the end and a head of %d", f.Room, len(f.Messages), f.HeadSeq)
		}
		if f.Events != nil && uint64(len(f.Events)) != f.HeadRev {
			c.broken(RevContiguous, "%s has %d changes at the end and a head of %d", f.Room, len(f.Events), f.HeadRev)
		}
		for i, e := range f.Events {
			if e.Rev != uint64(i)+1 {
				c.broken(RevContiguous, "%s has rev %d in place %d at the end", f.Room, e.Rev, i+1)
			}
		}
	}
}

// pageAt is a page with where and when it was seen.
type pageAt struct {
	*Page
	room string
	at   Tick
}

// allPages are those of reads, sessions and the end.
func (c *checker) allPages() []pageAt {
	var pages []pageAt
	for i := range c.h.Reads {
		r := &c.h.Reads[i]
		pages = append(pages, pageAt{&r.Page, r.Room, r.End})
	}
	for _, s := range c.h.Sessions {
		for _, step := range s.Steps {
			if step.Snapshot != nil {
				pages = append(pages, pageAt{step.Snapshot, s.Room, step.At})
			}
		}
	}
	for i := range c.h.Final {
		pages = append(pages, pageAt{&c.h.Final[i].Page, c.h.Final[i].Room, atTheEnd})
	}
	return pages
}
