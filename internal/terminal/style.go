package terminal

import (
	"hash/fnv"
	"image/color"

	"charm.land/lipgloss/v2"
)

// style is how things look on a dark or a light terminal. Whatever is told by colour is told by words, too.
type style struct {
	header, faint, strong, bad, good lipgloss.Style
	current                          lipgloss.Style // the present one of a list
	match                            lipgloss.Style // what was searched for
	bar                              lipgloss.Style // beside a chosen message
	names                            []color.Color
}

func newStyle(dark bool) style {
	pick := lipgloss.LightDark(dark)
	plain := lipgloss.NewStyle()
	s := style{
		header: plain.Bold(true).Foreground(pick(lipgloss.Color("#1c1c1c"), lipgloss.Color("#eeeeee"))).
			Background(pick(lipgloss.Color("#dcdcdc"), lipgloss.Color("#303030"))),
		faint:  plain.Foreground(pick(lipgloss.Color("#6c6c6c"), lipgloss.Color("#8a8a8a"))),
		strong: plain.Bold(true),
		bad:    plain.Foreground(pick(lipgloss.Color("#af0000"), lipgloss.Color("#ff8787"))),
		good:   plain.Foreground(pick(lipgloss.Color("#00703c"), lipgloss.Color("#87d787"))),
		current: plain.Bold(true).Foreground(pick(lipgloss.Color("#ffffff"), lipgloss.Color("#1c1c1c"))).
			Background(pick(lipgloss.Color("#005faf"), lipgloss.Color("#87afff"))),
		match: plain.Foreground(lipgloss.Color("#1c1c1c")).Background(lipgloss.Color("#ffd75f")),
		bar:   plain.Foreground(pick(lipgloss.Color("#005faf"), lipgloss.Color("#87afff"))),
	}
	for _, hue := range [][2]string{
		{"#005faf", "#87afff"}, {"#00703c", "#87d787"}, {"#af005f", "#ff87d7"}, {"#875f00", "#ffd787"},
		{"#5f00af", "#d7afff"}, {"#006b6b", "#87d7d7"}, {"#af3a00", "#ffaf87"},
	} {
		s.names = append(s.names, pick(lipgloss.Color(hue[0]), lipgloss.Color(hue[1])))
	}
	return s
}

// name colours a person's name: by identity, since anybody may take any name.
func (s style) name(id, name string) string {
	hash := fnv.New32a()
	hash.Write([]byte(id))
	hue := s.names[hash.Sum32()%uint32(len(s.names))]
	return lipgloss.NewStyle().Bold(true).Foreground(hue).Render(name)
}
