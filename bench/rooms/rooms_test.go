package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/rialto-rpc/rialto/internal/bench"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// TestCentrifugeAdapter has two sessions talk in a room of a real centrifuge node.
func TestCentrifugeAdapter(t *testing.T) {
	t.Parallel()
	at := startHere(t, runCentrifuge)
	ana, bob := openSession(t, at), openSession(t, at)
	for _, s := range []bench.Session{ana, bob} {
		send(t, s, &chatv1.ConnectRequest{
			RequestId: "j", Command: &chatv1.ConnectRequest_Join{Join: &chatv1.Join{Room: "r"}},
		})
		if r := receive(t, s); r.GetReplies()[0].GetRequestId() != "j" || r.GetEvents()[0].GetSnapshot() == nil {
			t.Fatalf("a join was answered by %v", r)
		}
	}
	for _, text := range []string{"hello", "world"} {
		send(t, ana, &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Publish{Publish: &chatv1.Publish{
			Room: "r", Body: &chatv1.Publish_Text{Text: text},
		}}})
	}
	for seq, text := range []string{"hello", "world"} {
		e := receive(t, bob).GetEvents()[0]
		if e.GetRoom() != "r" || e.GetRev() != uint64(seq)+1 || e.GetPosted().GetSeq() != uint64(seq)+1 || e.GetPosted().GetText() != text {
			t.Errorf("got %v, want message %d, %q", e, seq+1, text)
		}
	}
}

// TestSocketIOPackets reads what socketio.mjs sends.
func TestSocketIOPackets(t *testing.T) {
	t.Parallel()
	s := &socketIOSession{join: &chatv1.ConnectRequest{
		RequestId: "j", Command: &chatv1.ConnectRequest_Join{Join: &chatv1.Join{Room: "r"}},
	}}
	if r := packet(t, s, `42["joined",7]`); r.GetReplies()[0].GetRequestId() != "j" || r.GetEvents()[0].GetRev() != 7 {
		t.Errorf("joined: %v", r)
	}
	e := packet(t, s, `42["message",8,"r","hello"]`).GetEvents()[0]
	if e.GetRoom() != "r" || e.GetRev() != 8 || e.GetPosted().GetText() != "hello" {
		t.Errorf("message: %v", e)
	}
	if b, err := s.packet([]byte(`40{"sid":"x"}`)); b != nil || err != nil {
		t.Errorf("a packet of the protocol became %q, %v", b, err)
	}
	for _, bad := range []string{`42`, `42["message",8]`, `42["message","x","r","t"]`, `42{`} {
		if b, err := s.packet([]byte(bad)); err == nil {
			t.Errorf("%s became %q", bad, b)
		}
	}
}

func packet(t *testing.T, s *socketIOSession, text string) *chatv1.ConnectResponse {
	t.Helper()
	b, err := s.packet([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, b)
}

func decode(t *testing.T, b []byte) *chatv1.ConnectResponse {
	t.Helper()
	r := new(chatv1.ConnectResponse)
	if err := proto.Unmarshal(b, r); err != nil {
		t.Fatal(err)
	}
	return r
}

// startHere runs a server in this process until the test ends.
func startHere(t *testing.T, serve func(context.Context, string) error) bench.Addresses {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	path := filepath.Join(t.TempDir(), "ports")
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, path) }() // ends with ctx, awaited by Cleanup
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	var at bench.Addresses
	for deadline := time.Now().Add(20 * time.Second); ; {
		b, err := os.ReadFile(path)
		if err == nil {
			if err := json.Unmarshal(b, &at); err != nil {
				t.Fatal(err)
			}
			return at
		}
		if time.Now().After(deadline) {
			t.Fatal("no port file")
		}
		time.Sleep(5 * time.Millisecond) // a file is nothing to wait on
	}
}

func openSession(t *testing.T, at bench.Addresses) bench.Session {
	t.Helper()
	s, err := dialCentrifuge(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func send(t *testing.T, s bench.Session, r *chatv1.ConnectRequest) {
	t.Helper()
	if err := s.Send(encode(r)); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, s bench.Session) *chatv1.ConnectResponse {
	t.Helper()
	b, err := s.Receive()
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, b)
}
