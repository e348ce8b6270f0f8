package history_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rialto-rpc/rialto/internal/history"
)

const room, epoch = "room", "e1"

// sound returns a history in which every promise was kept: two senders, an observer who was there all along and one who
// came back by a resume and then by a snapshot, a reader, a crash between rev 4 and 5, a publish without an answer that
// was stored, one that was not, and one that was refused.
func sound() *history.History {
	r := history.NewRecorder()
	all, back := r.Observe("all", room), r.Observe("back", room)
	all.Joined(history.Join{Start: all.Joining(), Epoch: epoch})
	all.Snapshot(history.Page{Epoch: epoch})
	back.Joined(history.Join{Start: back.Joining(), Asked: &history.Position{Epoch: epoch}, Resumed: true, Epoch: epoch})

	publish(r, "ana", 1)
	show(1, all, back)
	publish(r, "bob", 2)
	show(2, all, back)
	unanswered := r.Publish(room, "ana", idOf("ana", 3))
	show(3, all)
	reading := r.Read(room)
	reading.Got(page(3, 1))
	edited := history.Event{Epoch: epoch, Rev: 4, Fact: history.Fact{Kind: "edited", Seq: 1, Sender: "ana", ClientID: idOf("ana", 1)}}
	all.Event(edited)
	r.Crashed()

	back.Joined(history.Join{Start: back.Joining(), Asked: &history.Position{Epoch: epoch, Rev: 2}, Resumed: true, Epoch: epoch, HeadRev: 4})
	show(3, back)
	back.Event(edited)
	publish(r, "bob", 4)
	_ = unanswered
	r.Publish(room, "cy", "lost without an answer")
	r.Publish(room, "cy", "refused").Refused()
	show(4, all)
	back.Joined(history.Join{Start: back.Joining(), Asked: &history.Position{Epoch: "e0", Rev: 4}, Epoch: epoch, HeadRev: 5})
	back.Snapshot(page(4, 3))
	publish(r, "ana", 5)
	show(5, all, back)
	reading = r.Read(room)
	reading.Got(page(5, 2))

	final := history.Final{Room: room, Page: page(5, 1)}
	final.Events = []history.Event{eventOf(1), eventOf(2), eventOf(3), edited, eventOf(4), eventOf(5)}
	r.Final(final)
	return r.History()
}

// lossy returns a sound history in which a loss takes the third of three messages, acknowledged and shown; everybody begins anew
// in another epoch, in which another third comes.
func lossy() *history.History {
	r := history.NewRecorder()
	o := r.Observe("all", room)
	o.Joined(history.Join{Start: o.Joining(), Epoch: epoch})
	o.Snapshot(history.Page{Epoch: epoch})
	publish(r, "ana", 1)
	show(1, o)
	safe := r.Now()
	publish(r, "bob", 2)
	show(2, o)
	publish(r, "ana", 3)
	show(3, o)
	r.Read(room).Got(page(3, 1))
	r.Lost(safe)
	o.Joined(history.Join{Start: o.Joining(), Asked: &history.Position{Epoch: epoch, Rev: 3}, Epoch: "e2", HeadRev: 2})
	p := page(2, 1)
	p.Epoch = "e2"
	o.Snapshot(p)
	r.Read(room).Got(p)
	r.Publish(room, "cy", "cy-3").Acknowledged(3, 3)
	third := history.Event{Epoch: "e2", Rev: 3, Fact: history.Fact{Kind: history.Posted, Seq: 3, Sender: "cy", ClientID: "cy-3"}}
	o.Event(third)
	p.HeadSeq, p.HeadRev = 3, 3
	p.Messages = append(slices.Clone(p.Messages), history.Message{Seq: 3, Rev: 3, Sender: "cy", ClientID: "cy-3"})
	events := []history.Event{eventOf(1), eventOf(2), third}
	r.Final(history.Final{Room: room, Page: p, Events: events})
	return r.History()
}

// senders are who sent the messages 1 to 5.
var senders = []string{"", "ana", "bob", "ana", "bob", "ana"}

func idOf(sender string, seq uint64) string { return fmt.Sprint(sender, "-", seq) }

// revOf is the rev at which a message was posted: rev 4 is an edit.
func revOf(seq uint64) uint64 {
	if seq > 3 {
		return seq + 1
	}
	return seq
}

func publish(r *history.Recorder, sender string, seq uint64) {
	r.Publish(room, sender, idOf(sender, seq)).Acknowledged(seq, revOf(seq))
}

