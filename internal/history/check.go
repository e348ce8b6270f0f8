package history

import "fmt"

// Rule names a promise.
type Rule string

// The rules.
const (
	RevContiguous     Rule = "rev contiguous"      // each event an observer gets has the next rev
	SeqGapless        Rule = "seq gapless"         // each new message has the next seq, in events and in pages
	SameOrder         Rule = "same order"          // a rev, and a seq, is the same for everybody
	ShownKept         Rule = "shown is kept"       // what anybody was shown is the same after a crash, and at the end
	EpochKept         Rule = "epoch kept"          // a crash that loses nothing changes no epoch
	EpochRenewed      Rule = "epoch renewed"       // one that may lose something does
	LostFromTheEnd    Rule = "lost from the end"   // what is lost is the newest, and nothing that was safe
	SenderOrder       Rule = "sender order"        // a sender's messages are in the order in which they were begun
	AcknowledgedKept  Rule = "acknowledged kept"   // what was acknowledged is there, where it was said to be
	AcknowledgedOnce  Rule = "acknowledged once"   // and nowhere else
	UnansweredOnce    Rule = "unanswered once"     // what had no answer is there at most once
	RefusedNever      Rule = "refused never"       // what was refused is not there
	NothingInvented   Rule = "nothing invented"    // what is there was published by its sender
	RealTime          Rule = "real time"           // what was acknowledged precedes what was begun later
	ReadYourWrites    Rule = "read after ack"      // a read, and a join, begun after an acknowledgement contains it
	ResumeNeverPartly Rule = "resume never partly" // a resume continues exactly, or a snapshot comes
)

// rules are all of them, in the order in which they are reported.
var rules = []func(*checker){
	(*checker).checkSessions,  // RevContiguous, SeqGapless, ResumeNeverPartly
	(*checker).checkPages,     // SeqGapless
	(*checker).checkEpochs,    // EpochKept, EpochRenewed
	(*checker).checkAgreement, // SameOrder, ShownKept
	(*checker).checkSenderOrder,
	(*checker).checkLosses,
	(*checker).checkOutcomes, // AcknowledgedKept, AcknowledgedOnce, UnansweredOnce, RefusedNever, NothingInvented
	(*checker).checkRealTime,
	(*checker).checkReads,
}

// maxViolations is how many are reported of each rule: one broken rev breaks all that follow.
const maxViolations = 5

// Check returns what was broken; nothing if every promise was kept.
func (h *History) Check() []Violation {
	c := &checker{h: h, final: make(map[string]*Final), counts: make(map[Rule]int)}
	for i := range h.Final {
		c.final[h.Final[i].Room] = &h.Final[i]
	}
	c.findLost()
	for _, rule := range rules {
		rule(c)
	}
	return c.violations
}

type checker struct {
	h          *History
	final      map[string]*Final // by room
	counts     map[Rule]int
	violations []Violation

	places map[messageID][]Message // where each message is at the end; more than one place is a fault
	lost   map[*Publish]bool       // acknowledged, not there, and allowed to be
	eras   map[string]int          // of epochs, in the order in which they were first seen
}

func (c *checker) broken(rule Rule, format string, args ...any) {
	if c.counts[rule]++; c.counts[rule] <= maxViolations {
		c.violations = append(c.violations, Violation{rule, fmt.Sprintf(format, args...)})
	}
}

// Rules returns all rules.
func Rules() []Rule {
	return []Rule{
		RevContiguous, SeqGapless, SameOrder, ShownKept, EpochKept, EpochRenewed, LostFromTheEnd, SenderOrder,
		AcknowledgedKept, AcknowledgedOnce, UnansweredOnce, RefusedNever, NothingInvented, RealTime, ReadYourWrites, ResumeNeverPartly,
	}
}
