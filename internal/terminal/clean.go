package terminal

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks in a row are shown: enough for every orthography, too few to climb over the
// neighbouring lines.
const maxMarks = 8

// Clean returns text as it can be shown on a terminal: what would move the cursor, start an escape sequence, reorder
// what stands around it or hide in it becomes visible instead. Line feeds stay and tabs become spaces.
func Clean(text string) string { return clean(text, "\n", "    ") }

// CleanLine is [Clean] for text that must not leave its line.
func CleanLine(text string) string { return clean(text, "⏎", " ") }

func clean(text, newline, tab string) string {
	var b strings.Builder
	b.Grow(len(text))
	marks := 0
	for _, r := range text {
		if unicode.In(r, unicode.Mn, unicode.Me) {
			if marks++; marks > maxMarks {
				continue
			}
		} else {
			marks = 0
		}
		switch {
		case r == '\n':
			b.WriteString(newline)
		case r == '\t':
			b.WriteString(tab)
		case r < ' ':
			b.WriteRune('␀' + r) // the pictures of the C0 controls, in their order
		case r == 0x7f:
			b.WriteRune('␡')
		case hidden(r):
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r) // utf8.RuneError for what is not UTF-8
		}
	}
	return b.String()
}

// hidden reports whether a terminal may obey r, or show nothing for it: C1 controls (0x9b begins an escape sequence),
// line separators, bidirectional and other format characters. The joiners and the tags that emoji and scripts need pass.
func hidden(r rune) bool {
	switch {
	case r == 0x200c || r == 0x200d: // zero width non-joiner and joiner: Persian, emoji
		return false
	case r >= 0xe0020 && r <= 0xe007f: // tags: flags of regions
		return false
	default:
		return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
	}
}

// escapeHidden makes JSON safe to print: what [Clean] would show becomes \u escapes, which mean the same. Outside of its
// strings JSON holds nothing of the kind.
func escapeHidden(json []byte) []byte {
	out := make([]byte, 0, len(json))
	for len(json) > 0 {
		r, n := utf8.DecodeRune(json)
		switch {
		case r < ' ' || r != 0x7f && !hidden(r):
			out = append(out, json[:n]...)
		case r > 0xffff:
			high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		json = json[n:]
	}
	return out
}