func eventOf(seq uint64) history.Event {
	sender := senders[seq]
	return history.Event{
		Epoch: epoch, Rev: revOf(seq),
		Fact: history.Fact{Kind: history.Posted, Seq: seq, Sender: sender, ClientID: idOf(sender, seq)},
	}
}

func show(seq uint64, to ...history.Observing) {
	for _, o := range to {
		o.Event(eventOf(seq))
	}
}

// page is the messages from one to the head.
func page(head, from uint64) history.Page {
	p := history.Page{Epoch: epoch, HeadSeq: head, HeadRev: revOf(head), ToHead: true}
	for seq := from; seq <= head; seq++ {
		m := history.Message{Seq: seq, Rev: revOf(seq), Sender: senders[seq], ClientID: idOf(senders[seq], seq)}
		if seq == 1 && head > 3 {
			m.Rev = 4
		}
		p.Messages = append(p.Messages, m)
	}
	return p
}

func TestSoundHistoryIsAccepted(t *testing.T) {
	t.Parallel()
	if v := sound().Check(); len(v) > 0 {
		t.Error(v)
	}
	h := sound()
	h.Strangers, h.Publishes = true, slices.DeleteFunc(h.Publishes, func(p history.Publish) bool { return p.Sender == "bob" })
	if v := h.Check(); len(v) > 0 {
		t.Error("with strangers:", v)
	}
	if v := new(history.History).Check(); len(v) > 0 {
		t.Error(v)
	}
	if v := lossy().Check(); len(v) > 0 {
		t.Error("with a loss:", v)
	}
}

// lossyMutations are mutations of a history with a loss.
var lossyMutations = []mutation{
	{"what was safe is lost", history.LostFromTheEnd, func(h *history.History) {
		h.Losses[0].Safe = h.Losses[0].At
	}},
	{"not the newest is lost", history.LostFromTheEnd, func(h *history.History) {
		h.Publishes = append(h.Publishes, history.Publish{
			Room: room, Sender: "dan", ClientID: "d", Start: 1, End: h.Losses[0].At - 1, Outcome: history.Acknowledged, Seq: 1, Rev: 1,
		})
	}},
	{"the epoch is the same after a loss", history.EpochRenewed, func(h *history.History) {
		h.Publishes = slices.DeleteFunc(h.Publishes, func(p history.Publish) bool { return p.ClientID == idOf("ana", 3) })
		dropEvent(h, "all", 3)
		h.Reads = h.Reads[:0]
		h.Final[0].Epoch = epoch
		for _, step := range h.Sessions[0].Steps {
			switch {
			case step.Join != nil:
				step.Join.Epoch = epoch
			case step.Snapshot != nil:
				step.Snapshot.Epoch = epoch
			default:
				step.Event.Epoch = epoch
			}
		}
	}},
	{"a third epoch after one loss", history.EpochKept, func(h *history.History) {
		h.Reads[1].Page.Epoch = "e3"
	}},
	{"what is shown after the loss is another at the end", history.ShownKept, func(h *history.History) {
		session(h, "all").Steps[len(session(h, "all").Steps)-1].Event.ClientID = "other"
	}},
	{"what is acknowledged after the loss is lost", history.AcknowledgedKept, func(h *history.History) {
		h.Publishes = append(h.Publishes, history.Publish{
			Room: room, Sender: "dan", ClientID: "d", Start: 99, End: 100, Outcome: history.Acknowledged, Seq: 9, Rev: 9,
		})
	}},
	{"a read before the loss misses what was acknowledged", history.ReadYourWrites, func(h *history.History) {
		h.Reads[0].Page = page(2, 1)
	}},
	{"nobody is reset", history.ResumeNeverPartly, func(h *history.History) {
		s := session(h, "all")
		i := joinAt(s, 1)
		s.Steps[i].Join.Resumed = true
		s.Steps = s.Steps[:i+1]
	}},
}

type mutation struct {
	name   string
	rule   history.Rule
	mutate func(*history.History)
}

