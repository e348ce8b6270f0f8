package terminal

import (
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// groupWithin is how long one name stands for what a person writes in a row.
const groupWithin = 5 * time.Minute

// layout is the scrollback as lines of the terminal, and which of them are seen.
type layout struct {
	style  style
	width  int
	rows   int // of the scrollback that are seen
	lines  []row
	bodies map[uint64]body // wrapped texts by seq
	below  int             // lines below the lowest that is seen; 0: the newest is followed
}

// row is one line with the message it belongs to; 0: a pending one.
type row struct {
	seq  uint64
	text string
	body bool // of the message itself, not of what stands above it; begins with two spaces
}

// body is a wrapped message, as long as it stays what it is.
type body struct {
	bodyKey
	lines []string
}

// bodyKey is what a wrapped message depends on, beside its seq.
type bodyKey struct {
	rev     uint64
	replies uint64
	quote   string
	width   int
	hidden  bool // its sender is blocked
}

func (l *layout) following() bool { return l.below == 0 }
func (l *layout) follow()         { l.below = 0 }

// scroll moves up by n lines, down by -n, and reports whether the top is in sight.
func (l *layout) scroll(n int) (top bool) {
	most := max(len(l.lines)-l.rows, 0)
	l.below = min(max(l.below+n, 0), most)
	return l.below == most
}

func (l *layout) scrolledToTop() bool { return l.below >= len(l.lines)-l.rows }

// seen returns the lines to show.
func (l *layout) seen() []row {
	end := max(len(l.lines)-l.below, 0)
	return l.lines[max(end-l.rows, 0):end]
}

// contextLines are seen above and below a message that is shown.
const contextLines = 3

// show scrolls as little as is needed to have a message in sight, with some lines around it.
func (l *layout) show(seq uint64) {
	first := slices.IndexFunc(l.lines, func(r row) bool { return r.seq == seq })
	if first < 0 {
		return
	}
	last := first
	for last+1 < len(l.lines) && l.lines[last+1].seq == seq {
		last++
	}
	end, around := max(len(l.lines)-l.below, 0), max(min(contextLines, (l.rows-(last-first+1))/2), 0)
	if first-around < end-l.rows {
		end = first - around + l.rows
	} else if last+around >= end {
		end = min(last+around+1, len(l.lines))
	}
	l.below = min(max(len(l.lines)-end, 0), max(len(l.lines)-l.rows, 0))
}

// unseen counts the messages below.
func (l *layout) unseen() int {
	seen, last := 0, uint64(0)
	for _, row := range l.lines[len(l.lines)-l.below:] {
		if row.seq != last && row.seq != 0 {
			seen, last = seen+1, row.seq
		}
	}
	return seen
}

// set replaces the lines. While older ones are looked at, the lowest line that is seen stays where it is.
func (l *layout) set(lines []row) {
	if !l.following() {
		anchor := l.lines[len(l.lines)-l.below-1]
		offset := 0 // of the anchor from the end of its message
		for i := len(l.lines) - l.below; i < len(l.lines) && l.lines[i].seq == anchor.seq; i++ {
			offset++
		}
		end := len(lines)
		for end > 0 && lines[end-1].seq != anchor.seq {
			end--
		}
		if end > 0 {
			l.below = len(lines) - end + offset
		}
	}
	l.lines = lines
	l.below = min(l.below, max(len(lines)-l.rows, 0))
}

// setting is what the arrangement of messages depends on beside them.
type setting struct {
	own      *chatv1.User
	now      time.Time
	local    *time.Location
	newAfter uint64          // a line says that what follows this message is new; 0: none
	blocked  map[string]bool // whose messages are not shown, by id
}

// arrange lays messages out: a line for each day, one before what is new, a name for each group, the texts.
func (l *layout) arrange(t *timeline, s setting) []row {
	var rows []row
	var before *chatv1.Message
	bodies := make(map[uint64]body, len(t.messages))
	for _, m := range t.messages {
		rows = l.heading(rows, before, m, s)
		b := l.bodyOf(m, t, s)
		bodies[m.GetSeq()] = b
		for _, line := range b.lines {
			rows = append(rows, row{m.GetSeq(), line, true})
		}
		before = m
	}
	l.bodies = bodies
	for _, p := range t.pending {
		m := p.message(s.own)
		rows = l.heading(rows, before, m, s)
		for _, line := range l.pending(p, t) {
			rows = append(rows, row{0, line, true})
		}
		before = m
	}
	return rows
}

// bodyOf wraps a message, unless that was done.
func (l *layout) bodyOf(m *chatv1.Message, t *timeline, s setting) body {
	key := bodyKey{rev: m.GetRev(), replies: m.GetThread().GetCount(), width: l.width, hidden: s.blocked[m.GetSender().GetId()]}
	switch to := m.GetReplyTo(); {
	case s.blocked[t.get(to).GetSender().GetId()]:
		key.quote = "a message of somebody you have blocked"
	case to > 0:
		key.quote = t.quote(to)
	}
	if b, ok := l.bodies[m.GetSeq()]; ok && b.bodyKey == key {
		return b
	}
	if key.hidden {
		return body{key, l.wrap(l.style.faint.Render("(you have blocked them; /unblock shows what they say)"))}
	}
	return body{key, l.message(m, key.quote, s.own)}
}

// heading adds what comes before a message's text: the day if it is another, the name if it is another.
func (l *layout) heading(rows []row, before, m *chatv1.Message, s setting) []row {
	at := m.GetCreateTime().AsTime().In(s.local)
	last := before.GetCreateTime().AsTime().In(s.local)
	add := func(text string) { rows = append(rows, row{seq: m.GetSeq(), text: text}) }
	newHere := before != nil && s.newAfter > 0 && before.GetSeq() <= s.newAfter && m.GetSeq() > s.newAfter
	newDay := before == nil || at.YearDay() != last.YearDay() || at.Year() != last.Year()
	if before != nil && newDay {
		add("")
	}
	if newDay {
		add(l.style.faint.Render(rule(day(at, s.now.In(s.local)), l.width)))
	}
	if newHere {
		add(l.style.bad.Render(rule("new", l.width)))
	}
	if newDay || newHere || !sameName(before.GetSender(), m.GetSender()) || at.Sub(last) >= groupWithin {
		if !newDay && !newHere {
			add("")
		}
		name := l.style.name(m.GetSender().GetId(), CleanLine(m.GetSender().GetDisplayName()))
		if s.own != nil && m.GetSender().GetId() == s.own.GetId() {
			name += l.style.faint.Render(" you")
		} else if m.GetSender().GetGuest() {
			name += l.style.faint.Render(" guest")
		}
		add(name + l.style.faint.Render("  "+at.Format("15:04")))
	}
	return rows
}

// sameName reports whether one name can stand for what both wrote.
func sameName(a, b *chatv1.User) bool {
	return a.GetId() == b.GetId() && a.GetDisplayName() == b.GetDisplayName()
}

// message returns a message's own lines: what it answers, its text, reactions and how often it was answered.
func (l *layout) message(m *chatv1.Message, quote string, own *chatv1.User) []string {
	text := Clean(bodyText(m))
	switch {
	case m.GetText() == "":
		text = l.style.faint.Render(CleanLine(bodyText(m)))
	case m.GetEditTime() != nil:
		text += l.style.faint.Render(" (edited)")
	}
	lines := append(l.answered(quote), l.wrap(text)...)
	var below []string
	for _, r := range m.GetReactions() {
		style := l.style.faint
		if slices.Contains(r.GetUserIds(), own.GetId()) {
			style = l.style.strong // one's own among them
		}
		below = append(below, style.Render(CleanLine(r.GetEmoji())+" "+count(len(r.GetUserIds()))))
	}
	switch n := int(m.GetThread().GetCount()); {
	case n == 1:
		below = append(below, l.style.faint.Render("1 reply"))
	case n > 1:
		below = append(below, l.style.faint.Render(count(n)+" replies"))
	}
	if len(below) > 0 {
		lines = append(lines, l.wrap(strings.Join(below, "  "))...)
	}
	return lines
}

// answered is the line above an answer.
func (l *layout) answered(quote string) []string {
	if quote == "" {
		return nil
	}
	return []string{ansi.Truncate("  "+l.style.faint.Render("╭ "+quote), max(l.width, 1), "…")}
}

// pending returns the lines of a message of one's own on its way.
func (l *layout) pending(p *pending, t *timeline) []string {
	quote := ""
	if p.replyTo > 0 {
		quote = t.quote(p.replyTo)
	}
	mark := l.style.faint.Render(" … sending")
	switch {
	case p.failure != "":
		mark = l.style.bad.Render(" ✗ not sent: " + CleanLine(p.failure))
	case p.seq > 0:
		mark = ""
	}
	return append(l.answered(quote), l.wrap(Clean(p.text)+mark)...)
}

// wrap breaks text into lines that fit, by grapheme clusters, indented under the name.
func (l *layout) wrap(text string) []string {
	lines := strings.Split(lipgloss.Wrap(text, max(l.width-2, 1), ""), "\n")
	for i := range lines {
		lines[i] = "  " + lines[i]
	}
	return lines
}

// day names a day for a divider.
func day(at, now time.Time) string {
	switch date := at.Format(time.DateOnly); date {
	case now.Format(time.DateOnly):
		return "today"
	case now.AddDate(0, 0, -1).Format(time.DateOnly):
		return "yesterday"
	default:
		return at.Format("Monday, 2 January 2006")
	}
}

// rule is text in the middle of a line.
func rule(text string, width int) string {
	dashes := max(width-lipgloss.Width(text)-2, 0)
	return strings.Repeat("─", dashes/2) + " " + text + " " + strings.Repeat("─", dashes-dashes/2)
}
