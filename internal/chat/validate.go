package chat

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/durationpb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// Sizes that the API fixes.
const (
	maxRoomBytes     = 64
	maxNameChars     = 64
	maxTitleChars    = 128
	maxIDBytes       = 64 // of client_id and request_id
	maxEmojiBytes    = 32
	maxDataTypeBytes = 128
	maxTopicBytes    = 1024
	maxReasonChars   = 256
	maxMentions      = 50
	maxUserIDBytes   = 128
	maxSlowMode      = 24 * time.Hour
)

// The validators take the path of the field in its request and return nil or [invalidArgument]. They cost one pass over
// the bytes and, where the value is valid, no allocation.

// validateRoom checks a room id: [a-z0-9][a-z0-9._-]{0,63}.
func validateRoom(field, id string) error {
	if id == "" {
		return invalidArgument(field, "must not be empty")
	}
	if len(id) > maxRoomBytes {
		return invalidArgument(field, "must be at most 64 characters")
	}
	for i := range len(id) {
		c := id[i]
		inside := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		if !inside && (i == 0 || c != '.' && c != '_' && c != '-') {
			return invalidArgument(field, "must match [a-z0-9][a-z0-9._-]{0,63}")
		}
	}
	return nil
}

// validateName checks a display name.
func validateName(field, name string) error {
	if name == "" {
		return invalidArgument(field, "must not be empty")
	}
	return validateLabel(field, name, maxNameChars)
}

// validateTitle checks a room's title, which may be empty.
func validateTitle(field, title string) error {
	if title == "" {
		return nil
	}
	return validateLabel(field, title, maxTitleChars)
}

// validateTopic checks a room's topic, which may be empty.
func validateTopic(field, topic string) error {
	if topic == "" {
		return nil
	}
	return validateProse(field, topic, maxTopicBytes)
}

// validateDirectory checks an absolute path on this machine.
func validateDirectory(field, path string) error {
	if !filepath.IsAbs(path) || strings.IndexByte(path, 0) >= 0 {
		return invalidArgument(field, "must be an absolute path")
	}
	return nil
}

// validateAbout checks what somebody says of themselves, which may be empty.
func validateAbout(field, about string) error {
	if err := validateProse(field, about, maxAboutChars*utf8.UTFMax); err != nil {
		return err
	}
	if utf8.RuneCountInString(about) > maxAboutChars {
		return tooManyChars(field, maxAboutChars)
	}
	return nil
}

// validateUserID checks a user id as a client names it: 1 to 128 printable ASCII characters without spaces.
func validateUserID(field, id string) error {
	if id == "" || len(id) > maxUserIDBytes {
		return invalidArgument(field, "must be 1 to 128 characters")
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return invalidArgument(field, "must be printable ASCII without spaces")
		}
	}
	return nil
}

// validateMentions checks the users that a message is about.
func validateMentions(field string, users []string) error {
	if len(users) > maxMentions {
		return invalidArgument(field, "must be at most 50")
	}
	for i, id := range users {
		if err := validateUserID(field, id); err != nil {
			return err
		}
		if slices.Contains(users[:i], id) {
			return invalidArgument(field, "must name each user once")
		}
	}
	return nil
}

// validateDuration returns a duration in milliseconds.
func validateDuration(field string, d *durationpb.Duration, most time.Duration) (int64, error) {
	if d.CheckValid() != nil || d.AsDuration() < 0 || d.AsDuration() > most {
		return 0, invalidArgument(field, fmt.Sprintf("must be within 0 and %d seconds", int64(most.Seconds())))
	}
	if d.AsDuration()%time.Millisecond != 0 {
		return 0, invalidArgument(field, "must be whole milliseconds")
	}
	return d.AsDuration().Milliseconds(), nil
}

// Bounds of a room's retention, and of a server's.
const (
	minRetainAge      = time.Hour
	maxRetainAge      = 100 * 365 * 24 * time.Hour
	minRetainMessages = 1000
	maxRetainMessages = 1_000_000_000_000
)

// validateRetention returns what is to be kept.
func validateRetention(field string, r *chatv1.Retention) (*storev1.Retention, error) {
	keep := &storev1.Retention{Messages: r.GetMaxMessages()}
	if n := r.GetMaxMessages(); n != 0 && (n < minRetainMessages || n > maxRetainMessages) {
		return nil, invalidArgument(field+".max_messages", "must be 1,000 to 1,000,000,000,000, or 0")
	}
	if r.MaxAge == nil {
		return keep, nil
	}
	age, err := validateDuration(field+".max_age", r.GetMaxAge(), maxRetainAge)
	if err != nil {
		return nil, err
	}
	if age < minRetainAge.Milliseconds() || age%1000 != 0 {
		return nil, invalidArgument(field+".max_age", "must be whole seconds, an hour at least")
	}
	keep.AgeMs = age
	return keep, nil
}