// mutations break one promise each, in a history that is sound otherwise.
var mutations = []mutation{
	{"an event is missing", history.RevContiguous, func(h *history.History) {
		dropEvent(h, "all", 4)
	}},
	{"an event comes twice", history.RevContiguous, func(h *history.History) {
		s := session(h, "all")
		i := eventAt(s, 4)
		s.Steps = slices.Insert(s.Steps, i, s.Steps[i])
	}},
	{"two events change places", history.RevContiguous, func(h *history.History) {
		s := session(h, "all")
		i := eventAt(s, 3)
		s.Steps[i], s.Steps[i+1] = s.Steps[i+1], s.Steps[i]
	}},
	{"the end lacks a change", history.RevContiguous, func(h *history.History) {
		h.Final[0].Events = slices.Delete(h.Final[0].Events, 3, 4)
	}},
	{"a page has a hole", history.SeqGapless, func(h *history.History) {
		h.Reads[0].Page.Messages = slices.Delete(h.Reads[0].Page.Messages, 1, 2)
	}},
	{"a page to the head lacks the newest", history.SeqGapless, func(h *history.History) {
		h.Reads[0].Page.Messages = h.Reads[0].Page.Messages[:2]
	}},
	{"a page is newer than its head", history.SeqGapless, func(h *history.History) {
		h.Reads[0].Page.Messages[2].Rev = 9
	}},
	{"an event skips a seq", history.SeqGapless, func(h *history.History) {
		// To everybody alike, so that nobody disagrees.
		editFacts(h, 6, func(f *history.Fact) { f.Seq = 6 })
		h.Reads = h.Reads[:1]
		h.Publishes = slices.DeleteFunc(h.Publishes, func(p history.Publish) bool { return p.Seq == 5 })
		h.Final = nil
	}},
	{"two observers see another sender", history.SameOrder, func(h *history.History) {
		s := session(h, "back")
		s.Steps[eventAt(s, 2)].Event.Sender = "eve"
	}},
	{"two observers see another kind", history.SameOrder, func(h *history.History) {
		s := session(h, "back")
		s.Steps[eventAt(s, 6)].Event.Kind = "deleted"
	}},
	{"a page disagrees with an event of its time", history.SameOrder, func(h *history.History) {
		h.Reads[0].Page.Messages[2].ClientID = "other"
	}},
	{"a shown rev is another after the crash", history.ShownKept, func(h *history.History) {
		s := session(h, "back")
		s.Steps[eventAt(s, 3)].Event.ClientID = "other"
	}},
	{"what was shown is gone at the end", history.ShownKept, func(h *history.History) {
		cutFinal(h, 4)
		h.Publishes = slices.DeleteFunc(h.Publishes, func(p history.Publish) bool { return p.Seq == 5 })
	}},
	{"the epoch is another", history.EpochKept, func(h *history.History) {
		h.Reads[1].Page.Epoch = "e2"
	}},
	{"two messages of one sender change places", history.SenderOrder, func(h *history.History) {
		first, second := published(h, "ana", 1), published(h, "ana", 5)
		first.ClientID, second.ClientID = second.ClientID, first.ClientID
		first.Seq, second.Seq = second.Seq, first.Seq
		first.Rev, second.Rev = second.Rev, first.Rev
		first.End, second.Start = second.End, first.Start // so that nobody was told too early
	}},
	{"an acknowledged message is lost", history.AcknowledgedKept, func(h *history.History) {
		h.Publishes = append(h.Publishes, history.Publish{
			Room: room, Sender: "dan", ClientID: "d", Start: 1, End: 99, Outcome: history.Acknowledged, Seq: 5, Rev: 6,
		})
	}},
	{"an acknowledged message is elsewhere", history.AcknowledgedKept, func(h *history.History) {
		published(h, "bob", 4).Seq = 3
	}},
	{"an acknowledged message is there twice", history.AcknowledgedOnce, func(h *history.History) {
		again(h, "ana", 5)
	}},
	{"an unanswered message is there twice", history.UnansweredOnce, func(h *history.History) {
		again(h, "ana", 3)
	}},
	{"a refused message is there", history.RefusedNever, func(h *history.History) {
		p := published(h, "ana", 3)
		p.Outcome = history.Refused
	}},
	{"a message comes from nobody", history.NothingInvented, func(h *history.History) {
		h.Publishes = slices.DeleteFunc(h.Publishes, func(p history.Publish) bool { return p.ClientID == idOf("ana", 3) })
	}},
	{"a later publish is stored earlier", history.RealTime, func(h *history.History) {
		published(h, "bob", 2).Start = 1000
		published(h, "bob", 4).Start = 1001
		published(h, "bob", 4).End = 1003
		published(h, "bob", 2).End = 1002
	}},
	{"a read misses what was acknowledged before it", history.ReadYourWrites, func(h *history.History) {
		h.Reads[1].Page = page(4, 1)
	}},
	{"a join misses what was acknowledged before it", history.ReadYourWrites, func(h *history.History) {
		s := session(h, "back")
		s.Steps[joinAt(s, 2)].Join.HeadRev = 3
	}},
	{"a resume leaves something out", history.ResumeNeverPartly, func(h *history.History) {
		dropEvent(h, "back", 3)
	}},
	{"a resume repeats something", history.ResumeNeverPartly, func(h *history.History) {
		s := session(h, "back")
		s.Steps[joinAt(s, 1)].Join.Asked.Rev = 3
	}},
	{"a resume goes over from another epoch", history.ResumeNeverPartly, func(h *history.History) {
		s := session(h, "back")
		s.Steps[joinAt(s, 1)].Join.Asked.Epoch = "e0"
	}},
	{"no snapshot comes where no resume was possible", history.ResumeNeverPartly, func(h *history.History) {
		s := session(h, "back")
		i := joinAt(s, 2)
		s.Steps = slices.Delete(s.Steps, i+1, i+2)
	}},
	{"a snapshot comes upon a resume", history.ResumeNeverPartly, func(h *history.History) {
		s := session(h, "back")
		p := page(3, 1)
		i := joinAt(s, 1)
		at := s.Steps[i].At
		s.Steps = slices.Replace(s.Steps, i+1, i+2, history.Step{At: at, Snapshot: &p})
	}},
}

