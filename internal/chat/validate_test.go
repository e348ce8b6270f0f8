package chat

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// The fields that are strings. The name in the table is the path that must come back.
var stringFields = map[string]func(field, value string) error{
	"room":         validateRoom,
	"display_name": validateName,
	"title":        validateTitle,
	"emoji":        validateEmoji,
	"client_id":    validateClientID,
	"request_id":   validateRequestID,
	"text":         Limits{}.withDefaults().validateText,
}

func TestValidateStrings(t *testing.T) {
	t.Parallel()
	const (
		valid    = ""
		empty    = "must not be empty"
		control  = "must not contain control characters"
		bidi     = "must not contain bidirectional formatting characters"
		visible  = "must contain a visible character"
		utf8text = "must be valid UTF-8"
		pattern  = "must match [a-z0-9][a-z0-9._-]{0,63}"
	)
	chars := func(n int) string { return fmt.Sprintf("must be at most %d characters", n) }
	bytes := func(n int) string { return fmt.Sprintf("must be at most %d bytes", n) }
	repeat := strings.Repeat
	type rows map[string]string // value -> what is wrong
	for field, values := range map[string]rows{
		"room": {
			"a": valid, "0": valid, "lobby": valid, "a.b_c-d": valid, "a..": valid, "9-": valid, repeat("a", 64): valid,
			"": empty, repeat("a", 65): chars(64), repeat("a", 100<<10): chars(64),
			".a": pattern, "_a": pattern, "-a": pattern, "A": pattern, "aB": pattern, "a b": pattern, "a/b": pattern,
			"a\n": pattern, "\x00": pattern, "a\x00": pattern, "ä": pattern, "a\xff": pattern, "а": pattern, // Cyrillic a
			"<script>": pattern, "a:b": pattern, "a@b": pattern, "a`": pattern, "a{": pattern, "a,": pattern,
		},
		"display_name": {
			"a": valid, "Ana Díaz": valid, "אנה": valid, "أحمد": valid, "張": valid, "🦜": valid, "👩‍👩‍👧‍👦": valid, "<b>": valid,
			".": valid, " a ": valid, "e\u0301": valid, "a\u200db": valid, repeat("x", 64): valid, repeat("🦜", 64): valid,
			"": empty, repeat("x", 65): chars(64), repeat("é", 65): chars(64), repeat("x", 100<<10): chars(64),
			"a\nb": control, "a\tb": control, "a\rb": control, "\x00": control, "\x1b[31m": control, "a\x7f": control,
			"a\u0085": control, "a\u009f": control, "a\u2028": control, "a\u2029b": control,
			"a\u202e": bidi, "\u202aa": bidi, "a\u2066": bidi, "a\u2069": bidi, "\u200ea": bidi, "a\u200f": bidi, "\u061ca": bidi,
			" ": visible, "\u00a0": visible, "\u200b": visible, "\u200d\u200c": visible, "\u2060\ufeff": visible,
			"\u3164": visible, "\u115f\u1160": visible, "\uffa0": visible, "\u2800": visible, "\u0301": visible,
			"\ufe0f": visible, "\u00ad": visible, "\U000e0041": visible, "\u3000": visible,
			"\xff": utf8text, "a\xc3": utf8text, "\xed\xa0\x80": utf8text, "a\xc0\x80": utf8text, "\ufffd": valid,
		},
		"title": {
			"": valid, "The Rialto": valid, repeat("x", 128): valid, repeat("🦜", 128): valid,
			repeat("x", 129): chars(128), repeat("🦜", 129): chars(128), repeat("🦜", 1<<20): chars(128),
			"a\nb": control, "\u202e": bidi, " ": visible, "\xff": utf8text,
		},
		"emoji": {
			"👍": valid, "👍🏽": valid, "👩‍👩‍👧‍👦": valid, "🏴\U000e0067\U000e0062\U000e007f": valid, "1️⃣": valid, "+1": valid, ":tada:": valid, "é": valid,
			repeat("x", 32): valid, repeat("👍", 8): valid,
			"": empty, repeat("x", 33): bytes(32), repeat("👍", 9): bytes(32),
			"a b": "must not contain white space", "\u00a0": "must not contain white space", "a\n": "must not contain white space",
			"\u3000": "must not contain white space", "a\x00": control, "a\x1f": control, "a\u202e": bidi,
			"\u200b": visible, "\ufe0f": visible, "\xff": utf8text, "👍\xf0": utf8text,
		},
		"client_id": {
			"": valid, "a": valid, repeat("x", 64): valid, repeat("🦜", 16): valid, "550e8400-e29b-41d4-a716-446655440000": valid, "a b": valid,
			repeat("x", 65): bytes(64), repeat("🦜", 17): bytes(64), repeat("x", 100<<10): bytes(64),
			"\x00": control, "a\nb": control, "a\u0085": control, "\xff": utf8text, "a\xe2\x82": utf8text,
		},
		"request_id": {
			"": valid, "1": valid, repeat("x", 64): valid, repeat("x", 65): bytes(64), "\x00": control, "\xff": utf8text,
		},
		"text": {
			"a": valid, " ": valid, "a\n\tb": valid, "<script>alert(1)</script>": valid, "\u202eabc\u202c": valid, "\u2028": valid, "\u200b": valid,
			"\ufffd": valid, repeat("x", 16<<10): valid, repeat("🦜", 4<<10): valid,
			"": empty, repeat("x", 16<<10+1): bytes(16384), repeat("x", 1<<20): bytes(16384),
			"\x00": control, "a\r\nb": control, "a\rb": control, "\x1b[2J": control, "a\x7f": control, "a\v": control, "a\f": control,
			"a\u0080": control, "a\u0085b": control, "\u009f": control,
			"\xff": utf8text, "a\xc3(": utf8text, "\xed\xa0\x80": utf8text, "\xf4\x90\x80\x80": utf8text, "🦜\xf0\x9f": utf8text,
		},
	} {
		for value, problem := range values {
			err := stringFields[field](field, value)
			checkViolation(t, fmt.Sprintf("%s %.40q (%d bytes)", field, value, len(value)), err, field, problem)
			if err != nil && len(value) > 20 && strings.Contains(err.Error(), value) {
				t.Errorf("%s: the error repeats the value", field)
			}
		}
	}
}

