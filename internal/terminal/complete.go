package terminal

import (
	"slices"
	"strings"
)

// complete finishes what is being typed: a command behind a slash, its room or person, or the name after an @. If there are
// several, as far as they agree, and says which there are.
func (m *model) complete() {
	text := m.input.Value()
	begun, choices := m.completions(text)
	stem := text[:len(text)-len(begun)]
	var fit []string
	for _, choice := range choices {
		if hasPrefixFold(choice, begun) && !slices.Contains(fit, choice) {
			fit = append(fit, choice)
		}
	}
	switch len(fit) {
	case 0:
		return
	case 1:
		m.input.SetValue(stem + fit[0] + " ")
	default:
		slices.Sort(fit)
		if common := agreed(fit); len(common) > len(begun) {
			m.input.SetValue(stem + common)
		}
		m.say(strings.Join(fit, "  "))
	}
	m.input.MoveToEnd()
}

// completions returns the word that is being typed at the end of a text, and what it may become.
func (m *model) completions(text string) (begun string, choices []string) {
	command, isCommand := strings.CutPrefix(text, "/")
	if isCommand && !strings.HasPrefix(command, "/") && !strings.Contains(text, "\n") {
		name, argument, complete := strings.Cut(command, " ")
		if !complete {
			return text, slashNames()
		}
		return argument, m.arguments(name, argument)
	}
	at := strings.LastIndex(text, "@")
	if at < 0 || m.room == nil || strings.Contains(text[at:], "\n") {
		return "", nil
	}
	for _, user := range m.people() {
		choices = append(choices, "@"+user.GetDisplayName())
	}
	return text[at:], choices
}

func slashNames() (names []string) {
	for _, section := range slashes() {
		for _, command := range section.commands {
			names = append(names, "/"+command.name)
		}
	}
	return names
}

// arguments are what the first argument of a command may be, in the way in which it was begun.
func (m *model) arguments(command, begun string) (choices []string) {
	c := findSlash(command)
	switch {
	case c == nil:
	case strings.Contains(c.takes, "NAME"):
		at := ""
		if strings.HasPrefix(begun, "@") {
			at = "@"
		}
		for _, user := range m.known {
			choices = append(choices, at+user.GetDisplayName())
		}
	case command == "accept" || command == "decline":
		for _, r := range m.invitations() {
			choices = append(choices, r.id)
		}
	case strings.Contains(c.takes, "ROOM"):
		for _, rooms := range [][]roomState{m.rooms(), m.list.found} {
			for _, r := range rooms {
				choices = append(choices, r.id)
			}
		}
	}
	return choices
}

func hasPrefixFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

// agreed is what all of some texts begin with.
func agreed(texts []string) string {
	common := []rune(texts[0])
	for _, text := range texts[1:] {
		n := 0
		for _, r := range text {
			if n == len(common) || common[n] != r {
				break
			}
			n++
		}
		common = common[:n]
	}
	return string(common)
}
