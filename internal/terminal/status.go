package terminal

import (
	"math"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rialto-rpc/rialto/client"
)

// typingLine says which keys there are where they are not those of writing, and otherwise who is typing.
func (m *model) typingLine() string {
	width := m.mainWidth() - 2
	text := ""
	switch m.mode {
	case choosing:
		if message := m.chosenMessage(); message != nil {
			text = hint(width, m.choosingKeys(message)...)
		}
	case finding:
		text = m.findingHint()
	case switching:
		text = hint(width, "↑↓ choose", "Enter go")
	case helping, listing:
		text = fitting(width, "↑↓ more  any other key closes this", "Esc back")
	default:
		text = m.typistsText(width)
	}
	return m.layout.style.faint.Render("  " + text)
}

// hint lists keys, as many as there is room for, and how to get back.
func hint(width int, keys ...string) string {
	const back = "Esc back"
	line := ""
	for _, key := range keys {
		if ansi.StringWidth(line+key+"  "+back) <= width {
			line += key + "  "
		}
	}
	return line + back
}

func (m *model) typistsText(width int) string {
	var names []string
	for _, t := range m.typists {
		names = append(names, CleanLine(t.name))
	}
	switch n := len(names); n {
	case 0:
		return ""
	case 1:
		return fitting(width, names[0]+" is typing…", "1 person is typing…")
	case 2, 3:
		return fitting(width, strings.Join(names[:n-1], ", ")+" and "+names[n-1]+" are typing…", count(n)+" people are typing…")
	default:
		return count(n) + " people are typing…"
	}
}

// statusLine says how the connection is, and what is not in sight. In a narrow terminal both say less.
func (m *model) statusLine() string {
	s, width := m.layout.style, m.mainWidth()
	mark, texts := s.bad.Render("○ "), m.connectionTexts()
	if m.state.Phase == client.Live {
		mark = s.good.Render("● ")
	}
	for _, right := range m.newsTexts() {
		if left := width - ansi.StringWidth(right) - 3; left >= ansi.StringWidth(texts[len(texts)-1]) {
			return spread(mark+s.faint.Render(fitting(left, texts...)), right, width)
		}
	}
	return mark + s.faint.Render(fitting(width-2, texts...))
}

// newsTexts say what is not in sight, from the fullest to the shortest.
func (m *model) newsTexts() []string {
	s := m.layout.style
	switch failed, unseen := len(m.timeline.failed()), m.layout.unseen(); {
	case failed > 0:
		text := s.bad.Render(count(failed) + " not sent")
		return []string{text + s.faint.Render(", Ctrl+R retries "), text + " "}
	case m.paging:
		return []string{s.faint.Render("loading older messages… "), s.faint.Render("loading… ")}
	case m.atStart && !m.layout.following() && m.layout.scrolledToTop():
		return []string{s.faint.Render("the beginning of " + m.roomLabel() + " "), s.faint.Render("the beginning ")}
	case !m.layout.following() && unseen > 0:
		text := s.strong.Render("↓ " + count(unseen) + " below")
		return []string{text + s.faint.Render(" (Ctrl+End) "), text + " "}
	default:
		return []string{s.faint.Render("F1 help ")}
	}
}

// connectionTexts say how the connection is, from the fullest to the shortest.
func (m *model) connectionTexts() []string {
	server := CleanLine(m.options.Server)
	switch m.state.Phase {
	case client.Live:
		if m.joining != "" {
			return []string{"joining " + CleanLine(m.joining) + "…", "joining…"}
		}
		who := "live as " + CleanLine(m.chat.User().GetDisplayName())
		return []string{who + " at " + server, who, "live"}
	case client.CatchingUp:
		return []string{"catching up…"}
	case client.Waiting:
		in := " in " + count(max(int(math.Ceil(m.state.RetryAt.Sub(m.now).Seconds())), 0)) + " s"
		why := ": " + CleanLine(reason(m.state.Err))
		return []string{"reconnecting to " + server + in + why, "reconnecting" + in + why, "reconnecting" + in}
	case client.Closed:
		if m.state.Err != nil {
			return []string{"over: " + CleanLine(reason(m.state.Err)), "over"}
		}
		return []string{"over"}
	default:
		if m.state.Err != nil {
			why := ": " + CleanLine(reason(m.state.Err))
			return []string{"connecting to " + server + " again" + why, "connecting again" + why, "connecting…"}
		}
		return []string{"connecting to " + server + "…", "connecting…"}
	}
}

// leastCut is how many columns more than the text after it a text has to have left to be worth cutting.
const leastCut = 8

// fitting returns the fullest of texts, which get shorter, that has at most width columns. Before it takes the last it rather
// cuts the one before, if that still says something.
func fitting(width int, texts ...string) string {
	for i, text := range texts {
		last := i == len(texts)-1
		cut := i == len(texts)-2 && width >= ansi.StringWidth(texts[i+1])+leastCut
		if last || cut || ansi.StringWidth(text) <= width {
			return ansi.Truncate(text, max(width, 0), "…")
		}
	}
	return ""
}

// spread puts left and right at the ends of a line. Where there is not enough of it, left is cut, and right left out if that
// would leave too little.
func spread(left, right string, width int) string {
	gap := width - lipgloss.Width(left) - lipgloss.Width(right)
	if gap >= 1 {
		return left + strings.Repeat(" ", gap) + right
	}
	if room := width - lipgloss.Width(right) - 1; room >= leastCut {
		left = ansi.Truncate(left, room, "…")
		return left + strings.Repeat(" ", width-lipgloss.Width(left)-lipgloss.Width(right)) + right
	}
	return ansi.Truncate(left, max(width, 0), "…")
}
