package terminal

import (
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

// maxFieldBytes bounds what is typed into a field; a paste may hold anything.
const maxFieldBytes = 256

// field is one line of input for something short, edited at its end.
type field struct{ text string }

// press edits the field, and reports whether the key was for it.
func (f *field) press(key tea.KeyPressMsg) bool {
	switch key.String() {
	case "backspace":
		_, size := utf8.DecodeLastRuneInString(f.text)
		f.text = f.text[:len(f.text)-size]
	case "ctrl+u":
		f.text = ""
	default:
		if key.Text == "" {
			return false
		}
		f.add(key.Text)
	}
	return true
}

// add appends what was typed or pasted, on one line.
func (f *field) add(text string) {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
	if text == "" {
		text = " "
	}
	if len(f.text)+len(text) <= maxFieldBytes {
		f.text += text
	}
}
