package terminal

import (
	"strings"
	"time"

	"charm.land/lipgloss/v2"

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
}

// body is a wrapped message, as long as it stays what it is.
type body struct {
	rev   uint64
	width int
	lines []string
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

// arrange lays messages out: a line for each day, a name for each group, the texts.
func (l *layout) arrange(t *timeline, own *chatv1.User, now time.Time, local *time.Location) []row {
	var rows []row
	var before *chatv1.Message
	bodies := make(map[uint64]body, len(t.messages))
	for _, m := range t.messages {
		rows = l.heading(rows, before, m, own, now, local)
		b, ok := l.bodies[m.GetSeq()]
		if !ok || b.rev != m.GetRev() || b.width != l.width {
			b = body{m.GetRev(), l.width, l.message(m)}
		}
		bodies[m.GetSeq()] = b
		for _, line := range b.lines {
			rows = append(rows, row{m.GetSeq(), line})
		}
		before = m
	}
	l.bodies = bodies
	for _, p := range t.pending {
		m := p.message(own)
		rows = l.heading(rows, before, m, own, now, local)
		for _, line := range l.pending(p) {
			rows = append(rows, row{0, line})
		}
		before = m
	}
	return rows
}

// heading adds what comes before a message's text: the day if it is another, the name if it is another.
func (l *layout) heading(rows []row, before, m *chatv1.Message, own *chatv1.User, now time.Time, local *time.Location) []row {
	at := m.GetCreateTime().AsTime().In(local)
	last := before.GetCreateTime().AsTime().In(local)
	add := func(text string) { rows = append(rows, row{m.GetSeq(), text}) }
	newDay := before == nil || at.YearDay() != last.YearDay() || at.Year() != last.Year()
	if before != nil && newDay {
		add("")
	}
	if newDay {
		add(l.style.faint.Render(rule(day(at, now.In(local)), l.width)))
	}
	if newDay || !sameName(before.GetSender(), m.GetSender()) || at.Sub(last) >= groupWithin {
		if !newDay {
			add("")
		}
		name := l.style.name(m.GetSender().GetId(), CleanLine(m.GetSender().GetDisplayName()))
		if own != nil && m.GetSender().GetId() == own.GetId() {
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

// message returns a message's own lines.
func (l *layout) message(m *chatv1.Message) []string {
	text := Clean(bodyText(m))
	switch {
	case m.GetText() == "":
		text = l.style.faint.Render(CleanLine(bodyText(m)))
	case m.GetEditTime() != nil:
		text += l.style.faint.Render(" (edited)")
	}
	lines := l.wrap(text)
	var reactions []string
	for _, r := range m.GetReactions() {
		reactions = append(reactions, CleanLine(r.GetEmoji())+" "+count(len(r.GetUserIds())))
	}
	if len(reactions) > 0 {
		lines = append(lines, l.wrap(l.style.faint.Render(strings.Join(reactions, "  ")))...)
	}
	return lines
}

// pending returns the lines of a message of one's own on its way.
func (l *layout) pending(p *pending) []string {
	mark := l.style.faint.Render(" … sending")
	switch {
	case p.failure != "":
		mark = l.style.bad.Render(" ✗ not sent: " + CleanLine(p.failure))
	case p.seq > 0:
		mark = ""
	}
	return l.wrap(Clean(p.text) + mark)
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