// checkViolation compares an error with the violation it must hold; none if problem is empty.
func checkViolation(t *testing.T, what string, err error, field, problem string) {
	t.Helper()
	if problem == "" {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("%s: %v, want INVALID_ARGUMENT: %s", what, err, problem)
		return
	}
	v := detail[*errdetails.BadRequest](t, err).GetFieldViolations()
	if len(v) != 1 || v[0].GetField() != field || v[0].GetDescription() != problem {
		t.Errorf("%s: violations %v, want %s: %s", what, v, field, problem)
	}
}

func TestValidateData(t *testing.T) {
	t.Parallel()
	limits := Limits{DataBytes: 10}.withDefaults()
	const size, ascii = "must be 1 to 128 characters", "must be printable ASCII"
	for _, c := range []struct {
		data           *chatv1.Data
		field, problem string
	}{
		{&chatv1.Data{Type: "x"}, "", ""},
		{&chatv1.Data{Type: "text/plain; charset=utf-8", Value: make([]byte, 10)}, "", ""},
		{&chatv1.Data{Type: " ~", Value: []byte{0, 0xff}}, "", ""},
		{&chatv1.Data{Type: strings.Repeat("x", 128)}, "", ""},
		{nil, "data.type", size},
		{&chatv1.Data{Value: []byte("x")}, "data.type", size},
		{&chatv1.Data{Type: strings.Repeat("x", 129)}, "data.type", size},
		{&chatv1.Data{Type: "a\n"}, "data.type", ascii},
		{&chatv1.Data{Type: "a\x7f"}, "data.type", ascii},
		{&chatv1.Data{Type: "é"}, "data.type", ascii},
		{&chatv1.Data{Type: "x", Value: make([]byte, 11)}, "data.value", "must be at most 10 bytes"},
	} {
		checkViolation(t, c.data.String(), limits.validateData("data", c.data), c.field, c.problem)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	if got, want := (Limits{}).withDefaults(), (Limits{
		TextBytes: 16384, DataBytes: 65536, Members: 100_000, Reactions: 500, ReactionKinds: 20,
	}); got != want {
		t.Errorf("defaults %+v, want %+v", got, want)
	}
	raised := Limits{TextBytes: MaxBodyBytes, DataBytes: 1, Members: 1, Reactions: MostReactions, ReactionKinds: 1}
	if got := raised.withDefaults(); got != raised || raised.Validate() != nil || (Limits{}).Validate() != nil {
		t.Errorf("%+v became %+v", raised, got)
	}
	if err := raised.validateText("text", strings.Repeat("x", MaxBodyBytes)); err != nil {
		t.Error(err)
	}
	for _, l := range []Limits{
		{TextBytes: -1}, {DataBytes: -1}, {TextBytes: MaxBodyBytes + 1}, {DataBytes: MaxBodyBytes + 1},
		{Members: -1}, {Members: MostMembers + 1}, {Reactions: MostReactions + 1}, {ReactionKinds: MostReactionKinds + 1},
	} {
		if l.Validate() == nil {
			t.Errorf("%+v is taken", l)
		}
	}
}

// validValues are what the benchmarks and the allocation test look at.
var validValues = map[string]string{
	"room":         "engineering.backend-2026",
	"display_name": "Ana Díaz 🦜",
	"title":        "What news on the Rialto?",
	"emoji":        "👍🏽",
	"client_id":    "550e8400-e29b-41d4-a716-446655440000",
	"request_id":   "42",
	"text":         strings.Repeat("What news on the Rialto? ", 5),
}

func TestValidValuesCostNoAllocation(t *testing.T) { // not parallel: AllocsPerRun counts the whole process
	for field, value := range validValues {
		validate := stringFields[field]
		if n := testing.AllocsPerRun(100, func() {
			if err := validate(field, value); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", field, n)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	bench := func(name string, validate func(field, value string) error, value string) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(value)))
			for b.Loop() {
				if err := validate("field", value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for field, value := range validValues {
		bench(field, stringFields[field], value)
	}
	bench("text not ASCII", stringFields["text"], strings.Repeat("Τί νέα στο Ριάλτο; ", 5))
	bench("text 16 KiB", stringFields["text"], strings.Repeat("x", 16<<10))
}

// FuzzValidate holds that nothing valid breaks a key, a log or a terminal.
func FuzzValidate(f *testing.F) {
	for _, value := range validValues {
		f.Add(value)
	}
	for _, value := range []string{"", "\x00", "a\r\n", "\u0085", "\u202e", "\xff", "\xed\xa0\x80", "\u200b", "🦜"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for field, validate := range stringFields {
			if validate(field, value) != nil {
				continue
			}
			plain := strings.IndexFunc(value, func(r rune) bool {
				return unicode.IsControl(r) && (field != "text" || r != '\n' && r != '\t')
			}) < 0
			if !utf8.ValidString(value) || !plain {
				t.Errorf("%s %q is taken", field, value)
			}
		}
	})
}