// TestEachRuleCatchesItsMutation changes a sound history so that one promise is broken, and wants to hear of that one and
// of no other.
func TestEachRuleCatchesItsMutation(t *testing.T) {
	t.Parallel()
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			m.isCaught(t, sound())
		})
	}
	for _, m := range lossyMutations {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			m.isCaught(t, lossy())
		})
	}
}

func (m mutation) isCaught(t *testing.T, h *history.History) {
	t.Helper()
	m.mutate(h)
	violations := h.Check()
	if len(violations) == 0 {
		t.Fatal("it was accepted")
	}
	for _, v := range violations {
		if v.Rule != m.rule {
			t.Errorf("%v; want it caught by %q alone", v, m.rule)
		}
	}
}

// TestEveryRuleHasAMutation walks the rules, so that a new one cannot be forgotten.
func TestEveryRuleHasAMutation(t *testing.T) {
	t.Parallel()
	for _, rule := range history.Rules() {
		if !slices.ContainsFunc(slices.Concat(mutations, lossyMutations), func(m mutation) bool { return m.rule == rule }) {
			t.Errorf("no mutation breaks %q", rule)
		}
	}
}

func session(h *history.History, observer string) *history.Session {
	for i := range h.Sessions {
		if h.Sessions[i].Observer == observer {
			return &h.Sessions[i]
		}
	}
	panic("no such observer")
}

func eventAt(s *history.Session, rev uint64) int {
	return slices.IndexFunc(s.Steps, func(step history.Step) bool { return step.Event != nil && step.Event.Rev == rev })
}

// joinAt is the place of a session's join, counted from 0.
func joinAt(s *history.Session, n int) int {
	for i, step := range s.Steps {
		if step.Join == nil {
			continue
		}
		if n == 0 {
			return i
		}
		n--
	}
	panic("no such join")
}

func dropEvent(h *history.History, observer string, rev uint64) {
	s := session(h, observer)
	i := eventAt(s, rev)
	s.Steps = slices.Delete(s.Steps, i, i+1)
}

// editFacts changes an event for all who saw it.
func editFacts(h *history.History, rev uint64, edit func(*history.Fact)) {
	for i := range h.Sessions {
		if at := eventAt(&h.Sessions[i], rev); at >= 0 {
			edit(&h.Sessions[i].Steps[at].Event.Fact)
		}
	}
}

func published(h *history.History, sender string, seq uint64) *history.Publish {
	for i := range h.Publishes {
		if h.Publishes[i].ClientID == idOf(sender, seq) {
			return &h.Publishes[i]
		}
	}
	panic("no such publish")
}

// cutFinal makes a message the last one at the end.
func cutFinal(h *history.History, head uint64) {
	h.Final[0].Page = page(head, 1)
	h.Final[0].Events = h.Final[0].Events[:revOf(head)]
}

// again stores a message a second time, at the end.
func again(h *history.History, sender string, seq uint64) {
	f := &h.Final[0]
	f.HeadSeq, f.HeadRev = 6, 7
	m := history.Message{Seq: 6, Rev: 7, Sender: sender, ClientID: idOf(sender, seq)}
	f.Messages = append(f.Messages, m)
	f.Events = append(f.Events, history.Event{Epoch: epoch, Rev: 7, Fact: history.Fact{Kind: history.Posted, Seq: 6, Sender: sender, ClientID: m.ClientID}})
}