// validateReason checks why somebody was banned; it may be empty.
func validateReason(field, reason string) error {
	if reason == "" {
		return nil
	}
	return validateLabel(field, reason, maxReasonChars)
}

// validateRole checks a role, which may be unset.
func validateRole(field string, r chatv1.Role) error {
	if _, ok := chatv1.Role_name[int32(r)]; !ok {
		return invalidArgument(field, "must be a role")
	}
	return nil
}

// validateEmoji checks a reaction.
func validateEmoji(field, emoji string) error {
	if emoji == "" {
		return invalidArgument(field, "must not be empty")
	}
	if len(emoji) > maxEmojiBytes {
		return invalidArgument(field, "must be at most 32 bytes")
	}
	for _, r := range emoji {
		if unicode.IsSpace(r) {
			return invalidArgument(field, "must not contain white space")
		}
	}
	return validateLabel(field, emoji, maxEmojiBytes)
}

// validateLabel checks what people typed and others see in one line, beside other things: no control characters, no
// line breaks, nothing that turns the direction of what stands beside it (Unicode's Bidi_Control), and something to see.
func validateLabel(field, s string, maxChars int) error {
	if len(s) > maxChars*utf8.UTFMax {
		return tooManyChars(field, maxChars)
	}
	chars, visible := 0, false
	for i := 0; i < len(s); chars++ {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' || c == 0x7f {
				return invalidArgument(field, "must not contain control characters")
			}
			visible = visible || c != ' '
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return invalidArgument(field, "must be valid UTF-8")
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029':
			return invalidArgument(field, "must not contain control characters")
		case unicode.Is(unicode.Bidi_Control, r):
			return invalidArgument(field, "must not contain bidirectional formatting characters")
		}
		visible = visible || isVisible(r)
		i += size
	}
	if chars > maxChars {
		return tooManyChars(field, maxChars)
	}
	if !visible {
		return invalidArgument(field, "must contain a visible character")
	}
	return nil
}

func tooManyChars(field string, n int) error {
	return invalidArgument(field, fmt.Sprintf("must be at most %d characters", n))
}

// isVisible reports whether a rune leaves ink: letters, digits, punctuation and symbols, without the fillers and the
// blank that Unicode counts among them.
func isVisible(r rune) bool {
	const brailleBlank = '\u2800'
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) &&
		!unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) && r != brailleBlank
}

// validateClientID checks a client_id; empty means not deduplicated.
func validateClientID(field, id string) error { return validateID(field, id) }

// validateRequestID checks a request_id; empty means that only an error is replied.
func validateRequestID(field, id string) error { return validateID(field, id) }

func validateID(field, id string) error {
	if len(id) > maxIDBytes {
		return invalidArgument(field, "must be at most 64 bytes")
	}
	for i := 0; i < len(id); {
		if c := id[i]; ' ' <= c && c < 0x7f {
			i++
			continue
		}
		size, problem := plainRune(id[i:])
		if problem != "" {
			return invalidArgument(field, problem)
		}
		i += size
	}
	return nil
}

// validateText checks a message's text.
func (l Limits) validateText(field, text string) error {
	switch {
	case text == "":
		return invalidArgument(field, "must not be empty")
	case len(text) > l.TextBytes:
		return invalidSize(field, MaxText, l.TextBytes)
	}
	return validateProse(field, text, l.TextBytes)
}

// validateProse checks text of several lines: tab and newline are its only control characters.
func validateProse(field, text string, maxBytes int) error {
	if len(text) > maxBytes {
		return invalidArgument(field, fmt.Sprintf("must be at most %d bytes", maxBytes))
	}
	for i := 0; i < len(text); {
		if c := text[i]; c == '\n' || c == '\t' || ' ' <= c && c < 0x7f {
			i++
			continue
		}
		size, problem := plainRune(text[i:])
		if problem != "" {
			return invalidArgument(field, problem)
		}
		i += size
	}
	return nil
}

// plainRune returns the size of the first rune of s, or what is wrong with it: invalid UTF-8 or a control character
// (Unicode's Cc: U+0000 to U+001F and U+007F to U+009F).
func plainRune(s string) (size int, problem string) {
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && size <= 1:
		return size, "must be valid UTF-8"
	case unicode.IsControl(r):
		return size, "must not contain control characters"
	}
	return size, ""
}

// validateData checks typed bytes. The path is that of the Data message.
func (l Limits) validateData(field string, d *chatv1.Data) error {
	kind := d.GetType()
	if kind == "" || len(kind) > maxDataTypeBytes {
		return invalidArgument(field+".type", "must be 1 to 128 characters")
	}
	for i := range len(kind) {
		if kind[i] < ' ' || kind[i] > '~' {
			return invalidArgument(field+".type", "must be printable ASCII")
		}
	}
	if len(d.GetValue()) > l.DataBytes {
		return invalidSize(field+".value", MaxData, l.DataBytes)
	}
	return nil
}
