package bridge_test

import (
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// The conversation in docs/protocol.md is one that a client can have with a server, byte for byte.
func TestProtocolDocSpeaksMultiplexed(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, examples, ok := strings.Cut(string(doc), "## Examples of multiplexed mode")
	if !ok {
		t.Fatal("docs/protocol.md has no examples")
	}
	p := serve(t, &echoServer{}).dialMuxSilent(t, nil)
	p.byHand = true
	frames := framesOf(t, examples)
	if len(frames) < 15 {
		t.Fatalf("only %d frames in docs/protocol.md", len(frames))
	}
	for _, f := range frames {
		if f.fromClient {
			if err := p.conn.WriteMessage(websocket.BinaryMessage, f.data); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := p.read()
		if err != nil || string(got.encode()) != string(f.data) {
			t.Fatalf("the server says % x, %v; the page says % x", got.encode(), err, f.data)
		}
	}
}

type docFrame struct {
	fromClient bool
	data       []byte
}

var docLine = regexp.MustCompile(`^    ([<> ]) ((?:[0-9a-f]{2} ?)+)(?: .*)?$`)

func framesOf(t *testing.T, text string) (frames []docFrame) {
	for line := range strings.SplitSeq(text, "\n") {
		match := docLine.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		data, err := hex.DecodeString(strings.ReplaceAll(match[2], " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if match[1] == " " {
			last := &frames[len(frames)-1]
			last.data = append(last.data, data...)
			continue
		}
		frames = append(frames, docFrame{match[1] == ">", data})
	}
	return frames
}
