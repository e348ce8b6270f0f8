package e2e

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
)

// TestBadInput runs testdata/bad-input.txt: each row sends an input over a wire and expects an outcome, while somebody
// else in the same room notices nothing.
func TestBadInput(t *testing.T) {
	s := startServer(t)
	witness := newBystander(t, s.conn, "lobby")
	rows := readRows(t, "testdata/bad-input.txt")
	if len(rows) < 60 {
		t.Fatalf("the table has only %d rows", len(rows))
	}
	for _, r := range rows {
		t.Run(r.name(), func(t *testing.T) {
			c := openCall(t, s, r.wire, r.method)
			c.send(r.frames)
			r.outcome.check(t, c)
			witness.noticed(t, map[string]int{"ok": 1}[r.outcome.kind])
		})
	}
}

// row is one line of the table.
type row struct {
	line         int
	wire, method string
	input        string
	frames       []frame
	outcome      outcome
}

func (r row) name() string {
	return fmt.Sprintf("line %d %s %s", r.line, r.wire, strings.ReplaceAll(r.outcome.text, "/", "_"))
}

// frame is one thing to send: a text or binary message, or bytes to write below the WebSocket protocol.
type frame struct {
	kind string // text, binary or raw
	data []byte
}

func readRows(t *testing.T, path string) []row {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []row
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		columns := strings.Split(line, " | ")
		if len(columns) != 4 {
			t.Fatalf("%s:%d: %d columns, want 4", path, n, len(columns))
		}
		for i := range columns {
			columns[i] = strings.TrimSpace(columns[i])
		}
		r := row{line: n, wire: columns[0], method: columns[1], input: columns[2]}
		if r.frames, err = parseFrames(r.input); err != nil {
			t.Fatalf("%s:%d: %v", path, n, err)
		}
		if r.outcome, err = parseOutcome(columns[3]); err != nil {
			t.Fatalf("%s:%d: %v", path, n, err)
		}
		rows = append(rows, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// parseFrames reads the input column: frames separated by " ;; ", each text, `binary:HEX`, `raw:HEX`, or one of the
// words that stand for something longer.
func parseFrames(input string) ([]frame, error) {
	var frames []frame
	for word := range strings.SplitSeq(input, " ;; ") {
		switch kind, data, _ := strings.Cut(word, ":"); {
		case word == "(nothing)":
		case word == "(empty)":
			frames = append(frames, frame{"text", nil})
		case word == "(10,000 joins)":
			for i := range 10_000 {
				frames = append(frames, frame{"text", fmt.Appendf(nil, `{"join":{"room":"r%d"}}`, i)})
			}
		case kind == "binary" || kind == "raw":
			b, err := hex.DecodeString(string(expand(strings.ReplaceAll(data, " ", ""))))
			if err != nil {
				return nil, err
			}
			frames = append(frames, frame{kind, b})
		default:
			frames = append(frames, frame{"text", expand(word)})
		}
	}
	return frames, nil
}

var (
	repeated = regexp.MustCompile(`\{\{(.+?)\*(\d+)\}\}`)
	octets   = regexp.MustCompile(`\{\{hex ([0-9a-f]+)\}\}`)
)

// expand replaces {{x*100}} by a hundred x and {{hex ff}} by that byte.
func expand(s string) []byte {
	s = repeated.ReplaceAllStringFunc(s, func(m string) string {
		parts := repeated.FindStringSubmatch(m)
		n, _ := strconv.Atoi(parts[2]) // the pattern has digits only
		return strings.Repeat(parts[1], n)
	})
	return octets.ReplaceAllFunc([]byte(s), func(m []byte) []byte {
		b, err := hex.DecodeString(string(octets.FindSubmatch(m)[1]))
		if err != nil {
			panic(err)
		}
		return b
	})
}

// outcome is what must come of an input.
type outcome struct {
	text    string     // as written
	kind    string     // ok, reply, end or close
	code    codes.Code // of reply and end
	close   int        // of close
	field   string     // that google.rpc.BadRequest names
	mention string     // what the message must contain
}

// parseOutcome reads the outcome column:
//
//	ok                                      the input is accepted
//	reply CODE [field=F] [mention=TEXT]     an error Reply; the session goes on
//	end CODE [field=F] [mention=TEXT]       the call ends with that status
//	close N [mention=TEXT]                  the socket ends with that close code
func parseOutcome(s string) (outcome, error) {
	o := outcome{text: s}
	rest, mention, _ := strings.Cut(s, " mention=")
	o.mention = mention
	words := strings.Fields(rest)
	o.kind, words = words[0], words[1:]
	if o.kind == "ok" {
		return o, nil
	}
	if len(words) == 0 {
		return o, fmt.Errorf("outcome %q names no code", s)
	}
	var err error
	switch o.kind {
	case "reply", "end":
		err = o.code.UnmarshalJSON([]byte(`"` + words[0] + `"`))
	case "close":
		o.close, err = strconv.Atoi(words[0])
	default:
		err = fmt.Errorf("unknown outcome %q", s)
	}
	for _, w := range words[1:] {
		field, ok := strings.CutPrefix(w, "field=")
		if !ok {
			return o, fmt.Errorf("unknown word %q in outcome %q", w, s)
		}
		o.field = field
	}
	return o, err
}
