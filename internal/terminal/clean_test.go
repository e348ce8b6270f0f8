package terminal_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rialto-rpc/rialto/internal/terminal"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, text, line string }{
		{"plain", "Grüße, 世界", "Grüße, 世界", "Grüße, 世界"},
		{"two lines", "a\nb\tc", "a\nb    c", "a⏎b c"},
		{"clear the screen", "\x1b[2Jhi", "␛[2Jhi", "␛[2Jhi"},
		{"carriage return", "ana: hi\rben: no", "ana: hi␍ben: no", "ana: hi␍ben: no"},
		{"bell, backspace, delete", "\a\b\x7f", "␇␈␡", "␇␈␡"},
		{"C1 control sequence introducer", "\u009b31mred", "<U+009B>31mred", "<U+009B>31mred"},
		{"right-to-left override", "\u202egnp.exe", "<U+202E>gnp.exe", "<U+202E>gnp.exe"},
		{"isolate", "a\u2067b\u2069", "a<U+2067>b<U+2069>", "a<U+2067>b<U+2069>"},
		{"line separator", "a\u2028b", "a<U+2028>b", "a<U+2028>b"},
		{"zero width space", "a\u200bb\ufeff", "a<U+200B>b<U+FEFF>", "a<U+200B>b<U+FEFF>"},
		{"right-to-left script", "שלום", "שלום", "שלום"},
		{"joined emoji", "👩‍👩‍👧", "👩‍👩‍👧", "👩‍👩‍👧"},
		{"not UTF-8", "a\xffb", "a\ufffdb", "a\ufffdb"},
		{"stacked marks", "e" + strings.Repeat("\u0301", 50), "e" + strings.Repeat("\u0301", 8), "e" + strings.Repeat("\u0301", 8)},
	} {
		if got := terminal.Clean(test.in); got != test.text {
			t.Errorf("%s: Clean = %q, want %q", test.name, got, test.text)
		}
		if got := terminal.CleanLine(test.in); got != test.line {
			t.Errorf("%s: CleanLine = %q, want %q", test.name, got, test.line)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"hello", "\x1b]0;title\a", "\u202e\u2066\u009b", "a\r\nb\u2029", "\xf0\x9f", "e\u0301\u200d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		clean := terminal.Clean(text)
		if !utf8.ValidString(clean) {
			t.Fatalf("%q is not UTF-8", clean)
		}
		for _, r := range clean {
			format := unicode.Is(unicode.Cf, r) && r != 0x200c && r != 0x200d && (r < 0xe0020 || r > 0xe007f)
			if r != '\n' && unicode.IsControl(r) || format || r == 0x2028 || r == 0x2029 {
				t.Fatalf("%U in %q", r, clean)
			}
		}
		if again := terminal.Clean(clean); again != clean {
			t.Fatalf("%q cleaned again is %q", clean, again)
		}
		if line := terminal.CleanLine(text); strings.Contains(line, "\n") {
			t.Fatalf("%q has lines", line)
		}
	})
}
