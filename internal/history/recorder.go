package history

import "sync"

// Recorder takes a history down while it happens. Safe for concurrent use; what it hands out belongs to one goroutine at
// a time.
type Recorder struct {
	mu   sync.Mutex // guards what follows
	more sync.Cond  // when an acknowledgement comes
	now  Tick
	h    History
	acks int
}

// NewRecorder returns an empty one.
func NewRecorder() *Recorder {
	r := new(Recorder)
	r.more.L = &r.mu
	return r
}

func (r *Recorder) tickLocked() Tick {
	r.now++
	return r.now
}

// History returns what happened up to now. Later events do not change it.
func (r *Recorder) History() *History {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := &History{
		Publishes: append([]Publish(nil), r.h.Publishes...),
		Reads:     append([]Read(nil), r.h.Reads...),
		Crashes:   append([]Tick(nil), r.h.Crashes...),
		Losses:    append([]Loss(nil), r.h.Losses...),
		Final:     append([]Final(nil), r.h.Final...),
		Strangers: r.h.Strangers,
	}
	for _, s := range r.h.Sessions {
		s.Steps = s.Steps[:len(s.Steps):len(s.Steps)]
		h.Sessions = append(h.Sessions, s)
	}
	return h
}

// Strangers notes that others publish, too, of whom nothing is noted.
func (r *Recorder) Strangers() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.h.Strangers = true
}

// Crashed notes that the server was killed, or lost power.
func (r *Recorder) Crashed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.h.Crashes = append(r.h.Crashes, r.tickLocked())
}

// Lost notes that the server lost power, or was damaged, in a way that may cost the newest of what it acknowledged, but nothing
// that was acknowledged before safe.
func (r *Recorder) Lost(safe Tick) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.tickLocked()
	r.h.Crashes = append(r.h.Crashes, at)
	r.h.Losses = append(r.h.Losses, Loss{At: at, Safe: safe})
}

// Now returns the present moment, for [Recorder.Lost].
func (r *Recorder) Now() Tick {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tickLocked()
}

// WaitForAcks returns after n more acknowledgements.
func (r *Recorder) WaitForAcks(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for until := r.acks + n; r.acks < until; {
		r.more.Wait()
	}
}

// Acknowledged returns how many publishes were acknowledged up to now.
func (r *Recorder) Acknowledged() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.acks
}

// Final notes a room as it is when all is over.
func (r *Recorder) Final(f Final) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.h.Final = append(r.h.Final, f)
}

// Publishing is a publish that is under way.
type Publishing struct {
	r *Recorder
	i int
}

// Publish notes that a sender begins to publish; call it before the first try.
func (r *Recorder) Publish(room, sender, clientID string) Publishing {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := Publish{Room: room, Sender: sender, ClientID: clientID, Start: r.tickLocked()}
	r.h.Publishes = append(r.h.Publishes, p)
	return Publishing{r, len(r.h.Publishes) - 1}
}

// Acknowledged notes the answer.
func (p Publishing) Acknowledged(seq, rev uint64) {
	p.end(func(x *Publish) { x.Outcome, x.Seq, x.Rev = Acknowledged, seq, rev })
}

// Refused notes that it was surely not stored.
func (p Publishing) Refused() { p.end(func(x *Publish) { x.Outcome = Refused }) }

func (p Publishing) end(set func(*Publish)) {
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	x := &p.r.h.Publishes[p.i]
	x.End = p.r.tickLocked()
	set(x)
	if x.Outcome == Acknowledged {
		p.r.acks++
		p.r.more.Broadcast()
	}
}

// Reading is a read that is under way.
type Reading struct {
	r     *Recorder
	room  string
	start Tick
}

// Read notes that somebody asks for a page; call it before asking.
func (r *Recorder) Read(room string) Reading {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Reading{r, room, r.tickLocked()}
}

// Got notes the page. A read that failed is not noted at all.
func (g Reading) Got(p Page) {
	g.r.mu.Lock()
	defer g.r.mu.Unlock()
	g.r.h.Reads = append(g.r.h.Reads, Read{Room: g.room, Start: g.start, End: g.r.tickLocked(), Page: p})
}

// Observing is a session that goes on.
type Observing struct {
	r *Recorder
	i int
}

// Observe notes a new observer of a room.
func (r *Recorder) Observe(observer, room string) Observing {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.h.Sessions = append(r.h.Sessions, Session{Observer: observer, Room: room})
	return Observing{r, len(r.h.Sessions) - 1}
}

// Joining returns the moment for [Join.Start]; call it before asking.
func (o Observing) Joining() Tick {
	o.r.mu.Lock()
	defer o.r.mu.Unlock()
	return o.r.tickLocked()
}

// Joined notes the answer to a join.
func (o Observing) Joined(j Join) { o.step(Step{Join: &j}) }

// Snapshot notes a whole snapshot, put together if it came in parts.
func (o Observing) Snapshot(p Page) { o.step(Step{Snapshot: &p}) }

// Event notes an event that has a rev.
func (o Observing) Event(e Event) { o.step(Step{Event: &e}) }

func (o Observing) step(s Step) {
	o.r.mu.Lock()
	defer o.r.mu.Unlock()
	s.At = o.r.tickLocked()
	session := &o.r.h.Sessions[o.i]
	session.Steps = append(session.Steps, s)
}
